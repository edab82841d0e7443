#include "initiator/fault/datagram_flow.h"

#include <algorithm>
#include <utility>

namespace holdfast::initiator {
namespace {

/// One that is sent later does not wait longer than this for others.
constexpr Duration later_time_most = std::chrono::seconds(1);

Message datagram(Way way, std::uint64_t bytes) {
  Message message;
  message.protocol = Protocol::datagrams;
  message.way = way;
  message.kind = MessageKind::datagram;
  message.bytes = bytes;
  message.data = {0, bytes};
  return message;
}

}  // namespace

void DatagramFlow::arrived(std::span<const std::byte> bytes, Instant now) {
  const MessageFate fate = rules_.meet(datagram(way_, bytes.size()), sender_, now);
  const bool lost = rules_.draw_loss(way_) || bytes_ + bytes.size() > bytes_most;
  if (lost || fate.kind == MessageFate::Kind::drop) return;
  Waiting waiting{.bytes = {bytes.begin(), bytes.end()}, .at = now + rules_.draw_delay(way_)};
  if (fate.spoilt && !bytes.empty()) waiting.bytes[bytes.size() / 2] ^= std::byte{1};
  if (fate.kind == MessageFate::Kind::later) {
    waiting.places = fate.places;
    waiting.at = now + later_time_most;
  }
  bytes_ += bytes.size();
  waiting_.push_back(std::move(waiting));
}

std::deque<DatagramFlow::Waiting>::iterator DatagramFlow::first_due(Instant now) {
  const auto first = std::min_element(waiting_.begin(), waiting_.end(),
                                      [](const Waiting& one, const Waiting& other) { return one.at < other.at; });
  return first != waiting_.end() && first->at <= now ? first : waiting_.end();
}

const std::vector<std::byte>* DatagramFlow::next(Instant now) {
  const PathState& state = rules_.state(way_);
  if (state.held || allowance_.at(state.bytes_per_second, now) == 0) return nullptr;
  const auto due = first_due(now);
  return due == waiting_.end() ? nullptr : &due->bytes;
}

void DatagramFlow::sent(Instant now) {
  const auto due = first_due(now);
  const std::size_t bytes = due->bytes.size();
  waiting_.erase(due);
  bytes_ -= bytes;
  for (Waiting& other : waiting_)
    if (other.places > 0 && --other.places == 0) other.at = now;
  allowance_.spend(bytes);
  rules_.passed(way_, bytes, now);
}

std::optional<Instant> DatagramFlow::wakes(Instant now) const {
  const PathState& state = rules_.state(way_);
  if (waiting_.empty() || state.held) return std::nullopt;
  const auto first = std::min_element(waiting_.begin(), waiting_.end(),
                                      [](const Waiting& one, const Waiting& other) { return one.at < other.at; });
  Instant next = std::max(first->at, now);
  if (state.bytes_per_second != 0) next = std::max(next, allowance_.next(state.bytes_per_second));
  return next;
}

}  // namespace holdfast::initiator
