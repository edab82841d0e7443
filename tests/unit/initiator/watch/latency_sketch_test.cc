#include "initiator/watch/latency_sketch.h"

#include <gtest/gtest.h>

namespace holdfast::initiator {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

TEST(LatencySketch, PercentilesAreRightToOnePartInEight) {
  for (const int step : {1, 17, 1000, 123'456}) {
    LatencySketch sketch;
    for (int i = 1; i <= 1000; ++i) sketch.record(microseconds(i * step));
    for (const int percent : {1, 25, 50, 90, 99}) {
      const Duration exact = microseconds(percent * 10 * step);
      EXPECT_GE(sketch.percentile(percent), exact) << percent << " of steps of " << step;
      EXPECT_LE(sketch.percentile(percent), exact + exact / 8 + microseconds(1)) << percent << " of steps of " << step;
    }
    EXPECT_EQ(sketch.percentile(100), microseconds(1000 * step));
  }
}

TEST(LatencySketch, TakesAnyLength) {
  LatencySketch sketch;
  EXPECT_EQ(sketch.percentile(50), Duration(0));
  sketch.record(nanoseconds(-5));
  sketch.record(nanoseconds(0));
  sketch.record(nanoseconds(999));
  EXPECT_EQ(sketch.max(), nanoseconds(999));
  EXPECT_LE(sketch.percentile(50), microseconds(1));
  sketch.record(hours(24 * 365));
  EXPECT_EQ(sketch.max(), hours(24 * 365));
  EXPECT_EQ(sketch.count(), 4U);
}

TEST(LatencySketch, MergedOnesCountAsOne) {
  LatencySketch one;
  LatencySketch other;
  LatencySketch both;
  for (int i = 1; i < 500; ++i) {
    (i % 3 == 0 ? one : other).record(microseconds(i * i));
    both.record(microseconds(i * i));
  }
  one.merge(other);
  EXPECT_EQ(one.count(), both.count());
  EXPECT_EQ(one.max(), both.max());
  for (const int percent : {1, 50, 99}) EXPECT_EQ(one.percentile(percent), both.percentile(percent));
}

}  // namespace
}  // namespace holdfast::initiator
