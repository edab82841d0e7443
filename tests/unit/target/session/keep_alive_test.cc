#include "target/session/keep_alive.h"

#include <gtest/gtest.h>

namespace holdfast::target {
namespace {

using namespace std::chrono_literals;
using Action = KeepAlive::Action;

const Instant start{};

KeepAlive with_pings() {
  return KeepAlive({.ping_after = 10s, .answer_within = 5s, .stall_max = 60s}, start);
}

TEST(KeepAlive, PingsAfterSilenceAndGivesUpWithoutAnAnswer) {
  KeepAlive peer = with_pings();
  EXPECT_EQ(peer.next_check(false), start + 10s);
  EXPECT_EQ(peer.check(start + 9s, false), Action::none);
  EXPECT_EQ(peer.check(start + 10s, false), Action::ping);
  EXPECT_EQ(peer.next_check(false), start + 15s);
  EXPECT_EQ(peer.check(start + 14s, false), Action::none);
  EXPECT_EQ(peer.check(start + 15s, false), Action::no_answer);
}

TEST(KeepAlive, TakesAnythingFromThePeerForALifeSign) {
  KeepAlive peer = with_pings();
  EXPECT_EQ(peer.check(start + 10s, false), Action::ping);
  peer.heard(start + 14s);
  EXPECT_EQ(peer.check(start + 20s, false), Action::none);
  EXPECT_EQ(peer.next_check(false), start + 24s);
  EXPECT_EQ(peer.check(start + 24s, false), Action::ping);
}

TEST(KeepAlive, TakesOurOwnSendingForNone) {
  // A socket takes our ping however dead the peer is.
  KeepAlive peer = with_pings();
  EXPECT_EQ(peer.check(start + 10s, false), Action::ping);
  peer.taken(start + 10s);
  EXPECT_EQ(peer.check(start + 15s, false), Action::no_answer);
}

TEST(KeepAlive, NeverWakesForAnIdlePeerWithoutPings) {
  KeepAlive peer({}, start);
  EXPECT_EQ(peer.next_check(false), std::nullopt);
  EXPECT_EQ(peer.check(start + 24h, false), Action::none);
}

TEST(KeepAlive, GivesUpAPeerThatStopsInTheMiddleOfWhatItOwes) {
  KeepAlive peer({}, start);
  EXPECT_EQ(peer.next_check(true), start + 60s);
  EXPECT_EQ(peer.check(start + 59s, true), Action::none);
  EXPECT_EQ(peer.check(start + 60s, true), Action::stalled);
}

}  // namespace
}  // namespace holdfast::target
