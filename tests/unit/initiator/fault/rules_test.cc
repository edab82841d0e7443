#include "initiator/fault/rules.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "initiator/fault/step_text.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Instant start{std::chrono::hours(1)};

Message message(MessageKind kind, Way way, std::uint64_t data_bytes = 0) {
  Message made;
  made.kind = kind;
  made.way = way;
  made.bytes = 48 + data_bytes;
  made.spoilt_header_byte = 19;
  made.data = {48, data_bytes};
  made.takes_stat_sn = kind == MessageKind::scsi_response;
  return made;
}

class FaultRulesTest : public testing::Test {
 protected:
  void give(std::string_view text, Instant now = start) {
    const Result<FaultStep> step = parse_fault_step(text);
    ASSERT_TRUE(step) << step.error().message;
    ASSERT_TRUE(rules_.add(*step, now));
  }
  MessageFate::Kind meet(MessageKind kind, Way way) { return rules_.meet(message(kind, way), 1, start).kind; }
  bool held(Way way) const { return rules_.state(way).held; }

  FaultRules rules_{7};
};

TEST_F(FaultRulesTest, TimeRunsFromTheFirstConnectionOrFromWhenAStepWasGiven) {
  give("after 5s stop in");
  EXPECT_EQ(rules_.next_moment(), std::nullopt);
  rules_.connection_came(1, start + seconds(10));
  EXPECT_EQ(rules_.next_moment(), start + seconds(15));
  rules_.advance(start + seconds(14));
  EXPECT_FALSE(held(Way::in));
  rules_.advance(start + seconds(15));
  EXPECT_TRUE(held(Way::in));
  EXPECT_FALSE(held(Way::out));
  give("after 1s resume", start + seconds(20));
  EXPECT_EQ(rules_.next_moment(), start + seconds(21));
  rules_.advance(start + seconds(21));
  EXPECT_FALSE(held(Way::in));
  EXPECT_TRUE(rules_.done());
}

TEST_F(FaultRulesTest, WhatLastsEndsByItself) {
  give("now stop for 3s");
  EXPECT_TRUE(held(Way::in) && held(Way::out));
  EXPECT_EQ(rules_.next_moment(), start + seconds(3));
  rules_.advance(start + seconds(3));
  EXPECT_FALSE(held(Way::in) || held(Way::out));
  const std::vector<FaultEvent> events = rules_.take_events();
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].kind, FaultEvent::Kind::begun);
  EXPECT_EQ(events[1].kind, FaultEvent::Kind::ended);
  EXPECT_EQ(events[1].at, start + seconds(3));
}

TEST_F(FaultRulesTest, ResumingOneWayLeavesTheOtherAsItIs) {
  give("now stop");
  give("now resume in");
  EXPECT_TRUE(held(Way::out));
  EXPECT_FALSE(held(Way::in));
  give("now resume");
  EXPECT_FALSE(held(Way::out));
}

TEST_F(FaultRulesTest, BytesAreCountedFromWhenTheStepWasGivenAndNotOvershot) {
  rules_.passed(Way::out, 500, start);
  give("after 1kB out stop");
  EXPECT_EQ(rules_.bytes_until_a_step(Way::out), 1024u);
  rules_.passed(Way::in, 5000, start);
  rules_.passed(Way::out, 1000, start);
  EXPECT_EQ(rules_.bytes_until_a_step(Way::out), 24u);
  EXPECT_FALSE(held(Way::out));
  rules_.passed(Way::out, 24, start);
  EXPECT_TRUE(held(Way::out));
}

TEST_F(FaultRulesTest, TheNthMessageOfAKindIsStruckAndNoOther) {
  give("at 3rd r2t drop");
  EXPECT_EQ(meet(MessageKind::r2t, Way::in), MessageFate::Kind::pass);
  EXPECT_EQ(meet(MessageKind::data_in, Way::in), MessageFate::Kind::pass);
  EXPECT_EQ(meet(MessageKind::r2t, Way::in), MessageFate::Kind::pass);
  EXPECT_EQ(meet(MessageKind::r2t, Way::in), MessageFate::Kind::drop);
  EXPECT_EQ(meet(MessageKind::r2t, Way::in), MessageFate::Kind::pass);
  EXPECT_TRUE(rules_.done());
}

TEST_F(FaultRulesTest, EveryNthIsStruckAgainAndAgain) {
  give("every 2nd nop-in drop");
  std::string fates;
  for (int i = 0; i < 6; ++i) fates += meet(MessageKind::nop_in, Way::in) == MessageFate::Kind::drop ? 'd' : '.';
  EXPECT_EQ(fates, ".d.d.d");
}

TEST_F(FaultRulesTest, AMessageMayBeginWhatLasts) {
  give("at 1st r2t stop in for 1s");
  EXPECT_FALSE(held(Way::in));
  meet(MessageKind::r2t, Way::in);
  EXPECT_TRUE(held(Way::in));
  EXPECT_EQ(rules_.next_moment(), start + seconds(1));
}

