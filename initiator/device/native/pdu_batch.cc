#include "initiator/device/native/pdu_batch.h"

#include "common/base/check.h"

namespace holdfast::initiator {
namespace {

constexpr std::array<std::byte, 4> padding{};

}  // namespace

void PduBatch::clear() {
  pdus_ = 0;
  vectors_ = 0;
  first_ = 0;
  bytes_ = 0;
}

void PduBatch::refer(const void* data, std::size_t bytes) {
  CHECK(vectors_ < vectors_max);
  vector_[vectors_++] = iovec{const_cast<void*>(data), bytes};
  bytes_ += bytes;
}

void PduBatch::add(const iscsi::HeaderBytes& header, std::size_t data_bytes, MemoryCursor& data) {
  CHECK(pdus_ < pdus_max);
  Header& place = headers_[pdus_];
  place.bytes = header;
  if (digests_.header) {
    iscsi::Crc32c crc;
    crc.add(place.bytes);
    place.digest = crc.wire();
  }
  refer(&place, digests_.header ? sizeof place : sizeof place.bytes);
  ++pdus_;
  if (data_bytes == 0) return;
  iscsi::Crc32c crc;
  for (std::size_t left = data_bytes; left > 0;) {
    const iovec piece = data.next(left);
    CHECK(piece.iov_len > 0);
    refer(piece.iov_base, piece.iov_len);
    if (digests_.data) crc.add({static_cast<const std::byte*>(piece.iov_base), piece.iov_len});
    left -= piece.iov_len;
  }
  const std::size_t fill = iscsi::padding_of(static_cast<std::uint32_t>(data_bytes));
  if (fill > 0) refer(padding.data(), fill);
  if (!digests_.data) return;
  crc.add(std::span(padding).first(fill));
  iscsi::DigestBytes& digest = data_digests_[pdus_ - 1];
  digest = crc.wire();
  refer(digest.data(), digest.size());
}

const msghdr* PduBatch::message() {
  if (first_ == vectors_) return nullptr;
  message_ = msghdr{};
  message_.msg_iov = vector_.data() + first_;
  message_.msg_iovlen = vectors_ - first_;
  return &message_;
}

void PduBatch::consumed(std::size_t bytes) {
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

}  // namespace holdfast::initiator
