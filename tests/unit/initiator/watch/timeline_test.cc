#include "initiator/watch/timeline.h"

#include <gtest/gtest.h>

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Timeline, CountsWhatCompletedInEachSecond) {
  Timeline timeline;
  timeline.completed(OperationKind::read, 10, false, milliseconds(3));
  timeline.completed(OperationKind::write, 200, false, milliseconds(9));
  timeline.completed(OperationKind::write, 4000, true, milliseconds(1));
  timeline.completed(OperationKind::flush, 0, false, milliseconds(2));
  timeline.gap(milliseconds(4));
  timeline.gap(milliseconds(2));
  timeline.late(milliseconds(1));
  timeline.late(milliseconds(1));
  EXPECT_EQ(timeline.row_end(), seconds(1));
  timeline.end_row(5);
  EXPECT_EQ(timeline.row_end(), seconds(2));

  ASSERT_EQ(timeline.rows().size(), 1U);
  const TimelineRow& row = timeline.rows()[0];
  EXPECT_EQ(row.at, seconds(0));
  EXPECT_EQ(row.operations, 4U);
  EXPECT_EQ(row.errors, 1U);
  EXPECT_EQ(row.bytes_read, 10U);
  EXPECT_EQ(row.bytes_written, 200U) << "what failed was not written";
  EXPECT_EQ(row.in_flight, 5U);
  EXPECT_EQ(row.latency_max, milliseconds(9));
  EXPECT_EQ(row.gap_max, milliseconds(4));
  EXPECT_EQ(row.loop_late, milliseconds(2));
}

TEST(Timeline, StaysBoundedAndSaysWhatItLeftOut) {
  Timeline timeline;
  for (std::size_t i = 0; i < Timeline::rows_max + 3; ++i) timeline.end_row(0);
  EXPECT_EQ(timeline.rows().size(), Timeline::rows_max);
  EXPECT_EQ(timeline.rows_dropped(), 3U);
}

}  // namespace
}  // namespace holdfast::initiator
