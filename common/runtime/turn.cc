#include "common/runtime/turn.h"

#include <algorithm>
#include <thread>

#include "common/base/check.h"

namespace holdfast {
namespace {

/// How long to look for the turn before sleeping: most are over sooner than a thread is woken.
constexpr Duration spin_max = std::chrono::microseconds(10);

}  // namespace

bool Turn::try_take() {
  const std::lock_guard lock(mutex_);
  if (taken_.load(std::memory_order_relaxed)) return false;
  taken_.store(true, std::memory_order_relaxed);
  return true;
}

void Turn::take(Taker& taker) {
  const Instant until = clock_now() + spin_max;
  do {
    if (!taken_.load(std::memory_order_relaxed) && try_take()) return;
    std::this_thread::yield();
  } while (clock_now() < until);

  std::unique_lock lock(mutex_);
  taker.since_ = clock_now();
  taker.given_ = false;
  waiting_.push_back(&taker);
  while (!taker.given_) {
    if (!taken_.load(std::memory_order_relaxed)) {
      taken_.store(true, std::memory_order_relaxed);
      std::erase(waiting_, &taker);
      return;
    }
    taker.called_.wait(lock);
  }
}

void Turn::release() {
  const std::lock_guard lock(mutex_);
  CHECK(taken_.load(std::memory_order_relaxed));
  if (waiting_.empty()) {
    taken_.store(false, std::memory_order_relaxed);
    return;
  }
  Taker& first = *waiting_.front();
  if (clock_now() - first.since_ >= patience) {
    first.given_ = true;  // It never becomes free, so that nobody comes in between.
    waiting_.pop_front();
  } else {
    taken_.store(false, std::memory_order_relaxed);
  }
  // Under the lock: the taker may not go away meanwhile.
  first.called_.notify_one();
}

}  // namespace holdfast
