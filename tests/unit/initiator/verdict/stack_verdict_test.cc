#include "initiator/verdict/stack_verdict.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

/// Ten minutes of iSCSI that held still but for one gap of `lasted` at 30 s.
PathHistory with_gap(Duration lasted, std::string transport = "iscsi") {
  PathHistory history;
  history.transport = std::move(transport);
  history.watched = minutes(10);
  history.worst_gap = lasted;
  history.worst_wait = lasted;
  history.listed_from = seconds(1);
  if (lasted >= history.listed_from) history.gaps.push_back({.at = seconds(30), .lasted = lasted});
  return history;
}

const StackVerdict* find(const std::vector<StackVerdict>& all, std::string_view stack) {
  const auto found = std::find_if(all.begin(), all.end(), [stack](const StackVerdict& one) { return one.timer->stack == stack; });
  return found == all.end() ? nullptr : &*found;
}

std::string outcome(const PathHistory& history, std::string_view stack) {
  const std::vector<StackVerdict> all = judge_stacks(history);
  const StackVerdict* verdict = find(all, stack);
  return verdict == nullptr ? "not judged" : to_string(verdict->outcome);
}

struct LossCase {
  Duration gap;
  const char* corosync;
  const char* vmfs;
  const char* sbd;
  const char* nop;
  const char* multipath;
  const char* command;
  const char* o2hb_31;
  const char* sanlock;
  const char* o2net_30;
  const char* o2hb_61;
};

// What the formulas of each stack say of losses that a network or a target may show.
TEST(StackVerdict, TheTableOfLossesAndStacks) {
  constexpr LossCase cases[] = {
      //             corosync  vmfs      sbd       nop       multipath command   o2hb 31   sanlock   o2net     o2hb 61
      {milliseconds(200), "good", "good", "good", "good", "good", "good", "good", "good", "good", "good"},
      {seconds(3), "acts", "thin", "thin", "thin", "ok", "good", "good", "good", "good", "good"},
      {seconds(7), "acts", "unsafe", "unsafe", "unsafe", "thin", "ok", "ok", "good", "good", "good"},
      {seconds(12), "acts", "acts", "acts", "acts", "unsafe", "thin", "ok", "ok", "ok", "good"},
      {seconds(35), "acts", "acts", "acts", "acts", "acts", "acts", "unsafe", "thin", "thin", "thin"},
      {milliseconds(58'500), "acts", "acts", "acts", "acts", "acts", "acts", "unsafe", "unsafe", "unsafe", "thin"},
      {seconds(70), "acts", "acts", "acts", "acts", "acts", "acts", "acts", "unsafe", "unsafe", "unsafe"},
      {seconds(120), "acts", "acts", "acts", "acts", "acts", "acts", "acts", "acts", "acts", "acts"},
  };
  for (const LossCase& loss : cases) {
    const PathHistory history = with_gap(loss.gap);
    const double gap_s = std::chrono::duration<double>(loss.gap).count();
    EXPECT_EQ(outcome(history, "corosync, 2 nodes"), loss.corosync) << gap_s << " s";
    EXPECT_EQ(outcome(history, "VMFS ATS heartbeat"), loss.vmfs) << gap_s << " s";
    EXPECT_EQ(outcome(history, "SBD, one disk"), loss.sbd) << gap_s << " s";
    EXPECT_EQ(outcome(history, "open-iscsi NOP-Out"), loss.nop) << gap_s << " s";
    EXPECT_EQ(outcome(history, "multipath over iSCSI"), loss.multipath) << gap_s << " s";
    EXPECT_EQ(outcome(history, "open-iscsi command timer"), loss.command) << gap_s << " s";
    EXPECT_EQ(outcome(history, "OCFS2 o2hb, threshold 31"), loss.o2hb_31) << gap_s << " s";
    EXPECT_EQ(outcome(history, "sanlock"), loss.sanlock) << gap_s << " s";
    EXPECT_EQ(outcome(history, "OCFS2 o2net, 30 s idle"), loss.o2net_30) << gap_s << " s";
    EXPECT_EQ(outcome(history, "OCFS2 o2hb, threshold 61"), loss.o2hb_61) << gap_s << " s";
  }
}

TEST(StackVerdict, TheLadderIsInTheOrderInWhichTheTimersAct) {
  const std::vector<StackVerdict> all = judge_stacks(with_gap(seconds(1)));
  ASSERT_FALSE(all.empty());
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(), [](const StackVerdict& a, const StackVerdict& b) {
    const bool a_acts = a.timer->limit > Duration(0);
    const bool b_acts = b.timer->limit > Duration(0);
    return a_acts != b_acts ? a_acts : a.timer->limit < b.timer->limit;
  }));
}

