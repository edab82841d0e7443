#include "initiator/report/compare_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <vector>

#include "tests/unit/initiator/report/sample_compare.h"

namespace holdfast::initiator {
namespace {

using testing::HasSubstr;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

Comparison sample() {
  Comparison comparison;
  RunRecord run = copied_in(1);
  run.totals.wire = {123'456, 123'456'789'012, 123'456'789'012};
  run.generator.time = run.generator.loop_time = run.totals.time;
  comparison.destination("iscsi (holdfastd)").run(run).run(run).run(run);
  comparison.last().server = {"holdfastd", "0.2.0", ""};
  comparison.destination("A/A: iscsi (holdfastd) again")
      .twin_of("iscsi (holdfastd)")
      .took(1.0, 1.0, 1.0);
  comparison.destination("nfs", "nfs").took(1000.0, 1234.5, 1333.0);
  comparison.destination("nbd-server", "nbd").last().status =
      CompareDestination::Status::not_installed;
  comparison.last().reason = "start nbd-server: it is not installed; apt install nbd-server";
  comparison.record().order = "every round in an order of its own";
  comparison.record().machine = {"6.18.5", "AMD EPYC 7763 64-Core Processor", 2,
                                 4'294'967'296};
  return comparison;
}

TEST(CompareText, KeepsWithinAHundredColumnsButForTheLastLine) {
  Comparison comparison = sample();
  const std::vector<std::string> lines = lines_of(to_text(comparison.record()));
  ASSERT_GT(lines.size(), 10U);
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) EXPECT_LE(lines[i].size(), 100U) << lines[i];
}

TEST(CompareText, TheLastLineIsTheVerdict) {
  Comparison comparison = sample();
  const std::string text = to_text(comparison.record());
  EXPECT_EQ(lines_of(text).back(), verdict_line(comparison.record()));
  EXPECT_EQ(text.back(), '\n');
}

TEST(CompareText, HasALineForEachDestinationWithItsFiguresAndMarks) {
  Comparison comparison = sample();
  const std::string text = to_text(comparison.record());
  EXPECT_THAT(text,
              testing::ContainsRegex(
                  "\niscsi \\(holdfastd\\) .*1.00 s +1.00..1.00 s +100.0 +1,000 .*\\* +steady\n"));
  EXPECT_THAT(text, testing::ContainsRegex("\nnfs +1234 s +1000..1333 s .*steady\n"));
  EXPECT_THAT(text, HasSubstr("nbd-server: not run"));
  EXPECT_THAT(text, HasSubstr("iscsi (holdfastd): holdfastd 0.2.0, "));
  EXPECT_THAT(text, HasSubstr("on Linux 6.18.5, 2 cores of AMD EPYC"));
}

TEST(CompareText, WithNoRunsThereIsNoTable) {
  Comparison comparison;
  comparison.destination("nbd", "nbd").last().status = CompareDestination::Status::refused;
  comparison.last().reason = "connect to nbd://a/x: Connection refused";
  const std::string text = to_text(comparison.record());
  EXPECT_EQ(text.find("destination "), std::string::npos) << text;
  EXPECT_THAT(text, HasSubstr("Connection refused"));
}

}  // namespace
}  // namespace holdfast::initiator
