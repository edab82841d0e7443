#include "common/base/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace holdfast {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

TEST(Histogram, IsEmptyAtFirst) {
  Histogram histogram;
  EXPECT_EQ(histogram.count(), 0U);
  EXPECT_EQ(histogram.min(), Duration(0));
  EXPECT_EQ(histogram.max(), Duration(0));
  EXPECT_EQ(histogram.mean(), Duration(0));
  EXPECT_EQ(histogram.percentile(99), Duration(0));
}

TEST(Histogram, OneValueIsEveryPercentile) {
  Histogram histogram;
  histogram.record(milliseconds(7));
  for (double percent : {0.001, 50.0, 99.9, 100.0})
    EXPECT_EQ(histogram.percentile(percent), milliseconds(7)) << percent;
  EXPECT_EQ(histogram.min(), milliseconds(7));
  EXPECT_EQ(histogram.mean(), milliseconds(7));
}

TEST(Histogram, PercentilesOfAnySizeAreRightToOnePartIn256) {
  // Goal: the bound that the header states. Method: values spread over eleven decades, compared
  // with the percentiles of the sorted list itself.
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> exponent(0, 11);
  std::vector<std::int64_t> values;
  Histogram histogram;
  for (int i = 0; i < 100'000; ++i) {
    values.push_back(static_cast<std::int64_t>(std::pow(10.0, exponent(random))));
    histogram.record(nanoseconds(values.back()));
  }
  std::sort(values.begin(), values.end());
  for (double percent : {0.1, 1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * 100'000)) - 1;
    const auto exact = static_cast<double>(values[rank]);
    const auto found = static_cast<double>(histogram.percentile(percent).count());
    EXPECT_GE(found, exact) << percent;
    EXPECT_LE(found, exact * (1 + 1.0 / 256)) << percent;
  }
}

TEST(Histogram, EveryBucketsEndsMeetWithoutGapOrOverlap) {
  // A value's percentile is never below it, and its successor's is never below its own.
  Duration last{};
  for (unsigned bit = 2; bit < 47; ++bit) {
    for (std::int64_t around : {-1, 0, 1}) {
      const nanoseconds value((std::int64_t{1} << bit) + around);
      Histogram histogram;
      histogram.record(value);
      histogram.record(hours(70));  // So that `max` does not hide the bucket's end.
      const Duration found = histogram.percentile(50);
      EXPECT_GE(found, value);
      EXPECT_GE(found, last);
      last = found;
    }
  }
}

TEST(Histogram, WhatIsTooLongCountsAndIsKeptExactlyAsTheGreatest) {
  Histogram histogram;
  histogram.record(microseconds(1));
  histogram.record(hours(1000));
  EXPECT_EQ(histogram.count(), 2U);
  EXPECT_EQ(histogram.max(), hours(1000));
  EXPECT_LE(histogram.percentile(100), hours(1000));
}

TEST(Histogram, ANegativeDurationCountsAsNone) {
  Histogram histogram;
  histogram.record(nanoseconds(-5));
  EXPECT_EQ(histogram.min(), Duration(0));
  EXPECT_EQ(histogram.count(), 1U);
}

TEST(Histogram, MergingIsTheSameAsRecordingBoth) {
  Histogram left;
  Histogram right;
  Histogram both;
  for (int i = 1; i <= 1000; ++i) {
    (i % 3 == 0 ? left : right).record(microseconds(i));
    both.record(microseconds(i));
  }
  left.merge(right);
  left.merge(Histogram());
  EXPECT_EQ(left.count(), both.count());
  EXPECT_EQ(left.min(), both.min());
  EXPECT_EQ(left.max(), both.max());
  EXPECT_EQ(left.mean(), both.mean());
  for (double percent : {1.0, 50.0, 99.0}) EXPECT_EQ(left.percentile(percent), both.percentile(percent));
  left.clear();
  EXPECT_EQ(left.count(), 0U);
  EXPECT_EQ(left.percentile(50), Duration(0));
}

TEST(Histogram, ASmallOneIsRightToWhatItWasAskedFor) {
  Histogram histogram(4);
  for (int i = 1; i <= 1000; ++i) histogram.record(microseconds(i));
  const auto p50 = static_cast<double>(histogram.percentile(50).count());
  EXPECT_GE(p50, 500e3);
  EXPECT_LE(p50, 500e3 * (1 + 1.0 / 16));
  EXPECT_EQ(histogram.max(), milliseconds(1));
  EXPECT_EQ(histogram.sum(), microseconds(500'500));
  Histogram other(4);
  other.record(hours(1));
  histogram.merge(other);
  EXPECT_EQ(histogram.count(), 1001U);
  histogram.clear();
  histogram.merge(other);
  EXPECT_EQ(histogram.max(), hours(1));
}

TEST(Histogram, CountsBelowPowersOfTwoAreExact) {
  for (unsigned precision : {1U, 4U, 8U}) {
    Histogram histogram(precision);
    for (std::int64_t value : {0L, 1L, 1023L, 1024L, (1L << 30) - 1, 1L << 30, 1L << 60}) histogram.record(nanoseconds(value));
    EXPECT_EQ(histogram.count_below(0), 1U) << precision;
    EXPECT_EQ(histogram.count_below(10), 3U) << precision;
    EXPECT_EQ(histogram.count_below(30), 5U) << precision;
    EXPECT_EQ(histogram.count_below(31), 6U) << precision;
    EXPECT_EQ(histogram.count_below(63), 7U) << precision;
  }
}

}  // namespace
}  // namespace holdfast
