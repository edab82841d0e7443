#pragma once

#include "common/base/clock.h"
#include "common/runtime/loop.h"

namespace holdfast::target {

/// When a command came to each stage of its way, by the time at which the loop's turn began in which
/// it did: nothing of it costs a look at the clock. Zero: not yet. All zero: it is not timed.
struct StageTimes {
  Instant received{};       // the header of its PDU is here
  Instant in_hand{};        // all its data is here, and memory for what it reads
  Instant store_started{};  // its first request went to the store
  Instant store_done{};     // what it came to is known
  Instant sent{};           // the kernel has taken the last byte of the answer

  bool timed() const { return received != Instant{}; }
  /// Stamps one of them, if the command is timed, for the first time.
  void stamp(Instant& stage) const {
    if (timed() && stage == Instant{}) stage = Loop::current().now();
  }
};

}  // namespace holdfast::target
