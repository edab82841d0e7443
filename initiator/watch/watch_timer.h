#pragma once

#include "common/runtime/timer.h"
#include "initiator/watch/watch.h"

namespace holdfast::initiator {

/// Gives a watch its ticks: armed only while something is in flight.
class WatchTimer final : public Timer {
 public:
  WatchTimer(Loop& loop, Watch& watch) : Timer(loop), watch_(watch) {}
  ~WatchTimer() = default;

  Watch& watch() { return watch_; }
  /// To be called after every `Watch::begin`.
  void begun() {
    if (!armed() && watch_.tick_due()) arm(*watch_.tick_due());
  }

 private:
  void expire() override {
    watch_.tick(clock_now());
    if (watch_.tick_due()) arm(*watch_.tick_due());
  }

  Watch& watch_;
};

}  // namespace holdfast::initiator
