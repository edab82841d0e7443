#pragma once

#include "common/runtime/timer.h"
#include "initiator/watch/watch.h"

namespace holdfast::initiator {

class Evidence;

/// Gives a watch its ticks, and who looks at the path as well: armed only while something is in flight.
class WatchTimer final : public Timer {
 public:
  /// `evidence` may be null: then nobody looks.
  WatchTimer(Loop& loop, Watch& watch, Evidence* evidence = nullptr)
      : Timer(loop), watch_(watch), evidence_(evidence) {}
  ~WatchTimer() = default;

  Watch& watch() { return watch_; }
  Evidence* evidence() { return evidence_; }
  /// To be called after every `Watch::begin`.
  void begun() {
    if (!armed() && watch_.tick_due()) arm(*watch_.tick_due());
  }

 private:
  void expire() override;

  Watch& watch_;
  Evidence* evidence_;
};

}  // namespace holdfast::initiator
