#pragma once

#include <cstdint>
#include <optional>

#include "common/base/clock.h"

namespace holdfast::target {

/// When a silent peer is pinged, and when it is given up: NOPInterval and NOPTimeout of ietd.conf,
/// and a limit of our own for a peer that stops in the middle of what it owes. Pure.
class KeepAlive {
 public:
  struct Limits {
    Duration ping_after{};    // of silence; 0: never
    Duration answer_within{}; // of the ping
    /// Without a byte while half a PDU is here, data is owed, or our sends are not taken.
    Duration stall_max = std::chrono::seconds(60);
  };

  KeepAlive(const Limits& limits, Instant now) : limits_(limits), heard_(now), progress_(now) {}

  /// The peer sent something: it is alive.
  void heard(Instant now) {
    heard_ = progress_ = now;
    pinged_.reset();
  }
  /// The peer's end took something of ours, which says nothing of the peer itself.
  void taken(Instant now) { progress_ = now; }

  enum class Action : std::uint8_t { none, ping, no_answer, stalled };
  /// What is to be done at `now`. A ping is counted as sent. `owes`: whether the peer owes us
  /// bytes, or owes it to us to take ours.
  Action check(Instant now, bool owes);
  /// When to check next, if ever.
  std::optional<Instant> next_check(bool owes) const;

 private:
  Limits limits_;
  Instant heard_;
  Instant progress_;
  std::optional<Instant> pinged_;
};

}  // namespace holdfast::target