TEST_F(FaultRulesTest, AnotherKindThanTheOneWaitedForCanBeStruck) {
  give("at 1st data-out drop scsi-response");
  EXPECT_EQ(meet(MessageKind::scsi_response, Way::in), MessageFate::Kind::pass);
  EXPECT_EQ(meet(MessageKind::data_out, Way::out), MessageFate::Kind::pass);
  EXPECT_EQ(meet(MessageKind::scsi_response, Way::in), MessageFate::Kind::drop);
  EXPECT_EQ(meet(MessageKind::scsi_response, Way::in), MessageFate::Kind::pass);
}

TEST_F(FaultRulesTest, WithATimeAllOfAKindAreDropped) {
  give("now drop nop-in for 2s");
  EXPECT_EQ(meet(MessageKind::nop_in, Way::in), MessageFate::Kind::drop);
  EXPECT_EQ(meet(MessageKind::nop_in, Way::in), MessageFate::Kind::drop);
  EXPECT_EQ(meet(MessageKind::r2t, Way::in), MessageFate::Kind::pass);
  rules_.advance(start + seconds(2));
  EXPECT_EQ(meet(MessageKind::nop_in, Way::in), MessageFate::Kind::pass);
}

TEST_F(FaultRulesTest, OnlyAMessageThatHasThePartIsSpoilt) {
  give("now corrupt data data-in");
  EXPECT_EQ(rules_.meet(message(MessageKind::data_in, Way::in), 1, start).spoilt, std::nullopt);
  EXPECT_EQ(rules_.meet(message(MessageKind::data_in, Way::in, 512), 1, start).spoilt, MessagePart::data);
  EXPECT_EQ(rules_.meet(message(MessageKind::data_in, Way::in, 512), 1, start).spoilt, std::nullopt);
}

TEST_F(FaultRulesTest, HeldStatusWaitsAndTheRestPasses) {
  give("now hold-statsn for 1s");
  EXPECT_EQ(meet(MessageKind::r2t, Way::in), MessageFate::Kind::pass);
  EXPECT_EQ(meet(MessageKind::scsi_response, Way::in), MessageFate::Kind::later);
  rules_.advance(start + seconds(1));
  EXPECT_EQ(meet(MessageKind::scsi_response, Way::in), MessageFate::Kind::pass);
}

TEST_F(FaultRulesTest, ACutByAMessageIsOfItsConnectionAndOneByTimeOfAll) {
  give("at 1st data-in cut fin");
  rules_.meet(message(MessageKind::data_in, Way::in), 5, start);
  ASSERT_TRUE(rules_.has_orders());
  std::vector<ConnectionOrder> orders = rules_.take_orders();
  ASSERT_EQ(orders.size(), 1u);
  EXPECT_EQ(orders[0].connection, 5u);
  EXPECT_EQ(orders[0].cut, CutManner::fin);
  give("now cut");
  orders = rules_.take_orders();
  ASSERT_EQ(orders.size(), 1u);
  EXPECT_EQ(orders[0].connection, 0u);
  EXPECT_EQ(orders[0].cut, CutManner::rst);
}

TEST_F(FaultRulesTest, ConnectionsAreSilentOrRefusedFromTheOneThatIsNamedOn) {
  give("at 2nd connection silent for 5s");
  EXPECT_EQ(rules_.connection_came(1, start), ConnectionFate::serve);
  EXPECT_EQ(rules_.connection_came(2, start), ConnectionFate::silence);
  EXPECT_EQ(rules_.connection_came(3, start), ConnectionFate::silence);
  rules_.advance(start + seconds(5));
  EXPECT_EQ(rules_.connection_came(4, start), ConnectionFate::serve);
  give("now refuse");
  EXPECT_EQ(rules_.connection_came(5, start), ConnectionFate::refuse);
}

TEST_F(FaultRulesTest, JitterStaysInItsBoundsAndTheSeedDrawsItAgain) {
  FaultRules same(7);
  const Result<FaultStep> step = parse_fault_step("now delay 20ms jitter 5ms");
  ASSERT_TRUE(step);
  ASSERT_TRUE(rules_.add(*step, start) && same.add(*step, start));
  Duration least = seconds(1), most{};
  for (int i = 0; i < 1000; ++i) {
    const Duration drawn = rules_.draw_delay(Way::in);
    EXPECT_EQ(drawn, same.draw_delay(Way::in));
    least = std::min(least, drawn);
    most = std::max(most, drawn);
  }
  EXPECT_GE(least, milliseconds(15));
  EXPECT_LT(least, milliseconds(16));
  EXPECT_LE(most, milliseconds(25));
  EXPECT_GT(most, milliseconds(24));
}

TEST_F(FaultRulesTest, ThereIsABoundToTheStepsThatWait) {
  const Result<FaultStep> step = parse_fault_step("after 1h stop");
  ASSERT_TRUE(step);
  for (std::size_t i = 0; i < FaultRules::steps_most; ++i) ASSERT_TRUE(rules_.add(*step, start));
  EXPECT_FALSE(rules_.add(*step, start));
}

}  // namespace
}  // namespace holdfast::initiator
