#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "common/runtime/timer.h"

namespace holdfast::target {

/// Ends whatever waits on a socket when the time is over.
class SocketDeadline final : public Timer {
 public:
  SocketDeadline(Loop& loop, int fd, Duration time) : Timer(loop), fd_(fd) { arm(clock_now() + time); }

 private:
  void expire() override;
  const int fd_;
};

/// Sends all of `text`, which outlives it. False if the other end does not take it within `time`, or is
/// gone.
Task<bool> send_all(Loop& loop, int fd, const std::string& text, Duration time);

/// Takes what comes until the other end closes, for `time` at most, and 1 MiB.
Task<void> swallow(Loop& loop, int fd, Duration time);

}  // namespace holdfast::target
