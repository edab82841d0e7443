#pragma once

#include <cstddef>
#include <vector>

#include "common/base/clock.h"

namespace holdfast {

class Loop;
class TimerQueue;

/// One deadline on the loop's clock. Arming and disarming cost O(log n) and no system call; an idle
/// loop with no armed timer never wakes.
class Timer {
 public:
  explicit Timer(Loop& loop) : loop_(loop) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  /// (Re)arms for `when`. A moment in the past expires in the next turn.
  void arm(Instant when);
  void disarm();
  bool armed() const { return slot_ != unarmed; }
  Instant when() const { return when_; }

 protected:
  ~Timer() { disarm(); }
  Loop& loop() const { return loop_; }

 private:
  friend class TimerQueue;
  static constexpr std::size_t unarmed = static_cast<std::size_t>(-1);

  /// Called once by the loop at or after `when()`, disarmed, so that it may arm again.
  virtual void expire() = 0;

  Loop& loop_;
  Instant when_{};
  TimerQueue* queue_ = nullptr;  // where it is armed
  std::size_t slot_ = unarmed;
};

/// A thread's armed timers as a binary heap that knows each timer's place in it.
class TimerQueue {
 public:
  bool empty() const { return heap_.empty(); }
  Instant next() const { return heap_.front()->when_; }

  void insert(Timer& timer, Instant when);
  void remove(Timer& timer);
  /// Expires the earliest timer if it is due at `now`. Returns whether there was one.
  bool expire_one(Instant now);

 private:
  void place(std::size_t slot, Timer* timer);
  void sift_up(std::size_t slot);
  void sift_down(std::size_t slot);

  std::vector<Timer*> heap_;
};

}  // namespace holdfast
