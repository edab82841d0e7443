#include "initiator/report/compare_record.h"

#include <gtest/gtest.h>

#include "tests/unit/initiator/report/sample_compare.h"

namespace holdfast::initiator {
namespace {

using Status = CompareDestination::Status;
using Origin = CompareDestination::Origin;

RunRecord with_verdict(Verdict verdict) {
  RunRecord record = copied_in(1);
  record.verdict = verdict;
  return record;
}

TEST(CompareRecord, TheWorstRunIsTheExitCode) {
  Comparison comparison;
  comparison.destination("a").run(with_verdict(Verdict::steady));
  EXPECT_EQ(comparison.record().exit_code(), 0);
  comparison.run(with_verdict(Verdict::stalled));
  EXPECT_EQ(comparison.record().exit_code(), 1);
  comparison.destination("b").run(with_verdict(Verdict::hung));
  EXPECT_EQ(comparison.record().exit_code(), 4);
  comparison.record().signal = 2;
  EXPECT_EQ(comparison.record().exit_code(), 130) << "who interrupts it is told so";
  comparison.run(with_verdict(Verdict::corrupt));
  EXPECT_EQ(comparison.record().exit_code(), 5) << "a mismatch is never hidden";
  comparison.run(with_verdict(Verdict::steady));
  EXPECT_EQ(comparison.record().exit_code(), 5);
  EXPECT_EQ(comparison.record().verdict(), Verdict::corrupt);
}

TEST(CompareRecord, ADestinationThatDidNotRunMakesItIncomplete) {
  Comparison comparison;
  comparison.destination("a").took(1.0);
  comparison.destination("b");
  for (const Status status : {Status::refused, Status::failed_to_start}) {
    comparison.last().status = status;
    EXPECT_EQ(comparison.record().exit_code(), 1) << to_string(status);
  }
  comparison.last().status = Status::not_installed;
  comparison.last().origin = Origin::asked;
  EXPECT_EQ(comparison.record().exit_code(), 1) << "the user wanted it";
  comparison.last().origin = Origin::offered;
  EXPECT_EQ(comparison.record().exit_code(), 0) << "nobody asked for it";
}

TEST(CompareRecord, WhenNothingRanItCouldNotStart) {
  Comparison comparison;
  EXPECT_EQ(comparison.record().exit_code(), 3);
  comparison.destination("a").last().status = Status::refused;
  comparison.last().code = 2;
  EXPECT_EQ(comparison.record().exit_code(), 2) << "only usage kept it from it";
  comparison.destination("b").last().status = Status::refused;
  comparison.last().code = 3;
  EXPECT_EQ(comparison.record().exit_code(), 3);
}

TEST(CompareRecord, DestinationsAreFoundByLabel) {
  Comparison comparison;
  comparison.destination("a").destination("b");
  EXPECT_EQ(comparison.record().find("b"), &comparison.record().destinations[1]);
  EXPECT_EQ(comparison.record().find("c"), nullptr);
}

}  // namespace
}  // namespace holdfast::initiator
