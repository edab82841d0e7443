#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "common/base/clock.h"
#include "common/iscsi/clock_ping.h"

namespace holdfast::target {

/// What an initiator's clock pings tell of its clock and ours. Bounded, however many come: of a long
/// session all times are covered, by the shortest round trips. Pure.
class ClockRounds {
 public:
  static constexpr std::size_t rounds_max = 64;
  static constexpr std::size_t open_max = 16;

  /// A ping there and back: two moments of the initiator's clock, and one between them of ours. So
  /// its clock is ahead of ours by at least `sent - came` and at most `answered - came`.
  struct Round {
    Instant sent{};      // theirs
    Instant came{};      // ours
    Instant answered{};  // theirs
    Duration trip() const { return answered - sent; }
  };
  /// A ping whose answer the initiator has not spoken of yet.
  struct OpenPing {
    std::uint64_t number = 0;
    Instant sent{};  // theirs
    Instant came{};  // ours
  };

  void came(const iscsi::ClockPing& ping, Instant now);

  std::span<const Round> rounds() const { return rounds_; }
  std::span<const OpenPing> open() const { return open_; }

 private:
  void add(const Round& round);

  std::vector<Round> rounds_;
  std::vector<OpenPing> open_;
};

}  // namespace holdfast::target