TEST(StackVerdict, ItTellsWhenItWouldHaveActedAndByWhichMargin) {
  const std::vector<StackVerdict> all = judge_stacks(with_gap(seconds(70)));
  const StackVerdict* o2hb = find(all, "OCFS2 o2hb, threshold 31");
  ASSERT_NE(o2hb, nullptr);
  ASSERT_TRUE(o2hb->acted_at);
  EXPECT_EQ(*o2hb->acted_at, seconds(90)) << "60 s into the gap that began at 30 s";
  EXPECT_TRUE(o2hb->warned);
  const StackVerdict* tuned = find(all, "OCFS2 o2hb, threshold 61");
  ASSERT_NE(tuned, nullptr);
  EXPECT_FALSE(tuned->acted_at);
  ASSERT_TRUE(tuned->margin);
  EXPECT_NEAR(*tuned->margin, 120.0 / 70.0, 1e-9);
}

TEST(StackVerdict, TheFirstGapThatIsLongEnoughIsTheOneThatCounts) {
  PathHistory history = with_gap(seconds(4));
  history.worst_gap = seconds(13);
  history.gaps.push_back({.at = seconds(100), .lasted = seconds(13)});
  history.gaps.push_back({.at = seconds(200), .lasted = seconds(11)});
  const std::vector<StackVerdict> all = judge_stacks(history);
  ASSERT_TRUE(find(all, "open-iscsi NOP-Out")->acted_at);
  EXPECT_EQ(*find(all, "open-iscsi NOP-Out")->acted_at, seconds(110));
}

TEST(StackVerdict, AStoreThatIsStuckWhileThePeerAnswersStarvesNoTimerThatHearsThePeer) {
  PathHistory history = with_gap(seconds(35));
  history.gaps[0].silent = false;
  EXPECT_EQ(outcome(history, "open-iscsi NOP-Out"), "good");
  EXPECT_EQ(outcome(history, "OCFS2 o2net, 30 s idle"), "good");
  EXPECT_EQ(outcome(history, "open-iscsi command timer"), "acts");
  EXPECT_EQ(outcome(history, "OCFS2 o2hb, threshold 31"), "unsafe");
}

TEST(StackVerdict, OneOperationThatOthersOvertookIsNoSilence) {
  PathHistory history = with_gap(seconds(35));
  history.worst_gap = milliseconds(40);
  EXPECT_EQ(outcome(history, "open-iscsi NOP-Out"), "good");
  EXPECT_EQ(outcome(history, "open-iscsi command timer"), "acts");
  EXPECT_EQ(outcome(history, "VMFS ATS heartbeat"), "acts") << "a heartbeat may be what waits";
}

TEST(StackVerdict, AShortRunProvesNothingGoodButWhatActedActed) {
  PathHistory history = with_gap(seconds(12));
  history.watched = seconds(60);
  const std::vector<StackVerdict> all = judge_stacks(history);
  EXPECT_TRUE(find(all, "OCFS2 o2hb, threshold 31")->unproven);
  EXPECT_FALSE(find(all, "open-iscsi NOP-Out")->unproven);
  EXPECT_FALSE(find(judge_stacks(with_gap(seconds(12))), "OCFS2 o2hb, threshold 31")->unproven);
}

TEST(StackVerdict, EachTransportHasTheTimersThatCanStandOnIt) {
  EXPECT_EQ(outcome(with_gap(seconds(200), "nfs"), "NFS client, hard"), "acts");
  EXPECT_EQ(outcome(with_gap(seconds(200), "nfs"), "OCFS2 o2hb, threshold 31"), "not judged");
  EXPECT_EQ(outcome(with_gap(seconds(200), "nfs"), "corosync, 2 nodes"), "acts");
  EXPECT_EQ(outcome(with_gap(seconds(200), "nbd"), "NBD client without -timeout"), "never");
  EXPECT_EQ(outcome(with_gap(seconds(31), "nbd"), "NBD client, -timeout 30"), "acts");
  EXPECT_EQ(outcome(with_gap(seconds(200), "nbd"), "open-iscsi NOP-Out"), "not judged");
  EXPECT_EQ(outcome(with_gap(seconds(200), "file"), "sanlock"), "acts");
  EXPECT_EQ(outcome(with_gap(seconds(200), "file"), "corosync, 2 nodes"), "not judged");
}

TEST(StackVerdict, WithoutAnyWaitThereIsNoMarginToTell) {
  const std::vector<StackVerdict> all = judge_stacks(with_gap(Duration(0)));
  for (const StackVerdict& verdict : all) EXPECT_FALSE(verdict.margin) << verdict.timer->stack;
}

}  // namespace
}  // namespace holdfast::initiator
