#include "target/portal/echo_book.h"

#include <algorithm>
#include <cstring>

namespace holdfast::target {

std::optional<EchoDatagram> EchoBook::answer(std::span<const std::byte> datagram) {
  EchoDatagram asked;
  if (datagram.size() != sizeof asked) return std::nullopt;
  std::memcpy(static_cast<void*>(&asked), datagram.data(), sizeof asked);
  if (asked.magic != EchoDatagram::magic_value || asked.received != 0) return std::nullopt;
  const auto known = std::find_if(runs_.begin(), runs_.end(),
                                  [&](const Run& run) { return run.last != 0 && run.number == asked.run; });
  Run& run = known != runs_.end()
                 ? *known
                 : *std::min_element(runs_.begin(), runs_.end(),
                                     [](const Run& a, const Run& b) { return a.last < b.last; });
  if (known == runs_.end()) run = {.number = asked.run};
  ++run.received;
  run.last = ++answered_;
  asked.received = run.received;
  return asked;
}

std::optional<Instant> EchoBook::take_turn(Instant now) {
  constexpr Duration for_one = std::chrono::nanoseconds(1'000'000'000 / a_second);
  const auto earned = static_cast<std::uint64_t>(std::max<std::int64_t>((now - filled_) / for_one, 0));
  if (earned > 0) {
    turns_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(burst_max, turns_ + earned));
    filled_ = turns_ == burst_max ? now : filled_ + static_cast<std::int64_t>(earned) * for_one;
  }
  // Once there is none left, a tenth of a burst is waited for, so that a flood wakes us seldom.
  if (turns_ == 0) return filled_ + for_one * (burst_max / 10);
  --turns_;
  return std::nullopt;
}

}  // namespace holdfast::target
