#include "initiator/report/judgement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/initiator/report/sample_compare.h"

namespace holdfast::initiator {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string words_of(Comparison& comparison) {
  std::string text;
  for (const std::string& sentence : judge(comparison.record()).words) text += sentence + "\n";
  return text;
}

std::string line_of(Comparison& comparison) {
  return judge(comparison.record()).line;
}

RunRecord saturated(RunRecord record) {
  record.generator.time = record.generator.loop_time = record.totals.time;
  return record;
}

RunRecord hung(RunRecord record) {
  record.verdict = Verdict::hung;
  record.workload.outcome = Outcome::hung;
  record.totals.events[static_cast<std::size_t>(EventKind::hang)] = 1;
  PathEvent hang;
  hang.kind = EventKind::hang;
  hang.lasted = std::chrono::seconds(10);
  record.events.push_back(hang);
  return record;
}

TEST(Judgement, TheFastestIsNamedWhenNothingCoversTheDifference) {
  Comparison comparison;
  comparison.destination("iscsi").took(1.0, 1.1, 1.05);
  comparison.destination("again").twin_of("iscsi").took(1.02, 1.08, 1.06);
  comparison.destination("nbd", "nbd").took(2.0, 2.2, 2.1);
  EXPECT_THAT(words_of(comparison),
              HasSubstr("Fastest: iscsi 1.05 s. Slower: nbd 2.10 s (2.00 times as long)."));
  EXPECT_THAT(line_of(comparison), testing::StrEq("STEADY: all held still; fastest: iscsi"));
}

TEST(Judgement, RangesThatTouchNameNobody) {
  Comparison comparison;
  comparison.destination("iscsi").took(1.0, 1.0, 2.0);
  comparison.destination("nbd", "nbd").took(1.9, 2.1, 2.2);
  EXPECT_THAT(
      words_of(comparison),
      AllOf(HasSubstr("No difference in speed that this machine can show (their spreads touch)"),
            HasSubstr("iscsi 1.00 s and nbd 2.10 s"), Not(HasSubstr("Fastest"))));
}

TEST(Judgement, EqualTimesNameNobody) {
  Comparison comparison;
  comparison.destination("iscsi").took(1.0, 1.0, 1.0);
  comparison.destination("nbd", "nbd").took(1.0, 1.0, 1.0);
  EXPECT_THAT(line_of(comparison), HasSubstr("no difference in speed that this machine can show"));
}

TEST(Judgement, ADifferenceThatTheSameDestinationHasFromItselfNamesNobody) {
  Comparison comparison;
  comparison.destination("iscsi").took(1.0, 1.0, 1.0);
  comparison.destination("again").twin_of("iscsi").took(1.0, 1.3, 1.0);
  comparison.destination("nbd", "nbd").took(1.2, 1.25, 1.2);
  EXPECT_THAT(
      words_of(comparison),
      AllOf(
          HasSubstr("the A/A row differs from itself by as much"),
          HasSubstr(
              "iscsi, measured twice in each of 3 rounds, differed from itself by up to 30.0 %")));
}

TEST(Judgement, OneRoundNamesNobody) {
  Comparison comparison;
  comparison.destination("iscsi").took(1.0);
  comparison.destination("nbd", "nbd").took(9.0);
  EXPECT_THAT(words_of(comparison), AllOf(HasSubstr("Who is fastest is not said"),
                                          HasSubstr("iscsi 1.00 s and nbd 9.00 s")));
  EXPECT_THAT(line_of(comparison), HasSubstr("too few rounds"));
}

TEST(Judgement, TheFastestMayBeSeveral) {
  Comparison comparison;
  comparison.destination("nfs", "nfs").took(4.0, 4.1, 4.2);
  comparison.destination("iscsi").took(1.0, 1.1, 1.2);
  comparison.destination("nbd", "nbd").took(1.1, 1.2, 1.3);
  EXPECT_THAT(words_of(comparison),
              AllOf(HasSubstr("Fastest: iscsi and nbd, with no difference"),
                    HasSubstr("Slower than iscsi: nfs 4.10 s (3.73 times as long)")));
  EXPECT_THAT(line_of(comparison), HasSubstr("fastest: iscsi and nbd"));
}

TEST(Judgement, SlownessThatMayBeTheToolsOwnIsNotHeldAgainstADestination) {
  Comparison comparison;
  comparison.destination("iscsi").took(1.0, 1.0, 1.0);
  comparison.destination("nbd", "nbd");
  for (const double seconds : {2.0, 2.0, 2.1}) comparison.run(saturated(copied_in(seconds)));
  EXPECT_THAT(words_of(comparison),
              AllOf(HasSubstr("the tool itself was at its limit in the slower one"),
                    HasSubstr("The tool itself was at its limit with nbd (marked *)"),
                    Not(HasSubstr("Fastest"))));
}

TEST(Judgement, TheLocalLimitAndTheTwinWinNothing) {
  Comparison comparison;
  comparison.destination("file", "file").local_limit().took(0.1, 0.1, 0.1);
  comparison.destination("iscsi").took(1.0, 1.0, 1.0);
  comparison.destination("again").twin_of("iscsi").took(0.99, 0.99, 0.99);
  comparison.destination("nbd", "nbd").took(2.0, 2.0, 2.0);
  EXPECT_THAT(words_of(comparison), HasSubstr("Fastest: iscsi 1.00 s."));
  EXPECT_THAT(words_of(comparison), HasSubstr("file is this machine without a server"));
}

TEST(Judgement, WhoDidNotFinishIsNotRanked) {
  Comparison comparison;
  comparison.destination("iscsi").took(1.0, 1.0, 1.0);
  comparison.destination("nbd", "nbd").took(0.5, 0.5).run(hung(copied_in(0.2)));
  const Judgement judgement = judge(comparison.record());
  EXPECT_EQ(judgement.rows[1][Figure::copy_seconds].count, 2U)
      << "the time of a run that hung is none";
  EXPECT_EQ(judgement.rows[1][Figure::worst_gap].count, 3U);
  EXPECT_THAT(words_of(comparison), HasSubstr("nbd is not ranked: 1 of 3 runs did not finish."));
  EXPECT_THAT(words_of(comparison),
              HasSubstr("nbd did not hold still: hung in 1 of 3 runs (no answer for 10.0 s)."));
  EXPECT_THAT(line_of(comparison), testing::StrEq("HUNG: nbd did not hold still, iscsi did"));
}

TEST(Judgement, TheWorstComesFirst) {
  Comparison comparison;
  comparison.destination("a").run(stalled_for(copied_in(3), 1.5));
  comparison.destination("b").run(hung(copied_in(3)));
  comparison.destination("c").run(stalled_for(copied_in(5), 4)).took(1.0);
  comparison.destination("d").took(1.0);
  RunRecord corrupt = copied_in(1);
  corrupt.add_mismatch({"f", "differs"}, {});
  corrupt.workload.mismatches = 3;
  comparison.destination("e").run(corrupt);
  const Judgement judgement = judge(comparison.record());
  ASSERT_GE(judgement.words.size(), 5U);
  EXPECT_THAT(
      judgement.words[0],
      HasSubstr("e did not hold still: gave back other data in 1 of 1 run (3 differences)"));
  EXPECT_THAT(judgement.words[1], HasSubstr("b did not hold still: hung"));
  EXPECT_THAT(judgement.words[2],
              HasSubstr("c did not hold still: stalled in 1 of 2 runs (the longest stall 4.00 s)"));
  EXPECT_THAT(judgement.words[3], HasSubstr("a did not hold still"));
  EXPECT_THAT(judgement.words[4], HasSubstr("Held still: d; "));
  EXPECT_THAT(judgement.line,
              testing::StartsWith("CORRUPT: a, b, c and e did not hold still, d did"));
}

TEST(Judgement, AMachineThatStallsByItselfIsSaidToDoSo) {
  Comparison comparison;
  comparison.destination("file", "file").local_limit().run(stalled_for(copied_in(3), 1.5));
  EXPECT_THAT(words_of(comparison), HasSubstr("what the others show may be its doing"));
}

TEST(Judgement, ARunThatFailedIsNoSteadyOne) {
  Comparison comparison;
  RunRecord failed = copied_in(1);
  failed.workload.outcome = Outcome::failed;
  failed.workload.reason = "no space left";
  comparison.destination("iscsi").run(failed);
  EXPECT_THAT(line_of(comparison), testing::StrEq("FAILED: iscsi did not hold still"));
  EXPECT_THAT(words_of(comparison), HasSubstr("failed in 1 of 1 run (no space left)"));
}

TEST(Judgement, WhatDidNotRunIsNamedWithItsReason) {
  Comparison comparison;
  comparison.destination("iscsi").took(1.0);
  comparison.destination("nfs", "nfs").last().status = CompareDestination::Status::not_installed;
  comparison.last().server = {"ganesha.nfsd", "", "nfs-ganesha"};
  comparison.destination("nbd", "nbd").last().status = CompareDestination::Status::refused;
  comparison.last().reason = "connect to nbd://a/x: Connection refused";
  EXPECT_THAT(
      words_of(comparison),
      AllOf(HasSubstr("nfs did not run: ganesha.nfsd is not installed: apt install nfs-ganesha."),
            HasSubstr("nbd did not run: connect to nbd://a/x: Connection refused.")));
  EXPECT_THAT(line_of(comparison), HasSubstr("; not run: nfs and nbd"));
}

TEST(Judgement, WithNoRunsItSaysThatNothingRan) {
  Comparison comparison;
  EXPECT_EQ(line_of(comparison), "NOTHING RAN");
  comparison.destination("nbd", "nbd").last().status = CompareDestination::Status::refused;
  comparison.last().reason = "connect to nbd://a/x: Connection refused";
  EXPECT_EQ(line_of(comparison), "NOTHING RAN: nbd could not start");
  EXPECT_TRUE(judge(comparison.record()).rows.empty());
}

TEST(Judgement, WhatDiffersByNatureAndWhatIsLeftOutIsSaid) {
  Comparison comparison;
  comparison.destination("iscsi").took(1.0);
  EXPECT_THAT(words_of(comparison), Not(HasSubstr("By nature")));
  RunRecord nfs = copied_in(2);
  nfs.left_out = {{"extended attributes", "NFSv3 has none", 12}, {"holes", "no SEEK", 1}};
  comparison.destination("nfs", "nfs").run(nfs);
  EXPECT_THAT(
      words_of(comparison),
      AllOf(HasSubstr("By nature: iscsi carried blocks"), HasSubstr("nfs carried each file"),
            HasSubstr("nfs could not keep extended attributes of 12 nodes (NFSv3 has none) and "
                      "holes of 1 node (no SEEK).")));
}

TEST(Judgement, ColdAndWarmAreNotMixed) {
  Comparison comparison;
  comparison.destination("iscsi").took(1.0, 1.0, 1.0, 5.0);
  comparison.record().runs.back().cache = CacheState::cold;
  const Judgement judgement = judge(comparison.record());
  ASSERT_EQ(judgement.rows.size(), 2U);
  EXPECT_EQ(judgement.rows[0][Figure::copy_seconds].max, 1.0);
  EXPECT_EQ(judgement.rows[1][Figure::copy_seconds].median, 5.0);
  EXPECT_THAT(words_of(comparison), HasSubstr("Held still: iscsi, warm and iscsi, cold"));
}

TEST(Judgement, AnInterruptedComparisonIsSaidToBeOne) {
  Comparison comparison;
  RunRecord interrupted = copied_in(1);
  interrupted.workload.outcome = Outcome::interrupted;
  interrupted.workload.signal = 2;
  comparison.destination("iscsi").took(1.0).run(interrupted);
  comparison.record().signal = 2;
  EXPECT_THAT(line_of(comparison), testing::StartsWith("INTERRUPTED: "));
  EXPECT_THAT(words_of(comparison), HasSubstr("iscsi as far as it came"));
}

}  // namespace
}  // namespace holdfast::initiator
