#include "common/runtime/poll_window.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

TEST(PollWindow, NeverPollsWhereItMayNot) {
  PollWindow window(Duration(0));
  EXPECT_FALSE(window.enabled());
  window.waited(microseconds(1));
  EXPECT_EQ(window.length(), Duration(0));
}

TEST(PollWindow, PollsForAsLongAsItMayWhileSomethingComesInThatTime) {
  PollWindow window(microseconds(50));
  for (int i = 0; i < 3; ++i) {
    window.waited(microseconds(50));
    EXPECT_EQ(window.length(), microseconds(50));
  }
}

TEST(PollWindow, GivesItUpWithinAFewWaitsWhereNothingComesInTime) {
  PollWindow window(microseconds(50));
  int waits = 0;
  while (window.length() > Duration(0)) {
    window.waited(milliseconds(2));
    ASSERT_LT(++waits, 10);
  }
  EXPECT_GT(waits, 1) << "one late answer is no reason to stop";
}

TEST(PollWindow, BeginsAgainWhenSomethingComesInTimeAfterASleep) {
  PollWindow window(microseconds(50));
  for (int i = 0; i < 10; ++i) window.waited(milliseconds(2));
  window.waited(microseconds(49));
  EXPECT_EQ(window.length(), microseconds(50));
}

}  // namespace
}  // namespace holdfast
