#include "target/session/keep_alive.h"

#include <algorithm>

namespace holdfast::target {

KeepAlive::Action KeepAlive::check(Instant now, bool owes) {
  if (pinged_ && now - *pinged_ >= limits_.answer_within) return Action::no_answer;
  if (owes && now - progress_ >= limits_.stall_max) return Action::stalled;
  const bool pings = limits_.ping_after > Duration(0);
  if (pings && !pinged_ && now - heard_ >= limits_.ping_after) {
    pinged_ = now;
    return Action::ping;
  }
  return Action::none;
}

std::optional<Instant> KeepAlive::next_check(bool owes) const {
  std::optional<Instant> next;
  if (pinged_)
    next = *pinged_ + limits_.answer_within;
  else if (limits_.ping_after > Duration(0))
    next = heard_ + limits_.ping_after;
  if (owes) {
    const Instant stalled = progress_ + limits_.stall_max;
    next = next ? std::min(*next, stalled) : stalled;
  }
  return next;
}

}  // namespace holdfast::target
