#include "target/session/receiver.h"

#include <algorithm>
#include <cstring>

#include "common/base/check.h"
#include "target/session/data_memory.h"

namespace holdfast::target {

Receiver::Receiver(Loop& loop, int fd, Owner& owner)
    : loop_(loop), fd_(fd), owner_(owner), buffer_(buffer_bytes) {}

void Receiver::resume() {
  if (!postponed_ || stopped_) return;
  postponed_ = false;
  if (!queued()) loop_.defer(*this);
}

void Receiver::stop() {
  stopped_ = true;
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
  if (!stopped_ && !postponed_) receive();
}

bool Receiver::parse_header() {
  const std::span<const std::byte> here = buffer_.span().subspan(begin_, end_ - begin_);
  if (here.size() < iscsi::bhs_bytes) return false;
  const auto header = iscsi::from_bytes<iscsi::GenericBhs>(here.first<iscsi::bhs_bytes>());
  const std::size_t additional_bytes = std::size_t{header.ahs_words} * 4;
  if (here.size() < iscsi::bhs_bytes + additional_bytes) return false;

  intake_ = owner_.header_arrived(header, here.subspan(iscsi::bhs_bytes, additional_bytes));
  if (intake_.kind == Intake::Kind::later) {
    postponed_ = true;
    return true;
  }
  if (intake_.kind == Intake::Kind::stop) {
    stopped_ = true;
    return true;
  }
  begin_ += iscsi::bhs_bytes + additional_bytes;
  in_segment_ = true;
  segment_left_ = header.data_segment_bytes;
  padding_left_ = (4 - segment_left_ % 4) % 4;
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
  const std::size_t padding = std::min<std::size_t>(padding_left_, end_ - begin_);
  padding_left_ -= static_cast<std::uint32_t>(padding);
  begin_ += padding;
  if (padding_left_ > 0) return;
  in_segment_ = false;
  owner_.pdu_arrived(collected_);
  if (collected_.capacity() > buffer_bytes) std::vector<std::byte>().swap(collected_);
}

/// Puts the next bytes of the segment where they belong.
void Receiver::place(std::span<const std::byte> bytes) {
  segment_left_ -= static_cast<std::uint32_t>(bytes.size());
  if (intake_.kind == Intake::Kind::collect)
    collected_.insert(collected_.end(), bytes.begin(), bytes.end());
  while (intake_.bytes > 0 && !bytes.empty()) {
    const std::size_t in_chunk = intake_.offset % DataMemory::chunk_bytes;
    const std::size_t piece = std::min({bytes.size(), std::size_t{intake_.bytes},
                                        DataMemory::chunk_bytes - in_chunk});
    std::memcpy(intake_.chunks[intake_.offset / DataMemory::chunk_bytes] + in_chunk, bytes.data(),
                piece);
    intake_.offset += static_cast<std::uint32_t>(piece);
    intake_.bytes -= static_cast<std::uint32_t>(piece);
    bytes = bytes.subspan(piece);
  }
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
  std::size_t count = 0;
  landing_bytes_ = 0;
  while (landing_bytes_ < intake_.bytes && in_segment_ && count < landing_vectors_max) {
    const std::size_t offset = intake_.offset + landing_bytes_;
    const std::size_t in_chunk = offset % DataMemory::chunk_bytes;
    const std::size_t piece =
        std::min(intake_.bytes - landing_bytes_, DataMemory::chunk_bytes - in_chunk);
    vectors_[count++] = {intake_.chunks[offset / DataMemory::chunk_bytes] + in_chunk, piece};
    landing_bytes_ += piece;
  }
  if (count == 0) {
    loop_.submit(Operation::recv(fd_, buffer_.data() + end_, buffer_.size() - end_), *this);
    return;
  }
  if (landing_bytes_ == intake_.bytes) vectors_[count++] = {buffer_.data(), buffer_.size()};
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
  const std::size_t landed = std::min(bytes, landing_bytes_);
  intake_.offset += static_cast<std::uint32_t>(landed);
  intake_.bytes -= static_cast<std::uint32_t>(landed);
  segment_left_ -= static_cast<std::uint32_t>(landed);
  end_ += bytes - landed;
  continue_reading();
}

}  // namespace holdfast::target
