#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "common/base/clock.h"

namespace holdfast {

/// The right to run what the threads of a loop have in common: one thread has it at a time, and all
/// that it did is seen by the next. Who comes while it is free takes it, even if another one that
/// waits has not woken yet; but who has waited for `patience` is given it next.
class Turn {
 public:
  static constexpr Duration patience = std::chrono::microseconds(500);

  /// A thread's place in the line.
  class Taker {
   private:
    friend class Turn;
    std::condition_variable called_;
    Instant since_{};
    bool given_ = false;
  };

  /// False if another thread has it.
  bool try_take();
  /// Waits for it.
  void take(Taker& taker);
  void release();

 private:
  std::atomic<bool> taken_ = false;  // changed under the lock
  std::mutex mutex_;
  std::deque<Taker*> waiting_;  // who came first in front
};

}  // namespace holdfast
