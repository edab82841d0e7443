#include "initiator/watch/timeline.h"

#include <gtest/gtest.h>

namespace holdfast::initiator {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

TEST(Timeline, CountsWhatCompletedInEachRow) {
  Timeline timeline;
  timeline.completed(OperationKind::read, 10, false, milliseconds(3));
  timeline.completed(OperationKind::write, 200, false, milliseconds(9));
  timeline.completed(OperationKind::write, 4000, true, milliseconds(1));
  timeline.completed(OperationKind::flush, 0, false, milliseconds(2));
  timeline.gap(milliseconds(4));
  timeline.gap(milliseconds(2));
  timeline.late(milliseconds(1));
  timeline.late(milliseconds(1));
  EXPECT_EQ(timeline.row_end(), milliseconds(20));
  timeline.end_row(5);
  EXPECT_EQ(timeline.row_end(), milliseconds(40));

  ASSERT_EQ(timeline.rows().size(), 1U);
  const TimelineRow& row = timeline.rows()[0];
  EXPECT_EQ(row.at, milliseconds(0));
  EXPECT_EQ(row.length, milliseconds(20));
  EXPECT_EQ(row.operations, 4U);
  EXPECT_EQ(row.errors, 1U);
  EXPECT_EQ(row.bytes_read, 10U);
  EXPECT_EQ(row.bytes_written, 200U) << "what failed was not written";
  EXPECT_EQ(row.in_flight, 5U);
  EXPECT_GE(row.latency_p50, milliseconds(2));
  EXPECT_LT(row.latency_p50, milliseconds(3));
  EXPECT_EQ(row.latency_p99, milliseconds(9));
  EXPECT_EQ(row.latency_max, milliseconds(9));
  EXPECT_EQ(row.gap_max, milliseconds(4));
  EXPECT_EQ(row.loop_late, milliseconds(2));
  EXPECT_EQ(row.readers.operations, 0U);
  EXPECT_EQ(row.locks.operations, 0U);
}

TEST(Timeline, TellsReadersAndLocksApartFromTheRest) {
  Timeline timeline;
  timeline.completed(OperationKind::write, 1, false, milliseconds(1));
  timeline.completed(OperationKind::read, 1, false, milliseconds(5));
  timeline.completed_for_reader(milliseconds(5));
  timeline.completed(OperationKind::lock, 0, false, milliseconds(7));
  timeline.end_row(0);
  const TimelineRow& row = timeline.rows()[0];
  EXPECT_EQ(row.operations, 3U);
  EXPECT_EQ(row.readers.operations, 1U);
  EXPECT_EQ(row.readers.max, milliseconds(5));
  EXPECT_EQ(row.locks.operations, 1U);
  EXPECT_EQ(row.locks.p50, milliseconds(7));
}

TEST(Timeline, RowsMergeAndLoseNothing) {
  // Goal: two days stay bounded, and sums, extremes and order survive. Method: an operation in each of
  // the first rows, a long and a short gap side by side, then nothing for two days.
  Timeline timeline;
  constexpr std::size_t busy = 3000;
  for (std::size_t i = 0; i < busy; ++i) {
    timeline.completed(OperationKind::write, 100, false, milliseconds(i == 7 ? 70 : 1));
    if (i == 6) timeline.gap(milliseconds(50));
    if (i == 7) timeline.gap(milliseconds(3));
    timeline.end_row(static_cast<std::uint32_t>(i));
    if (i == Timeline::rows_max - 1) {
      EXPECT_EQ(timeline.rows()[3].in_flight, 7U) << "of its end";
    }
  }
  while (timeline.row_end() < hours(48)) timeline.end_row(0);
  timeline.end_run(0, hours(48));

  const std::vector<TimelineRow>& rows = timeline.rows();
  EXPECT_LE(rows.size(), Timeline::rows_max);
  EXPECT_GT(rows.size(), Timeline::rows_max / 2);
  std::uint64_t operations = 0;
  std::uint64_t bytes = 0;
  Duration at{};
  for (const TimelineRow& row : rows) {
    EXPECT_EQ(row.at, at);
    at += row.length;
    operations += row.operations;
    bytes += row.bytes_written;
  }
  EXPECT_EQ(at, hours(48));
  EXPECT_EQ(operations, busy);
  EXPECT_EQ(bytes, busy * 100);
  EXPECT_EQ(rows[0].latency_max, milliseconds(70));
  EXPECT_LT(rows[0].latency_p99, milliseconds(2)) << "one in thousands is no 99th percentile";
  EXPECT_EQ(rows[0].gap_max, milliseconds(50));
}

TEST(Timeline, TheLastRowIsAsLongAsTheRunWas) {
  Timeline timeline;
  timeline.end_row(0);
  timeline.end_run(3, milliseconds(27));
  ASSERT_EQ(timeline.rows().size(), 2U);
  EXPECT_EQ(timeline.rows()[1].length, milliseconds(7));
  EXPECT_EQ(timeline.rows()[1].in_flight, 3U);
}

}  // namespace
}  // namespace holdfast::initiator
