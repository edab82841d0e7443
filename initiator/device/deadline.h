#pragma once

#include "common/runtime/event.h"
#include "common/runtime/timer.h"

namespace holdfast::initiator {

/// A moment after which a wait for `event` is over: it sets the event and says that it did.
class Deadline final : public Timer {
 public:
  Deadline(Loop& loop, Event& event, Instant when) : Timer(loop), event_(event) { arm(when); }
  ~Deadline() = default;

  bool passed() const { return passed_; }

 private:
  void expire() override {
    passed_ = true;
    event_.set();
  }

  Event& event_;
  bool passed_ = false;
};

}  // namespace holdfast::initiator
