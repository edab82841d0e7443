#pragma once

#include "common/base/clock.h"

namespace holdfast {

/// How long a loop asks the kernel again and again before it sleeps, from how long it had to wait
/// lately. Waking a sleeping processor costs more than many small answers take to come; but a loop
/// that polls has a processor to itself, so it does only while that pays. Pure.
class PollWindow {
 public:
  /// Zero: never poll.
  explicit PollWindow(Duration most) : most_(most), window_(most) {}

  bool enabled() const { return most_ > Duration(0); }
  /// How long to poll now; zero: sleep at once.
  Duration length() const { return window_; }
  /// Something came after `time`, polled or slept for.
  void waited(Duration time) {
    if (time <= most_) {
      window_ = most_;
    } else {
      window_ = window_ > least ? window_ / 2 : Duration(0);
    }
  }

 private:
  static constexpr Duration least = std::chrono::microseconds(1);

  Duration most_;
  Duration window_;
};

}  // namespace holdfast
