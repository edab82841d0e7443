#include "common/iscsi/receiver.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/check.h"

namespace holdfast::iscsi {

Receiver::Receiver(Loop& loop, int fd, Digests digests, Owner& owner, std::size_t buffer_bytes)
    : Timer(loop), loop_(loop), fd_(fd), digests_(digests), owner_(owner), buffer_(buffer_bytes) {
  stay_on(loop.thread());
}

void Receiver::resume() {
  if (!postponed_ || stopped_) return;
  postponed_ = false;
  if (!queued()) loop_.defer(*this);
}

void Receiver::stop() {
  stopped_ = true;
  disarm();
  if (in_flight()) loop_.cancel(*this);
}

void Receiver::run() {
  if (stopped_) {
    owner_.stream_ended(0);
    return;
  }
  continue_reading();
}

void Receiver::continue_reading() {
  for (int pdus = 0; !stopped_ && !postponed_; ++pdus) {
    if (pdus == pdus_per_turn_max) {
      loop_.at_turn_end(*this);  // The others' turn.
      return;
    }
    if (!in_segment_ && !parse_header()) break;
    if (stopped_ || postponed_) return;
    parse_segment();
    if (in_segment_) break;
  }
  if (!stopped_ && !postponed_ && !rests()) receive();
}

bool Receiver::rests() {
  if (in_segment_ || begin_ != end_ || came_ == 0) return false;
  const Duration rest = owner_.rest(std::exchange(came_, 0));
  if (rest <= Duration(0)) return false;
  arm(clock_now() + rest);
  return true;
}

bool Receiver::parse_header() {
  const std::span<const std::byte> here = buffer_.span().subspan(begin_, end_ - begin_);
  if (here.size() < bhs_bytes) return false;
  const auto header = from_bytes<GenericBhs>(here.first<bhs_bytes>());
  const std::size_t additional_bytes = std::size_t{header.ahs_words} * 4;
  const std::size_t covered = bhs_bytes + additional_bytes;
  const PduLayout layout = layout_of(header, digests_);
  if (here.size() < covered + layout.header_digest_bytes) return false;
  if (digests_.header) {
    Crc32c crc;
    crc.add(here.first(covered));
    const DigestBytes right = crc.wire();
    if (!std::equal(right.begin(), right.end(), here.begin() + static_cast<std::ptrdiff_t>(covered))) {
      stopped_ = true;
      owner_.header_is_spoiled();
      return true;
    }
  }

  intake_ = owner_.header_arrived(header, here.subspan(bhs_bytes, additional_bytes));
  if (intake_.kind == Intake::Kind::later) {
    postponed_ = true;
    return true;
  }
  if (intake_.kind == Intake::Kind::stop) {
    stopped_ = true;
    return true;
  }
  begin_ += covered + layout.header_digest_bytes;
  in_segment_ = true;
  segment_left_ = header.data_segment_bytes;
  padding_left_ = layout.padding_bytes;
  digest_left_ = layout.data_digest_bytes;
  has_digest_ = digest_left_ > 0;
  expects_long_segment_ = segment_left_ >= long_segment_bytes;
  crc_ = {};
  if (intake_.kind != Intake::Kind::land) intake_.bytes = 0;
  intake_.bytes = std::min(intake_.bytes, segment_left_);
  collected_.clear();
  return true;
}

void Receiver::parse_segment() {
  const std::size_t data = std::min<std::size_t>(segment_left_, end_ - begin_);
  place(std::span<const std::byte>(buffer_.span()).subspan(begin_, data));
  begin_ += data;
  if (segment_left_ > 0) return;
  if (!take_padding_and_digest()) return;
  in_segment_ = false;
  if (has_digest_ && crc_.wire() != digest_)
    owner_.data_is_spoiled();
  else
    owner_.pdu_arrived(collected_);
  if (collected_.capacity() > buffer_bytes_usual) std::vector<std::byte>().swap(collected_);
}

/// True when all of it is here.
bool Receiver::take_padding_and_digest() {
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

/// Puts the next bytes of the segment where they belong.
void Receiver::place(std::span<const std::byte> bytes) {
  segment_left_ -= static_cast<std::uint32_t>(bytes.size());
  if (has_digest_) crc_.add(bytes);
  if (intake_.kind == Intake::Kind::collect)
    collected_.insert(collected_.end(), bytes.begin(), bytes.end());
  const std::size_t wanted = std::min<std::size_t>(bytes.size(), intake_.bytes);
  if (wanted == 0) return;
  intake_.memory->put(bytes.first(wanted));
  intake_.bytes -= static_cast<std::uint32_t>(wanted);
}

// The parser has used up all that it could, so what is left in the buffer is less than a header,
// and nothing at all while a segment is under way.
void Receiver::receive() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  landing_bytes_ = 0;
  if (in_segment_ && intake_.bytes > 0) return receive_landing();
  const bool only_header = expects_long_segment_ && !in_segment_ && end_ < look_ahead_bytes;
  const std::size_t room = (only_header ? look_ahead_bytes : buffer_.size()) - end_;
  loop_.submit(Operation::recv(fd_, buffer_.data() + end_, room), *this);
}

void Receiver::receive_landing() {
  std::size_t count = 0;
  MemoryCursor ahead = *intake_.memory;  // The cursor itself moves on when the bytes are there.
  while (landing_bytes_ < intake_.bytes && count < landing_vectors_max) {
    vectors_[count] = ahead.next(intake_.bytes - landing_bytes_);
    landing_bytes_ += vectors_[count++].iov_len;
  }
  if (landing_bytes_ == intake_.bytes)
    vectors_[count++] = {buffer_.data(), expects_long_segment_ ? look_ahead_bytes : buffer_.size()};
  message_ = msghdr{};
  message_.msg_iov = vectors_.data();
  message_.msg_iovlen = count;
  loop_.submit(Operation::recvmsg(fd_, &message_), *this);
}

void Receiver::complete(std::int32_t result, bool) {
  if (stopped_ || result <= 0) {
    stopped_ = true;
    owner_.stream_ended(-result);
    return;
  }
  owner_.heard();
  const auto bytes = static_cast<std::size_t>(result);
  came_ += bytes;
  const std::size_t in_place = std::min(bytes, landing_bytes_);
  landed(in_place);
  end_ += bytes - in_place;
  continue_reading();
}

/// The next bytes of the segment have been received straight into memory.
void Receiver::landed(std::size_t bytes) {
  segment_left_ -= static_cast<std::uint32_t>(bytes);
  intake_.bytes -= static_cast<std::uint32_t>(bytes);
  while (bytes > 0) {
    const iovec piece = intake_.memory->next(bytes);
    if (has_digest_) crc_.add({static_cast<const std::byte*>(piece.iov_base), piece.iov_len});
    bytes -= piece.iov_len;
  }
}

}  // namespace holdfast::iscsi
