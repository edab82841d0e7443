#include "target/portal/log_quota.h"

#include <gtest/gtest.h>

namespace holdfast::target {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(LogQuota, AFloodGetsItsFirstLinesAndThenAFewASecond) {
  LogQuota quota;
  const Instant start{};
  std::uint32_t lines = 0;
  for (int i = 0; i < 10'000; ++i) lines += quota.take("192.0.2.1", start).has_value();
  EXPECT_EQ(lines, LogQuota::lines_at_once);
  EXPECT_EQ(quota.take("192.0.2.1", start + milliseconds(99)), std::nullopt);
  EXPECT_EQ(quota.take("192.0.2.1", start + milliseconds(100)), 10'000u - LogQuota::lines_at_once + 1) << "what it was refused";
  EXPECT_EQ(quota.take("192.0.2.1", start + milliseconds(199)), std::nullopt);
  EXPECT_EQ(quota.take("192.0.2.1", start + milliseconds(200)), 1u);
  EXPECT_EQ(quota.take("192.0.2.2", start), 0u) << "another source is no worse off";
}

TEST(LogQuota, QuietFillsItUpAgainAndNotBeyond) {
  LogQuota quota;
  Instant now{};
  for (std::uint32_t i = 0; i < LogQuota::lines_at_once; ++i) quota.take("a", now);
  now += seconds(3600);
  std::uint32_t lines = 0;
  for (int i = 0; i < 1000; ++i) lines += quota.take("a", now).has_value();
  EXPECT_EQ(lines, LogQuota::lines_at_once);
}

TEST(LogQuota, TheBookIsBoundedAndForgetsTheQuietestFirst) {
  LogQuota quota;
  Instant now{};
  for (std::uint32_t i = 0; i <= LogQuota::lines_at_once; ++i) quota.take("source 0", now);
  for (int i = 1; i < 5000; ++i) quota.take("source " + std::to_string(i), now += milliseconds(1));
  EXPECT_EQ(quota.sources(), LogQuota::sources_max);
  EXPECT_EQ(quota.take("source 0", now), 0u);
}

}  // namespace
}  // namespace holdfast::target
