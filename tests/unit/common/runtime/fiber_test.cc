#include "common/runtime/fiber.h"

#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "common/runtime/scope.h"
#include "common/runtime/task.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;

class FiberTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Loop>> loop = Loop::create();
    ASSERT_TRUE(loop) << loop.error().message;
    loop_ = std::move(loop).value();
    Result<std::unique_ptr<Fiber>> fiber = Fiber::create(*loop_);
    ASSERT_TRUE(fiber) << fiber.error().message;
    fiber_ = std::move(fiber).value();
  }
  void TearDown() override {
    fiber_.reset();
    loop_.reset();
  }
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Fiber> fiber_;
};

/// Wakes a fiber after a while, as a device's answer would.
class LateWake final : public Timer {
 public:
  LateWake(Loop& loop, Fiber& fiber) : Timer(loop), fiber_(fiber) {}
  bool answered = false;

 private:
  void expire() override {
    answered = true;
    fiber_.wake();
  }
  Fiber& fiber_;
};

Task<void> count_on_fiber(Loop& loop, Fiber& fiber, int jobs, int& counted, std::uint64_t& turns) {
  const std::uint64_t before = loop.turns();
  auto work = [&] {
    EXPECT_TRUE(fiber.is_running());
    ++counted;
  };
  for (int i = 0; i < jobs; ++i) co_await fiber.run(work);
  turns = loop.turns() - before;
}

TEST_F(FiberTest, AJobThatNeedNotWaitNeedsNoTurnOfTheLoop) {
  int counted = 0;
  std::uint64_t turns = 1;
  loop_->run(count_on_fiber(*loop_, *fiber_, 100'000, counted, turns));
  EXPECT_EQ(counted, 100'000);
  EXPECT_EQ(turns, 0U);
  EXPECT_FALSE(fiber_->is_running());
}

Task<void> wait_on_fiber(Loop& loop, Fiber& fiber, std::string name,
                         std::vector<std::string>& said) {
  LateWake answer(loop, fiber);
  auto work = [&] {
    said.push_back(name + " asks");
    answer.arm(clock_now() + milliseconds(5));
    while (!answer.answered) fiber.suspend();
    said.push_back(name + " has it");
  };
  co_await fiber.run(work);
  said.push_back(name + " ends");
}

TEST_F(FiberTest, JobsRunOneAtATimeInTheirOrderAndTheLoopGoesOnMeanwhile) {
  std::vector<std::string> said;
  struct Body {
    static Task<void> all(Loop& loop, Fiber& fiber, std::vector<std::string>& words) {
      Scope scope;
      scope.spawn(wait_on_fiber(loop, fiber, "a", words));
      scope.spawn(wait_on_fiber(loop, fiber, "b", words));
      co_await sleep_for(loop, milliseconds(1));
      words.push_back("loop");
      co_await scope.join();
    }
  };
  loop_->run(Body::all(*loop_, *fiber_, said));
  const std::vector<std::string> expected = {"a asks", "loop",     "a has it", "b asks",
                                             "a ends", "b has it", "b ends"};
  EXPECT_EQ(said, expected);
}

TEST_F(FiberTest, AWakeWithoutCauseIsHarmless) {
  struct Body {
    static Task<void> all(Loop& loop, Fiber& fiber, int& suspensions) {
      fiber.wake();  // Nobody is suspended: nothing to do.
      LateWake answer(loop, fiber);
      LateWake early(loop, fiber);
      auto work = [&] {
        early.arm(clock_now() + milliseconds(1));
        answer.arm(clock_now() + milliseconds(10));
        while (!answer.answered) {
          ++suspensions;
          fiber.suspend();
        }
      };
      co_await fiber.run(work);
    }
  };
  int suspensions = 0;
  loop_->run(Body::all(*loop_, *fiber_, suspensions));
  EXPECT_EQ(suspensions, 2);
}

TEST_F(FiberTest, WorkThatNeverWaitsLetsTheKernelIn) {
  struct Body {
    static Task<void> all(Loop& loop, Fiber& fiber) {
      LateWake answer(loop, fiber);
      answer.arm(clock_now());
      const std::uint64_t before = loop.turns();
      auto work = [&] {
        while (!answer.answered) fiber.yield_after(milliseconds(1));
      };
      co_await fiber.run(work);
      EXPECT_GE(loop.turns(), before + 1);
      auto short_work = [&] { fiber.yield_after(std::chrono::hours(1)); };
      const std::uint64_t turns = loop.turns();
      co_await fiber.run(short_work);
      EXPECT_EQ(loop.turns(), turns) << "it had the thread for no time at all";
    }
  };
  loop_->run(Body::all(*loop_, *fiber_));
}

int depth_of(int left) {
  volatile char frame[1024];
  std::memset(const_cast<char*>(frame), left, sizeof frame);
  const int below = left == 0 ? 0 : depth_of(left - 1);
  return below + (frame[7] == static_cast<char>(left) ? 1 : 0);
}

TEST_F(FiberTest, TheWholeStackMayBeUsed) {
  struct Body {
    static Task<void> all(Fiber& fiber, int& depth) {
      auto work = [&] { depth = depth_of(200); };
      co_await fiber.run(work);
      co_await fiber.run(work);
    }
  };
  int depth = 0;
  loop_->run(Body::all(*fiber_, depth));
  EXPECT_EQ(depth, 201);
}

TEST_F(FiberTest, RunningOverTheStackEndsTheProcessAndNotItsNeighboursMemory) {
  struct Body {
    static Task<void> all(Fiber& fiber) {
      auto work = [] { EXPECT_GT(depth_of(100'000), 0); };
      co_await fiber.run(work);
    }
  };
  EXPECT_DEATH(loop_->run(Body::all(*fiber_)), "");
}

TEST_F(FiberTest, ManyFibersLiveSideBySide) {
  struct Body {
    static Task<void> all(Loop& loop, std::vector<std::unique_ptr<Fiber>>& fibers,
                          std::vector<std::string>& words) {
      Scope scope;
      for (auto& fiber : fibers) scope.spawn(wait_on_fiber(loop, *fiber, "f", words));
      co_await scope.join();
    }
  };
  std::vector<std::unique_ptr<Fiber>> fibers;
  for (int i = 0; i < 50; ++i) {
    Result<std::unique_ptr<Fiber>> fiber = Fiber::create(*loop_, 64 * KiB);
    ASSERT_TRUE(fiber) << fiber.error().message;
    fibers.push_back(std::move(fiber).value());
  }
  std::vector<std::string> said;
  loop_->run(Body::all(*loop_, fibers, said));
  EXPECT_EQ(said.size(), 150U);
}

}  // namespace
}  // namespace holdfast
