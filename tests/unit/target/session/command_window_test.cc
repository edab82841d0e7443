#include "target/session/command_window.h"

#include <gtest/gtest.h>

#include "target/session/task_management.h"

namespace holdfast::target {
namespace {

using Verdict = CommandWindow::Verdict;

TEST(CommandWindow, RunsEachCommandOnceAndInOrder) {
  CommandWindow window(100, 103, 4);
  EXPECT_EQ(window.admit(100), Verdict::run);
  EXPECT_EQ(window.admit(100), Verdict::ignore) << "a duplicate";
  EXPECT_EQ(window.admit(102), Verdict::gap);
  EXPECT_EQ(window.admit(101), Verdict::run);
  EXPECT_EQ(window.exp_cmd_sn(), 102u);
  EXPECT_EQ(window.open(), 2u);
}

TEST(CommandWindow, IgnoresWhatWasNotGranted) {
  CommandWindow window(100, 103, 4);
  EXPECT_EQ(window.admit(99), Verdict::ignore);
  EXPECT_EQ(window.admit(104), Verdict::ignore);
  EXPECT_EQ(window.exp_cmd_sn(), 100u);
}

TEST(CommandWindow, CountsAcrossTheEndOfTheNumbers) {
  CommandWindow window(0xffff'fffe, 1, 4);
  for (std::uint32_t sn : {0xffff'fffeU, 0xffff'ffffU, 0U, 1U})
    EXPECT_EQ(window.admit(sn), Verdict::run) << sn;
  EXPECT_EQ(window.admit(2), Verdict::ignore);
  EXPECT_EQ(window.admit(0xffff'fffd), Verdict::ignore);
}

TEST(CommandWindow, GrantsAPlaceOnlyWhenOneIsFree) {
  CommandWindow window(0, 1, 2);
  EXPECT_EQ(window.admit(0), Verdict::run);
  EXPECT_EQ(window.admit(1), Verdict::run);
  EXPECT_EQ(window.advance_max_cmd_sn(), 1u) << "both places are taken: the window is closed";
  window.finished();
  EXPECT_EQ(window.advance_max_cmd_sn(), 2u);
  EXPECT_EQ(window.admit(3), Verdict::ignore);
  EXPECT_EQ(window.admit(2), Verdict::run);
}

TEST(CommandWindow, WidensAtOnceAndNarrowsOnlyAsGrantsAreUsedUp) {
  CommandWindow window(10, 13, 4);
  window.set_width(8);
  EXPECT_EQ(window.advance_max_cmd_sn(), 17u);
  window.set_width(2);
  EXPECT_EQ(window.advance_max_cmd_sn(), 17u) << "a grant is never taken back";
  for (std::uint32_t sn = 10; sn <= 17; ++sn) {
    EXPECT_EQ(window.admit(sn), Verdict::run);
    window.finished();
  }
  EXPECT_EQ(window.advance_max_cmd_sn(), 19u);
}

TEST(CommandWindow, PassesOverWhatCountsAsReceived) {
  CommandWindow window(5, 12, 8);
  window.consider_received(6);
  window.consider_received(7);
  EXPECT_EQ(window.admit(6), Verdict::ignore) << "it counts as received";
  EXPECT_EQ(window.admit(5), Verdict::run);
  EXPECT_EQ(window.exp_cmd_sn(), 8u);
  window.consider_received(8);
  EXPECT_EQ(window.exp_cmd_sn(), 9u);
  EXPECT_EQ(window.open(), 1u);
}

TEST(AbortDecision, FollowsTheThreeCasesOfTheRfc) {
  CommandWindow window(100, 110, 11);
  EXPECT_EQ(decide_abort(true, 0, 100, window), AbortDecision::abort);
  EXPECT_EQ(decide_abort(false, 102, 105, window), AbortDecision::never_to_come);
  EXPECT_EQ(decide_abort(false, 105, 105, window), AbortDecision::does_not_exist)
      << "not before the request itself";
  EXPECT_EQ(decide_abort(false, 99, 105, window), AbortDecision::does_not_exist)
      << "received, and answered since";
  EXPECT_EQ(decide_abort(false, 111, 120, window), AbortDecision::does_not_exist)
      << "never granted";
}

}  // namespace
}  // namespace holdfast::target
