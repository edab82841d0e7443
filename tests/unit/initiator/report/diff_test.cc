#include "initiator/report/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "initiator/report/diff_text.h"
#include "tests/unit/initiator/report/sample_compare.h"

namespace holdfast::initiator {
namespace {

using Mark = DiffRow::Mark;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr double tenth = 0.1;

Diff between(const SavedRecord& a, const SavedRecord& b, double tolerance = tenth) {
  const Result<Diff> diff = diff_of(a, b, tolerance);
  EXPECT_TRUE(diff) << diff.error().message;
  return *diff;
}

Mark mark_of(const Diff& diff, Figure figure, const std::string& label = "") {
  for (const DiffRow& row : diff.rows)
    if (row.figure == figure && row.label == label) return row.mark;
  ADD_FAILURE() << "no row of " << traits(figure).key;
  return Mark::unjudged;
}

template <typename... Seconds>
CompareRecord iscsi_took(Seconds... seconds) {
  Comparison comparison;
  comparison.destination("iscsi").took(seconds...);
  return comparison.record();
}

TEST(Diff, ARunLikeTheOtherIsNotWorse) {
  const Diff diff = between(copied_in(1), copied_in(1));
  EXPECT_FALSE(diff.worse());
  EXPECT_THAT(diff.notes, IsEmpty());
  for (const DiffRow& row : diff.rows) EXPECT_EQ(row.mark, Mark::same) << traits(row.figure).key;
}

TEST(Diff, ChangesUpToTheToleranceAreNone) {
  EXPECT_FALSE(between(copied_in(1), copied_in(1.09)).worse());
  const Diff worse = between(copied_in(1), copied_in(1.2));
  EXPECT_TRUE(worse.worse());
  EXPECT_EQ(mark_of(worse, Figure::copy_seconds), Mark::worse);
  EXPECT_EQ(mark_of(worse, Figure::mib_per_second), Mark::worse) << "less of it is worse";
  EXPECT_FALSE(between(copied_in(1), copied_in(1.2), 0.25).worse());
  const Diff better = between(copied_in(1.2), copied_in(1));
  EXPECT_FALSE(better.worse());
  EXPECT_EQ(mark_of(better, Figure::copy_seconds), Mark::better);
  EXPECT_EQ(mark_of(better, Figure::files_per_second), Mark::better);
}

TEST(Diff, GapsShorterThanAHiccupAreNobodysTrouble) {
  const Diff small = between(copied_in(1, 0.01), copied_in(1, 0.05));
  EXPECT_EQ(mark_of(small, Figure::worst_gap), Mark::same)
      << "five times as long, and still nothing";
  EXPECT_EQ(mark_of(small, Figure::latency_max), Mark::same);
  EXPECT_EQ(mark_of(between(copied_in(1, 0.01), copied_in(1, 0.5)), Figure::worst_gap),
            Mark::worse);
}

TEST(Diff, ASpreadThatCoversTheDifferenceMakesItNone) {
  const Diff covered = between(iscsi_took(1.0, 1.5, 1.0), iscsi_took(1.4, 1.5, 1.6));
  EXPECT_EQ(mark_of(covered, Figure::copy_seconds, "iscsi"), Mark::same);
  EXPECT_FALSE(covered.worse());
  const Diff apart = between(iscsi_took(1.0, 1.1, 1.0), iscsi_took(1.4, 1.5, 1.6));
  EXPECT_EQ(mark_of(apart, Figure::copy_seconds, "iscsi"), Mark::worse);
}

TEST(Diff, WhatTheMachineDiffersFromItselfByMakesItNone) {
  Comparison noisy;
  noisy.destination("iscsi")
      .took(1.0, 1.0, 1.0)
      .destination("again")
      .twin_of("iscsi")
      .took(1.0, 1.6, 1.0);
  EXPECT_EQ(
      mark_of(between(noisy.record(), iscsi_took(1.4, 1.5, 1.5)), Figure::copy_seconds, "iscsi"),
      Mark::same);
}

TEST(Diff, OneHangMoreIsWorseWhateverTheTolerance) {
  RunRecord hung = copied_in(1);
  hung.verdict = Verdict::hung;
  hung.totals.events[static_cast<std::size_t>(EventKind::hang)] = 1;
  EXPECT_TRUE(between(copied_in(1), hung, 10).worse());
  RunRecord corrupt = copied_in(1);
  corrupt.workload.mismatches = 21;
  RunRecord before = copied_in(1);
  before.workload.mismatches = 20;
  EXPECT_EQ(mark_of(between(before, corrupt), Figure::mismatches), Mark::worse)
      << "5 % more, and too many";
  EXPECT_FALSE(between(corrupt, before).worse());
}

TEST(Diff, AStallInOneRoundOfThreeIsNotLostInTheMedian) {
  Comparison stalled;
  stalled.destination("iscsi").took(1.0, 1.0).run(stalled_for(copied_in(1), 2));
  const Diff diff = between(iscsi_took(1.0, 1.0, 1.0), stalled.record());
  EXPECT_EQ(mark_of(diff, Figure::stalls, "iscsi"), Mark::worse);
}

TEST(Diff, ADestinationThatDoesNotRunAnyMoreIsWorse) {
  Comparison before;
  before.destination("iscsi").took(1.0).destination("nfs", "nfs").took(1.0);
  Comparison now;
  now.destination("iscsi").took(1.0).destination("nfs", "nfs");
  now.last().status = CompareDestination::Status::refused;
  now.last().reason = "Connection refused";
  const Diff diff = between(before.record(), now.record());
  EXPECT_TRUE(diff.worse());
  EXPECT_THAT(diff.regressions,
              testing::ElementsAre("nfs: ran before and does not now (Connection refused)"));
  const Diff other = between(now.record(), before.record());
  EXPECT_FALSE(other.worse());
  EXPECT_THAT(other.notes, testing::ElementsAre("nfs: ran now and did not before"));
}

TEST(Diff, ARunThatDidNotFinishIsWorseThanOneThatDid) {
  RunRecord failed = copied_in(1);
  failed.workload.outcome = Outcome::failed;
  const Diff diff = between(copied_in(1), failed);
  EXPECT_THAT(diff.regressions, testing::ElementsAre("1 of 1 run did not finish, before all did"));
  EXPECT_EQ(mark_of(diff, Figure::copy_seconds), Mark::unjudged) << "it has none any more";
  EXPECT_FALSE(between(failed, failed).worse());
}

TEST(Diff, RecordsOfDifferentKindsAreRefused) {
  const Result<Diff> mixed = diff_of(copied_in(1), iscsi_took(1.0), tenth);
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().kind, ErrorKind::invalid_input);
  RunRecord load = copied_in(1);
  load.workload.kind = "load";
  const Result<Diff> unlike = diff_of(copied_in(1), load, tenth);
  ASSERT_FALSE(unlike);
  EXPECT_THAT(unlike.error().message, HasSubstr("one is of a copy, the other of a load"));
}

TEST(Diff, WhatMakesThemHardToCompareIsNoted) {
  RunRecord other = copied_in(1);
  other.totals.bytes *= 2;
  other.destination.url = "nbd://h/x";
  const Diff diff = between(copied_in(1), other);
  EXPECT_THAT(diff.notes,
              testing::Contains(HasSubstr("the work: 100.0 MiB in 1,000 files before, 200.0 MiB")));
  EXPECT_THAT(diff.notes, testing::Contains(HasSubstr("destination: ")));
}

TEST(Diff, TheProcessorShareIsShownAndNotJudged) {
  RunRecord busy = copied_in(1);
  busy.generator.time = std::chrono::milliseconds(900);
  RunRecord idle = copied_in(1);
  idle.generator.time = std::chrono::milliseconds(890);
  EXPECT_EQ(mark_of(between(idle, busy), Figure::cpu_share), Mark::unjudged);
  EXPECT_EQ(mark_of(between(idle, busy), Figure::cpu_seconds), Mark::same);
}

TEST(Diff, EmptyComparisonsAreNoDifference) {
  EXPECT_FALSE(between(CompareRecord(), CompareRecord()).worse());
}

TEST(Diff, Tolerances) {
  EXPECT_EQ(*parse_tolerance("10%"), 0.1);
  EXPECT_EQ(*parse_tolerance("2.5"), 0.025);
  EXPECT_EQ(*parse_tolerance("0%"), 0);
  for (const char* text : {"", "%", "x", "-1%", "10 %", "10%%", "1e3", "1001%", "nan", "inf"})
    EXPECT_FALSE(parse_tolerance(text)) << text;
}

TEST(DiffText, TheLastLineNamesWhatIsWorse) {
  const DiffNames names{"a.json", "b.json"};
  const Diff diff = between(iscsi_took(1.0, 1.1, 1.0), iscsi_took(1.4, 1.5, 1.6));
  const std::string text = to_text(diff, names);
  EXPECT_THAT(text, HasSubstr("a.json -> b.json, tolerance 10 %"));
  EXPECT_THAT(
      text,
      testing::ContainsRegex(
          "copy time +1.00 s \\(1.00..1.10 s\\) +1.50 s \\(1.40..1.60 s\\) +\\+50.0 %  WORSE"));
  EXPECT_THAT(text, testing::EndsWith(verdict_line(diff) + "\n"));
  EXPECT_THAT(
      verdict_line(diff),
      HasSubstr("WORSE by more than 10 %: iscsi copy time +50.0 %, iscsi throughput -33.3 %"));
  EXPECT_THAT(text, Not(HasSubstr("mismatches"))) << "what never happened needs no line";
  EXPECT_THAT(verdict_line(between(copied_in(1), copied_in(1))), testing::StartsWith("NOT WORSE"));
}

TEST(DiffText, JsonSaysTheSame) {
  const DiffNames names{"a.json", "b.json"};
  const auto json = nlohmann::json::parse(to_json(between(copied_in(1), copied_in(2)), names));
  EXPECT_EQ(json["schema"], "holdfast.diff/1");
  EXPECT_EQ(json["worse"], true);
  EXPECT_EQ(json["rows"][0]["figure"], "copy_seconds");
  EXPECT_EQ(json["rows"][0]["change"], 1.0);
  EXPECT_EQ(json["rows"][0]["mark"], "worse");
}

}  // namespace
}  // namespace holdfast::initiator
