#include "initiator/verdict/tcp_schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "initiator/verdict/stack_verdict.h"

namespace holdfast::initiator {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

double seconds_in(Duration time) { return duration<double>(time).count(); }

TEST(TcpSchedule, IsTheOneThatLinuxWasMeasuredToHave) {
  // Goal: the moments at which Linux 6.18 was measured to try again, its timers a few per cent late.
  struct Measured {
    double outage, silence;
  };
  constexpr Measured measured[] = {{0.1, 0.2},  {0.3, 0.4},   {0.5, 0.85},   {1.0, 1.7},   {2.0, 3.3},
                                   {4.0, 6.8},  {7.0, 13.5},  {14.0, 26.8},  {27.0, 54.4}};
  for (const Measured& one : measured) {
    const double silence = seconds_in(tcp_silence_of(Duration(static_cast<std::int64_t>(one.outage * 1e9))));
    EXPECT_NEAR(silence, one.silence, 0.05 * one.silence) << one.outage << " s";
    EXPECT_GE(silence, one.outage);
    EXPECT_LE(silence, 2.1 * one.outage + 0.5);
  }
}

struct Fate {
  const char* stack;
  bool after_3, after_12, after_35, after_70;
};

// A one-way loss of 3, 12, 35 and 70 s is a silence of 3.3, 13.1, 52.2 and 104 s to what listens on TCP, and the
// formulas say who acts: the NOP timer after 10 s, multipath after 15 s, a command after 30 s, o2hb after
// 2·(T−1) s, sanlock after 80 s, o2net after 30 + 66 or 60 + 126 s.
TEST(TcpSchedule, WhatAOneWayLossWouldHaveKilled) {
  constexpr Fate fates[] = {
      {"corosync, 2 nodes", true, true, true, true},
      {"VMFS ATS heartbeat", false, true, true, true},
      {"SBD, one disk", false, true, true, true},
      {"open-iscsi NOP-Out", false, true, true, true},
      {"multipath over iSCSI", false, false, true, true},
      {"open-iscsi command timer", false, false, true, true},
      {"OCFS2 o2hb, threshold 31", false, false, false, true},
      {"sanlock", false, false, false, true},
      {"OCFS2 o2net, 30 s idle", false, false, false, true},
      {"OCFS2 o2hb, threshold 61", false, false, false, false},
      {"OCFS2 o2net, 60 s idle", false, false, false, false},
  };
  const std::pair<int, bool Fate::*> losses[] = {
      {3, &Fate::after_3}, {12, &Fate::after_12}, {35, &Fate::after_35}, {70, &Fate::after_70}};
  for (const auto& [loss, acts] : losses) {
    PathHistory history;
    history.transport = "iscsi";
    history.watched = minutes(10);
    history.worst_gap = history.worst_wait = tcp_silence_of(seconds(loss));
    history.listed_from = seconds(1);
    history.gaps.push_back({.at = seconds(30), .lasted = history.worst_gap});
    const std::vector<StackVerdict> verdicts = judge_stacks(history);
    ASSERT_EQ(verdicts.size(), std::size(fates));
    for (const StackVerdict& verdict : verdicts) {
      const auto* fate = std::find_if(std::begin(fates), std::end(fates), [&verdict](const Fate& one) {
        return std::string(one.stack) == verdict.timer->stack;
      });
      ASSERT_NE(fate, std::end(fates)) << verdict.timer->stack;
      const bool acted = verdict.outcome == StackOutcome::acted;
      EXPECT_EQ(acted, fate->*acts) << verdict.timer->stack << " after a loss of " << loss << " s, a silence of "
                                    << seconds_in(history.worst_gap) << " s";
      EXPECT_EQ(verdict.acted_at.value_or(Duration(0)), acted ? seconds(30) + verdict.timer->limit : Duration(0));
      ASSERT_TRUE(verdict.margin);
      EXPECT_NEAR(*verdict.margin, seconds_in(verdict.timer->limit) / seconds_in(history.worst_gap), 1e-9);
    }
  }
}

}  // namespace
}  // namespace holdfast::initiator
