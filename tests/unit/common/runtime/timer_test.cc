#include "common/runtime/timer.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <vector>

#include "common/runtime/loop.h"

namespace holdfast {
namespace {

class NotingTimer final : public Timer {
 public:
  NotingTimer(Loop& loop, std::vector<Instant>& expired) : Timer(loop), expired_(expired) {}

 private:
  void expire() override { expired_.push_back(when()); }
  std::vector<Instant>& expired_;
};

TEST(TimerQueue, ExpiresInOrderAfterRandomArmsAndDisarms) {
  // Goal: the heap stays a heap. Method: a thousand timers armed at random, a third taken out again.
  Result<std::unique_ptr<Loop>> loop = Loop::create();
  ASSERT_TRUE(loop);
  TimerQueue& queue = (*loop)->timers();
  std::mt19937 random(7);
  std::vector<Instant> expired;
  std::vector<std::unique_ptr<NotingTimer>> timers;
  for (int i = 0; i < 1000; ++i) {
    timers.push_back(std::make_unique<NotingTimer>(**loop, expired));
    timers.back()->arm(Instant(Duration(random() % 500)));
  }
  std::size_t disarmed = 0;
  for (auto& timer : timers) {
    if (random() % 3 != 0) continue;
    timer->disarm();
    ++disarmed;
  }
  while (queue.expire_one(Instant(Duration(1000)))) {
  }
  EXPECT_EQ(expired.size(), 1000 - disarmed);
  EXPECT_TRUE(std::is_sorted(expired.begin(), expired.end()));
}

TEST(TimerQueue, LeavesWhatIsNotYetDue) {
  Result<std::unique_ptr<Loop>> loop = Loop::create();
  ASSERT_TRUE(loop);
  std::vector<Instant> expired;
  NotingTimer timer(**loop, expired);
  timer.arm(Instant(Duration(100)));
  EXPECT_FALSE((*loop)->timers().expire_one(Instant(Duration(99))));
  EXPECT_TRUE(timer.armed());
  EXPECT_TRUE((*loop)->timers().expire_one(Instant(Duration(100))));
  EXPECT_FALSE(timer.armed());
}

}  // namespace
}  // namespace holdfast
