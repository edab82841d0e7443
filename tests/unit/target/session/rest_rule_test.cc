#include "target/session/rest_rule.h"

#include <gtest/gtest.h>

namespace holdfast::target {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// Commands of 4 KiB of an initiator that sends one every `interval`, in eights; what the last eight come to.
Duration rest_at(microseconds interval, std::uint32_t unseen_answers, std::size_t command_bytes = 4096 + 48) {
  Instant now{};
  RestRule rule(now, 1);
  Duration rest{};
  for (int i = 0; i < 50; ++i) {
    now += 8 * interval;
    rest = rule.next(now, {.commands = 8, .bytes = 8 * command_bytes, .unseen_answers = unseen_answers});
  }
  return rest;
}

TEST(RestRule, NeverRestsWhereTheInitiatorWaitsForItsAnswers) {
  for (const int interval : {1, 10, 100, 10'000}) EXPECT_EQ(rest_at(microseconds(interval), 0), Duration(0));
  EXPECT_EQ(rest_at(microseconds(10), RestRule::unseen_answers_min - 1), Duration(0));
}

TEST(RestRule, RestsUntilHalfOfTheAnswersHaveBeenLookedAt) {
  EXPECT_NEAR(static_cast<double>(rest_at(microseconds(8), 16).count()), 64'000, 1'000);
}

TEST(RestRule, NeverRestsForLong) {
  EXPECT_EQ(rest_at(microseconds(20), 100), RestRule::rest_max);
  EXPECT_EQ(rest_at(microseconds(50'000), 100), RestRule::rest_max);
}

TEST(RestRule, DoesNotRestForSoShortATimeThatItDoesNotPay) {
  EXPECT_EQ(rest_at(microseconds(1), 16), Duration(0));
}

TEST(RestRule, DoesNotLetTheSocketFill) {
  EXPECT_LT(rest_at(microseconds(8), 32, 16'384), rest_at(microseconds(8), 32, 512));
  EXPECT_EQ(rest_at(microseconds(8), 32, 65'536), Duration(0));
}

TEST(RestRule, DoesNotRestWhenNoCommandCame) {
  RestRule rule(Instant{}, 1);
  EXPECT_EQ(rule.next(Instant(milliseconds(1)), {.commands = 0, .bytes = 48, .unseen_answers = 100}), Duration(0));
}

TEST(RestRule, KnowsWhichAnswersAreAmongTheFirstBytes) {
  RestRule rule(Instant{}, 0xffff'fffe);
  EXPECT_EQ(rule.next_stat_sn_within(1'000), 0xffff'fffeu);
  rule.sent(1'100, 0);
  rule.sent(1'300, 7);
  EXPECT_EQ(rule.next_stat_sn_within(1'099), 0xffff'fffeu);
  EXPECT_EQ(rule.next_stat_sn_within(1'100), 0u);
  EXPECT_EQ(rule.next_stat_sn_within(1'299), 0u);
  EXPECT_EQ(rule.next_stat_sn_within(5'000), 7u);
}

TEST(RestRule, CountsNoAnswerAsArrivedThatItForgot) {
  RestRule rule(Instant{}, 1);
  for (std::uint32_t i = 1; i <= 1'000; ++i) rule.sent(100 * i, 1 + i);
  EXPECT_EQ(rule.next_stat_sn_within(100'000), 1'001u);
  EXPECT_LE(rule.next_stat_sn_within(100), 970u) << "the oldest that it remembers";
}

}  // namespace
}  // namespace holdfast::target
