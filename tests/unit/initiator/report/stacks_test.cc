#include "initiator/report/stacks.h"

#include <gtest/gtest.h>

#include <string>

#include "initiator/report/run_json.h"
#include "initiator/report/run_text.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

RunRecord steady(const char* transport) {
  RunRecord record;
  record.destination.transport = transport;
  record.workload.kind = "load";
  record.workload.stall_limit = seconds(1);
  record.totals.time = minutes(20);
  record.totals.worst_gap = milliseconds(50);
  record.latency.max = milliseconds(80);
  return record;
}

RunRecord stalled(Duration lasted, const char* transport = "iscsi") {
  RunRecord record = steady(transport);
  record.totals.worst_gap = lasted;
  PathEvent event;
  event.kind = EventKind::stall;
  event.at = seconds(100);
  event.lasted = lasted;
  record.events.push_back(event);
  return record;
}

TEST(Stacks, ARecordsEpisodesAreThePathsGaps) {
  RunRecord record = stalled(seconds(12));
  PathEvent pause;
  pause.kind = EventKind::local_pause;
  pause.lasted = seconds(50);
  record.events.push_back(pause);
  record.events[0].blame = "backend";
  const PathHistory history = history_of(record);
  ASSERT_EQ(history.gaps.size(), 1U) << "our own pause is none of the path's";
  EXPECT_EQ(history.gaps[0].at, seconds(100));
  EXPECT_EQ(history.gaps[0].lasted, seconds(12));
  EXPECT_FALSE(history.gaps[0].silent) << "the peer answered, its store did not";
  EXPECT_EQ(history.worst_wait, seconds(12));
  EXPECT_EQ(history.watched, minutes(20));
}

TEST(Stacks, TheReportNamesWhatWouldHaveActedAndWhen) {
  const std::string text = to_text(stalled(seconds(70)));
  EXPECT_NE(text.find("OCFS2 o2hb, threshold 31  1 min 0 s 1 min 10 s  0.857  acts at 2 min 40 s"), std::string::npos) << text;
  EXPECT_NE(text.find("this node fences itself; if every node stalled together"), std::string::npos) << text;
  EXPECT_EQ(text.find("unproven"), std::string::npos) << "twenty minutes are enough: " << text;
}

TEST(Stacks, AShortRunSaysThatItProvesNothing) {
  RunRecord record = steady("nbd");
  record.totals.time = seconds(3);
  const std::string text = to_text(record);
  EXPECT_NE(text.find("good, unproven"), std::string::npos) << text;
  EXPECT_NE(text.find("a run of 3.00 s is too short"), std::string::npos) << text;
}

TEST(Stacks, TheRecordCarriesAVerdictForEachStack) {
  const std::string json = to_json(stalled(seconds(70)));
  EXPECT_NE(json.find("\"stack\": \"OCFS2 o2hb, threshold 31\""), std::string::npos) << json;
  EXPECT_NE(json.find("\"acted_at_s\": 160.0"), std::string::npos) << json;
}

TEST(Stacks, OfSeveralRunsTheWorstCounts) {
  const RunRecord still = steady("iscsi");
  const RunRecord stall = stalled(seconds(70));
  for (const auto& runs : {std::vector{&still, &stall}, std::vector{&stall, &still}}) {
    const std::vector<StackVerdict> verdicts = stacks_of(runs);
    ASSERT_FALSE(verdicts.empty());
    for (const StackVerdict& verdict : verdicts) EXPECT_EQ(verdict.worst, seconds(70)) << verdict.timer->stack;
  }
}

TEST(Stacks, AComparisonIsToldInOneSentence) {
  const RunRecord still = steady("nbd");
  const RunRecord stall = stalled(seconds(10));
  EXPECT_EQ(stacks_sentence({{"a", {&stall}}, {"b", {&still}}}),
            "What could stand on top would have acted on a (corosync, 2 nodes, VMFS ATS heartbeat, SBD, one disk, open-iscsi NOP-Out).");
  EXPECT_EQ(stacks_sentence({{"b", {&still}}}),
            "Nothing that could stand on top would have acted; nearest was corosync, 2 nodes on b, 3.00 s against 50 ms.");
}

}  // namespace
}  // namespace holdfast::initiator
