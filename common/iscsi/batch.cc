#include "common/iscsi/batch.h"

#include "common/base/check.h"

namespace holdfast::iscsi {
namespace {

constexpr std::array<std::byte, 4> padding{};

}  // namespace

void Batch::clear() {
  headers_ = 0;
  vectors_ = 0;
  first_ = 0;
  bytes_ = 0;
}

void Batch::add_header(const HeaderBytes& header) {
  CHECK(headers_ < headers_max);
  Header& place = header_bytes_[headers_++];
  place.bytes = header;
  if (digests_.header) {
    Crc32c crc;
    crc.add(place.bytes);
    place.digest = crc.wire();
  }
  add_data(&place, digests_.header ? sizeof place : place.bytes.size());
  segment_ = vectors_;
}

void Batch::add_data(const void* data, std::size_t bytes) {
  if (bytes == 0) return;
  CHECK(vectors_ < vectors_max);
  vector_[vectors_++] = iovec{const_cast<void*>(data), bytes};
  bytes_ += bytes;
}

void Batch::pad(std::size_t bytes) {
  add_data(padding.data(), padding_of(static_cast<std::uint32_t>(bytes)));
  if (!digests_.data || bytes == 0) return;
  Crc32c crc;
  for (std::size_t i = segment_; i < vectors_; ++i)
    crc.add({static_cast<const std::byte*>(vector_[i].iov_base), vector_[i].iov_len});
  DigestBytes& place = data_digests_[headers_ - 1];
  place = crc.wire();
  add_data(place.data(), place.size());
}

void Batch::add_segment(MemoryCursor& data, std::size_t bytes) {
  for (std::size_t left = bytes; left > 0;) {
    const iovec piece = data.next(left);
    CHECK(piece.iov_len > 0);
    add_data(piece.iov_base, piece.iov_len);
    left -= piece.iov_len;
  }
  pad(bytes);
}

const msghdr* Batch::message() {
  if (first_ == vectors_) return nullptr;
  message_ = msghdr{};
  message_.msg_iov = vector_.data() + first_;
  message_.msg_iovlen = vectors_ - first_;
  return &message_;
}

void Batch::consumed(std::size_t bytes) {
  while (first_ < vectors_ && bytes >= vector_[first_].iov_len) {
    bytes -= vector_[first_].iov_len;
    ++first_;
  }
  if (bytes == 0) return;
  CHECK(first_ < vectors_);
  iovec& rest = vector_[first_];
  rest.iov_base = static_cast<std::byte*>(rest.iov_base) + bytes;
  rest.iov_len -= bytes;
}

}  // namespace holdfast::iscsi
