#include "initiator/device/native/pdu_reader.h"

#include <algorithm>
#include <cstring>

namespace holdfast::initiator {

PduReader::PduReader(Loop& loop, int fd, iscsi::Digests digests, Owner& owner)
    : loop_(loop), fd_(fd), digests_(digests), owner_(owner), buffer_(buffer_bytes) {}

void PduReader::stop() {
  stopped_ = true;
  if (in_flight()) loop_.cancel(*this);
}

void PduReader::complete(std::int32_t result, bool) {
  if (stopped_ || result <= 0) {
    stopped_ = true;
    owner_.stream_ended(-result);
    return;
  }
  owner_.heard();
  const auto bytes = static_cast<std::size_t>(result);
  const std::size_t in_place = std::min(bytes, landing_bytes_);
  landed(in_place);
  end_ += bytes - in_place;
  parse();
}

void PduReader::parse() {
  for (int pdus = 0; !stopped_; ++pdus) {
    if (pdus == pdus_per_turn_max) {
      loop_.at_turn_end(*this);  // Others are waiting for this thread too.
      return;
    }
    if (!in_segment_ && !parse_header()) break;
    if (stopped_) break;
    if (!parse_segment()) break;
  }
  if (stopped_)
    owner_.stream_ended(0);
  else
    receive();
}

/// True if a header was there; then `intake_` says what becomes of its data.
bool PduReader::parse_header() {
  const std::span<const std::byte> here = buffer_.span().subspan(begin_, end_ - begin_);
  if (here.size() < iscsi::bhs_bytes) return false;
  iscsi::GenericBhs header;
  std::memcpy(static_cast<void*>(&header), here.data(), sizeof header);
  const std::size_t covered = iscsi::bhs_bytes + std::size_t{header.ahs_words} * 4;
  const iscsi::PduLayout layout = iscsi::layout_of(header, digests_);
  const std::size_t whole = covered + layout.header_digest_bytes;
  if (here.size() < whole) return false;
  if (digests_.header) {
    iscsi::Crc32c crc;
    crc.add(here.first(covered));
    const iscsi::DigestBytes right = crc.wire();
    if (std::memcmp(right.data(), here.data() + covered, right.size()) != 0) {
      stopped_ = true;
      owner_.digest_is_wrong("header");
      return true;
    }
  }
  intake_ = owner_.header_arrived(header);
  if (intake_.kind == Intake::Kind::stop) {
    stopped_ = true;
    return true;
  }
  begin_ += whole;
  in_segment_ = true;
  segment_left_ = layout.data_bytes;
  padding_left_ = layout.padding_bytes;
  digest_left_ = layout.data_digest_bytes;
  has_digest_ = digest_left_ > 0;
  crc_ = {};
  collected_.clear();
  return true;
}

/// True when all of it is here, and was told.
bool PduReader::parse_segment() {
  const std::size_t data = std::min<std::size_t>(segment_left_, end_ - begin_);
  if (data > 0) {
    const std::span<const std::byte> bytes = std::span<const std::byte>(buffer_.span()).subspan(begin_, data);
    if (has_digest_) crc_.add(bytes);
    if (intake_.kind == Intake::Kind::land)
      intake_.memory->put(bytes);
    else
      collected_.insert(collected_.end(), bytes.begin(), bytes.end());
    segment_left_ -= static_cast<std::uint32_t>(data);
    begin_ += data;
  }
  if (segment_left_ > 0) return false;
  if (padding_left_ + digest_left_ > 0 && !take_padding_and_digest()) return false;
  in_segment_ = false;
  if (has_digest_ && crc_.wire() != digest_) {
    stopped_ = true;
    owner_.digest_is_wrong("data");
  } else {
    owner_.pdu_arrived(collected_);
  }
  return true;
}

bool PduReader::take_padding_and_digest() {
  const std::span<const std::byte> bytes = buffer_.span();
  const std::size_t padding = std::min<std::size_t>(padding_left_, end_ - begin_);
  if (has_digest_) crc_.add(bytes.subspan(begin_, padding));
  padding_left_ -= static_cast<std::uint32_t>(padding);
  begin_ += padding;
  if (padding_left_ > 0) return false;
  const std::size_t digest = std::min<std::size_t>(digest_left_, end_ - begin_);
  std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(begin_), digest,
              digest_.end() - static_cast<std::ptrdiff_t>(digest_left_));
  digest_left_ -= static_cast<std::uint32_t>(digest);
  begin_ += digest;
  return digest_left_ == 0;
}

// All that could be parsed was, so what is left in the buffer is less than a header, or nothing while a
// segment is under way.
void PduReader::receive() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  std::size_t room = buffer_.size() - end_;
  landing_bytes_ = 0;
  if (in_segment_ && segment_left_ > 0 && intake_.kind == Intake::Kind::land) {
    std::size_t count = 0;
    MemoryCursor ahead = *intake_.memory;  // The cursor itself moves on when the bytes are there.
    while (landing_bytes_ < segment_left_ && count < landing_vectors_max) {
      vectors_[count] = ahead.next(segment_left_ - landing_bytes_);
      landing_bytes_ += vectors_[count++].iov_len;
    }
    if (landing_bytes_ == segment_left_)
      vectors_[count++] = {buffer_.data(), owner_.expects_long_segments() ? look_ahead_bytes : room};
    message_ = msghdr{};
    message_.msg_iov = vectors_.data();
    message_.msg_iovlen = count;
    loop_.submit(Operation::recvmsg(fd_, &message_), *this);
    return;
  }
  if (!in_segment_ && owner_.expects_long_segments()) room = std::min(room, look_ahead_bytes);
  loop_.submit(Operation::recv(fd_, buffer_.data() + end_, room), *this);
}

/// The next bytes of the segment have been received straight into memory.
void PduReader::landed(std::size_t bytes) {
  segment_left_ -= static_cast<std::uint32_t>(bytes);
  while (bytes > 0) {
    const iovec piece = intake_.memory->next(bytes);
    if (has_digest_) crc_.add({static_cast<const std::byte*>(piece.iov_base), piece.iov_len});
    bytes -= piece.iov_len;
  }
}

}  // namespace holdfast::initiator
