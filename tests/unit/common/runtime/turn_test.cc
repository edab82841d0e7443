#include "common/runtime/turn.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace holdfast {
namespace {

TEST(Turn, IsOneThreadsAtATime) {
  Turn turn;
  long counted = 0;  // plain, so that a sanitizer sees what the turn does not order
  constexpr int each = 20'000;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&turn, &counted] {
      Turn::Taker taker;
      for (int n = 0; n < each; ++n) {
        if (!turn.try_take()) turn.take(taker);
        ++counted;
        turn.release();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counted, 4 * each);
}

TEST(Turn, IsNotFreeWhileSomebodyHasIt) {
  Turn turn;
  EXPECT_TRUE(turn.try_take());
  EXPECT_FALSE(turn.try_take());
  turn.release();
  EXPECT_TRUE(turn.try_take());
  turn.release();
}

TEST(Turn, GoesToWhoHasWaitedLong) {
  // One thread takes it again as soon as it has given it up, and is never late. The other one gets it
  // all the same: when the first has kept it for longer than the patience, it finds it given away.
  Turn turn;
  ASSERT_TRUE(turn.try_take());
  bool taken = false;
  std::thread other([&turn, &taken] {
    Turn::Taker taker;
    turn.take(taker);
    taken = true;
    turn.release();
  });
  bool seen = false;
  Turn::Taker taker;
  const Instant until = clock_now() + std::chrono::seconds(30);
  while (!seen && clock_now() < until) {
    std::this_thread::sleep_for(2 * Turn::patience);
    turn.release();
    if (!turn.try_take()) turn.take(taker);
    seen = taken;
  }
  turn.release();
  other.join();
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace holdfast
