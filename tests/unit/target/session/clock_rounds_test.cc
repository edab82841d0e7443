#include "target/session/clock_rounds.h"

#include <gtest/gtest.h>

namespace holdfast::target {
namespace {

using namespace std::chrono_literals;

Instant at(Duration time) { return Instant(time); }

TEST(ClockRounds, APingIsARoundWhenItsAnswerIsSpokenOf) {
  ClockRounds clock;
  clock.came({.number = 1, .sent = at(1000s)}, at(10s));
  EXPECT_TRUE(clock.rounds().empty());
  ASSERT_EQ(clock.open().size(), 1u);
  clock.came({.number = 2, .sent = at(1001s), .answered_number = 1, .answered = at(1000s + 2ms)}, at(11s));
  ASSERT_EQ(clock.rounds().size(), 1u);
  EXPECT_EQ(clock.rounds()[0].sent, at(1000s));
  EXPECT_EQ(clock.rounds()[0].came, at(10s));
  EXPECT_EQ(clock.rounds()[0].trip(), 2ms);
  ASSERT_EQ(clock.open().size(), 1u);
  EXPECT_EQ(clock.open()[0].number, 2u);
}

TEST(ClockRounds, WhatWasNeverAskedIsNoRound) {
  ClockRounds clock;
  clock.came({.number = 5, .sent = at(1s), .answered_number = 4, .answered = at(2s)}, at(1s));
  EXPECT_TRUE(clock.rounds().empty());
  clock.came({.number = 6, .sent = at(3s), .answered_number = 5, .answered = at(500ms)}, at(2s));
  EXPECT_TRUE(clock.rounds().empty()) << "its answer came before it was sent";
}

TEST(ClockRounds, ALongSessionIsCoveredFromItsBeginByItsShortestTrips) {
  ClockRounds clock;
  constexpr int pings = 10'000;
  for (int i = 1; i <= pings; ++i) {
    // Every fourth trip is short.
    const Duration trip = (i - 1) % 4 == 0 ? 1ms : 5ms;
    clock.came({.number = static_cast<std::uint64_t>(i),
                .sent = at(i * 1s),
                .answered_number = static_cast<std::uint64_t>(i - 1),
                .answered = at((i - 1) * 1s + trip)},
               at(i * 1s));
  }
  EXPECT_LE(clock.rounds().size(), ClockRounds::rounds_max);
  EXPECT_GE(clock.rounds().size(), ClockRounds::rounds_max / 2);
  EXPECT_LT(clock.rounds().front().sent, at(1000s));
  EXPECT_GT(clock.rounds().back().sent, at(pings * 1s - 500s));
  std::size_t brief = 0;
  for (const ClockRounds::Round& round : clock.rounds()) brief += round.trip() == 1ms ? 1 : 0;
  EXPECT_GE(brief, clock.rounds().size() / 2);
  EXPECT_LE(clock.open().size(), ClockRounds::open_max);
}

TEST(ClockRounds, PingsWithoutAnswersAreBounded) {
  ClockRounds clock;
  for (std::uint64_t i = 1; i <= 1000; ++i) clock.came({.number = i, .sent = at(1s)}, at(1s));
  EXPECT_EQ(clock.open().size(), ClockRounds::open_max);
  EXPECT_EQ(clock.open().back().number, 1000u);
}

}  // namespace
}  // namespace holdfast::target
