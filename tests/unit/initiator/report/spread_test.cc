#include "initiator/report/spread.h"

#include <gtest/gtest.h>

#include "initiator/report/figures.h"
#include "tests/unit/initiator/report/sample_compare.h"

namespace holdfast::initiator {
namespace {

TEST(Spread, OfNothingIsNothing) {
  EXPECT_EQ(Spread::of({}).count, 0U);
  EXPECT_EQ(Spread::of({}).confidence(), 0);
}

TEST(Spread, MedianRangeAndDeviation) {
  const Spread odd = Spread::of({5, 1, 9});
  EXPECT_EQ(odd.count, 3U);
  EXPECT_EQ(odd.median, 5);
  EXPECT_EQ(odd.min, 1);
  EXPECT_EQ(odd.max, 9);
  EXPECT_EQ(odd.deviation, 4);
  const Spread even = Spread::of({4, 1, 2, 100});
  EXPECT_EQ(even.median, 3);
  EXPECT_EQ(even.deviation, 1.5) << "one outlier does not move it";
}

TEST(Spread, TheRangeOfFewRoundsPromisesLittle) {
  EXPECT_EQ(Spread::of({7}).confidence(), 0);
  EXPECT_EQ(Spread::of({7, 8}).confidence(), 0.5);
  EXPECT_EQ(Spread::of({7, 8, 9}).confidence(), 0.75);
  EXPECT_GT(Spread::of({1, 2, 3, 4, 5}).confidence(), 0.93);
}

TEST(Spread, RangesThatShareAPointAreNotApart) {
  EXPECT_TRUE(Spread::of({1, 2}).apart_from(Spread::of({3, 4})));
  EXPECT_TRUE(Spread::of({3, 4}).apart_from(Spread::of({1, 2})));
  EXPECT_FALSE(Spread::of({1, 3}).apart_from(Spread::of({3, 4})));
  EXPECT_FALSE(Spread::of({1, 9}).apart_from(Spread::of({3, 4})));
}

TEST(Figures, AreTakenFromTheRun) {
  RunRecord record = copied_in(2, 0.25);
  record.totals.wire = {500, 110'000'000, 4000};
  record.generator.time = std::chrono::seconds(1);
  EXPECT_EQ(figure_of(Figure::copy_seconds, record), 2);
  EXPECT_EQ(figure_of(Figure::mib_per_second, record), 50);
  EXPECT_EQ(figure_of(Figure::files_per_second, record), 500);
  EXPECT_EQ(figure_of(Figure::latency_p99, record), 2000);
  EXPECT_EQ(figure_of(Figure::worst_gap, record), 0.25);
  EXPECT_EQ(figure_of(Figure::wire_requests, record), 500);
  EXPECT_EQ(figure_of(Figure::wire_bytes_sent, record), 110e6);
  EXPECT_EQ(figure_of(Figure::cpu_seconds, record), 1);
  EXPECT_FALSE(figure_of(Figure::verify_seconds, record)) << "it was not verified";
}

TEST(Figures, ARunThatDidNotFinishHasNoSpeed) {
  RunRecord record = copied_in(2);
  record.workload.outcome = Outcome::interrupted;
  EXPECT_FALSE(figure_of(Figure::copy_seconds, record));
  EXPECT_FALSE(figure_of(Figure::mib_per_second, record));
  EXPECT_TRUE(figure_of(Figure::worst_gap, record));
}

TEST(Figures, EveryFigureHasItsTraitsAndAText) {
  for (std::size_t i = 0; i < figure_count; ++i) {
    const auto figure = static_cast<Figure>(i);
    ASSERT_NE(traits(figure).key, nullptr) << i;
    EXPECT_FALSE(figure_text(figure, 1).empty()) << traits(figure).key;
  }
  EXPECT_EQ(figure_text(Figure::latency_p50, 1500), "1.5 ms");
  EXPECT_EQ(figure_text(Figure::cpu_share, 0.456), "46 %");
  EXPECT_EQ(figure_text(Figure::wire_bytes_sent, 2048), "2.0 KiB");
}

TEST(Figures, ARangeHasItsUnitOnceWhereItCan) {
  EXPECT_EQ(range_text("1.00 s", "2.50 s"), "1.00..2.50 s");
  EXPECT_EQ(range_text("900 ms", "2.50 s"), "900 ms..2.50 s");
  EXPECT_EQ(range_text("3", "4"), "3..4");
}

}  // namespace
}  // namespace holdfast::initiator
