#include "target/session/clock_rounds.h"

#include <algorithm>

namespace holdfast::target {

void ClockRounds::came(const iscsi::ClockPing& ping, Instant now) {
  const auto told = std::find_if(open_.begin(), open_.end(),
                                 [&](const OpenPing& one) { return one.number == ping.answered_number; });
  if (ping.answered_number != 0 && told != open_.end()) {
    // A round trip that ends before it began is nonsense, whoever says so.
    if (ping.answered >= told->sent) add({.sent = told->sent, .came = told->came, .answered = ping.answered});
    open_.erase(told);
  }
  if (open_.size() == open_max) open_.erase(open_.begin());
  open_.push_back({.number = ping.number, .sent = ping.sent, .came = now});
}

/// When all places are taken, of every two neighbours the one with the shorter trip stays.
void ClockRounds::add(const Round& round) {
  if (rounds_.size() == rounds_max) {
    std::vector<Round> kept;
    kept.reserve(rounds_max);
    for (std::size_t i = 0; i < rounds_max; i += 2)
      kept.push_back(rounds_[i].trip() <= rounds_[i + 1].trip() ? rounds_[i] : rounds_[i + 1]);
    rounds_ = std::move(kept);
  }
  rounds_.push_back(round);
}

}  // namespace holdfast::target
