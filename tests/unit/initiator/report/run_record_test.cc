#include "initiator/report/run_record.h"

#include <gtest/gtest.h>

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant start{seconds(100)};

/// One operation that takes `time`.
void operate(Watch& watch, Instant& now, Duration time) {
  const std::uint32_t slot = watch.begin(OperationKind::write, 0, 512, 0, now, now);
  const Instant end = now + time;
  while (watch.tick_due() && *watch.tick_due() <= end) watch.tick(*watch.tick_due());
  watch.end(slot, 0, end);
  now = end;
}

TEST(RunRecord, ASteadyRunIsSteady) {
  Watch watch({}, start);
  Instant now = start;
  for (int i = 0; i < 100; ++i) operate(watch, now, milliseconds(2));
  watch.finish(now);
  RunRecord record;
  record.take(watch);
  EXPECT_EQ(record.verdict, Verdict::steady);
  EXPECT_EQ(record.exit_code(), 0);
  EXPECT_EQ(record.totals.operations, 100U);
  EXPECT_EQ(record.latency.count, 100U);
  EXPECT_EQ(record.latency.max, milliseconds(2));
  EXPECT_EQ(record.latency_by_operation[1].count, 100U);
  EXPECT_EQ(record.latency_by_operation[0].count, 0U);
}

TEST(RunRecord, AStallMakesItStalled) {
  Watch watch({}, start);
  Instant now = start;
  operate(watch, now, seconds(2));
  watch.finish(now);
  RunRecord record;
  record.take(watch);
  EXPECT_EQ(record.verdict, Verdict::stalled);
  EXPECT_EQ(record.exit_code(), 1);
  EXPECT_EQ(record.count(EventKind::stall), 1U);
}

TEST(RunRecord, AHangThatIsStillOpenCounts) {
  Watch watch({}, start);
  watch.begin(OperationKind::write, 0, 512, 0, start, start);
  while (*watch.tick_due() <= start + seconds(11)) watch.tick(*watch.tick_due());
  RunRecord record;
  record.take(watch);
  EXPECT_EQ(record.verdict, Verdict::hung);
  EXPECT_EQ(record.count(EventKind::hang), 1U);
  EXPECT_EQ(record.exit_code(), 4);
}

TEST(RunRecord, ABrokenConnectionIsNoLessThanAHang) {
  Watch watch({}, start);
  watch.outage("closed", start + seconds(1));
  RunRecord record;
  record.take(watch);
  record.workload.outcome = Outcome::failed;
  EXPECT_EQ(record.verdict, Verdict::hung);
  EXPECT_EQ(record.exit_code(), 4);
}

TEST(RunRecord, AMismatchIsTheWorst) {
  RunRecord record;
  record.verdict = Verdict::hung;
  record.add_mismatch({"file", "differs"}, seconds(1));
  EXPECT_EQ(record.verdict, Verdict::corrupt);
  EXPECT_EQ(record.exit_code(), 5);
  EXPECT_EQ(record.count(EventKind::mismatch), 1U);
  Watch watch({}, start);
  RunRecord both;
  both.take(watch);
  both.add_mismatch({"file", "differs"}, seconds(1));
  EXPECT_EQ(both.events.size(), 1U);
}

TEST(RunRecord, MismatchesAreListedUpToABoundAndCountedBeyondIt) {
  RunRecord record;
  for (int i = 0; i < 5000; ++i) record.add_mismatch({"file", "differs"}, seconds(1));
  EXPECT_EQ(record.workload.mismatches, 5000U);
  EXPECT_EQ(record.workload.mismatch_list.size(), 1000U);
  EXPECT_EQ(record.events.size(), 1000U);
}

TEST(RunRecord, ExitCodesOfWhatDidNotFinish) {
  RunRecord record;
  record.workload.outcome = Outcome::failed;
  EXPECT_EQ(record.exit_code(), 1);
  record.workload.outcome = Outcome::hung;
  EXPECT_EQ(record.exit_code(), 4);
  record.workload.outcome = Outcome::interrupted;
  record.workload.signal = 2;
  EXPECT_EQ(record.exit_code(), 130);
  record.workload.outcome = Outcome::finished;
  EXPECT_EQ(record.exit_code(), 0);
  record.workload.problems = 1;
  EXPECT_EQ(record.exit_code(), 1);
}

TEST(RunRecord, EverySessionIsKeptOnceAndNotWithoutEnd) {
  RunRecord::Destination destination;
  std::map<std::string, std::string> facts = {{"InitiatorName", "iqn.2026-11.example:host"}, {"ISID", "00023d000001"}, {"TSIH", "1"}};
  destination.note(facts);
  destination.note(facts);
  EXPECT_EQ(destination.sessions.size(), 1U);
  for (int tsih = 2; tsih <= 1000; ++tsih) {
    facts["TSIH"] = std::to_string(tsih);
    destination.note(facts);
  }
  EXPECT_EQ(destination.sessions.size(), RunRecord::Destination::sessions_max);
  EXPECT_EQ(destination.sessions.size() + destination.sessions_left_out, 1000U);
  EXPECT_EQ(destination.negotiated["TSIH"], "1000");
  RunRecord::Destination nbd;
  nbd.note({{"server", "nbdkit"}});
  EXPECT_TRUE(nbd.sessions.empty());
}

}  // namespace
}  // namespace holdfast::initiator
