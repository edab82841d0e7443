#include "initiator/fault/flow.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "common/iscsi/pdu.h"
#include "initiator/fault/step_text.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class FlowTest : public testing::Test {
 protected:
  void give(std::string_view text) {
    const Result<FaultStep> step = parse_fault_step(text);
    ASSERT_TRUE(step) << step.error().message;
    ASSERT_TRUE(rules_.add(*step, now_));
  }
  void feed(Flow& flow, std::string_view bytes) {
    const std::span<std::byte> room = flow.room();
    ASSERT_GE(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), bytes.size());
    flow.arrived(bytes.size(), now_);
  }
  /// All that goes through now.
  std::string drain(Flow& flow) {
    std::string all;
    for (auto bytes = flow.next(now_); !bytes.empty(); bytes = flow.next(now_)) {
      all.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      flow.sent(bytes.size(), now_);
    }
    return all;
  }
  static std::string pdu(iscsi::Opcode opcode, char mark, std::size_t data_bytes = 0) {
    iscsi::GenericBhs header;
    header.opcode = opcode;
    header.data_segment_bytes = static_cast<std::uint32_t>(data_bytes);
    const iscsi::HeaderBytes head = iscsi::to_bytes(header);
    return std::string(reinterpret_cast<const char*>(head.data()), head.size()) + std::string(data_bytes, mark);
  }
  /// The opcodes of whole PDUs, by their marks.
  void begin_iscsi() {
    feed(out_, pdu(iscsi::Opcode::login_request, 'l'));
    drain(out_);
  }

  Instant now_{std::chrono::hours(1)};
  FaultRules rules_{1};
  Framing framing_;
  Allowance allowance_;
  Flow out_{Way::out, 1, rules_, framing_, allowance_};
  Flow in_{Way::in, 1, rules_, framing_, allowance_};
};

TEST_F(FlowTest, WithoutAStepBytesPassAsTheyAre) {
  feed(out_, "hello");
  EXPECT_EQ(drain(out_), "hello");
  EXPECT_EQ(rules_.position().bytes[Way::out], 5u);
  EXPECT_EQ(out_.wakes(now_), std::nullopt);
}

TEST_F(FlowTest, DelayedBytesGoInOrderWhenTheirTimeHasCome) {
  give("now delay 20ms for 1h");
  feed(out_, "one");
  now_ += milliseconds(5);
  feed(out_, "two");
  EXPECT_EQ(drain(out_), "");
  EXPECT_EQ(out_.wakes(now_), now_ + milliseconds(15));
  now_ += milliseconds(15);
  EXPECT_EQ(drain(out_), "one");
  give("now resume");
  feed(out_, "three");  // It may go at once, but not before what came before it.
  EXPECT_EQ(drain(out_), "");
  now_ += milliseconds(5);
  EXPECT_EQ(drain(out_), "twothree");
}

TEST_F(FlowTest, AHeldDirectionTakesNothingAndGivesNothing) {
  feed(out_, "before");
  give("now stop out");
  EXPECT_EQ(drain(out_), "");
  EXPECT_TRUE(out_.room().empty());
  EXPECT_FALSE(in_.room().empty());
  give("now resume");
  EXPECT_EQ(drain(out_), "before");
}

TEST_F(FlowTest, MemoryIsBounded) {
  give("now delay 1h");
  std::size_t held = 0;
  for (;;) {
    const std::span<std::byte> room = out_.room();
    if (room.empty()) break;
    std::fill(room.begin(), room.end(), std::byte{'x'});
    out_.arrived(room.size(), now_);
    held += room.size();
  }
  EXPECT_EQ(held, Flow::bytes_most);
}

TEST_F(FlowTest, AStepBySizeBeginsAtItsByte) {
  feed(out_, "0123456789");
  give("after 4B stop");
  EXPECT_EQ(drain(out_), "0123");
  give("now resume");
  EXPECT_EQ(drain(out_), "456789");
}

TEST_F(FlowTest, OnlyWholeMessagesAreDropped) {
  begin_iscsi();
  give("at 2nd data-in drop");
  const std::string first = pdu(iscsi::Opcode::data_in, 'a', 512);
  const std::string second = pdu(iscsi::Opcode::data_in, 'b', 512);
  const std::string third = pdu(iscsi::Opcode::data_in, 'c', 512);
  feed(in_, first + second.substr(0, 100));
  EXPECT_EQ(drain(in_), first);
  feed(in_, second.substr(100) + third);
  EXPECT_EQ(drain(in_), third);
}

TEST_F(FlowTest, SwallowingBeginsAndEndsBetweenMessages) {
  begin_iscsi();
  const std::string first = pdu(iscsi::Opcode::data_in, 'a', 512);
  const std::string second = pdu(iscsi::Opcode::data_in, 'b', 512);
  feed(in_, first.substr(0, 60));
  EXPECT_EQ(drain(in_), first.substr(0, 60));
  give("now stop swallow in");
  feed(in_, first.substr(60) + second.substr(0, 60));
  EXPECT_EQ(drain(in_), first.substr(60));
  give("now resume");
  feed(in_, second.substr(60) + first);
  EXPECT_EQ(drain(in_), first);
}

TEST_F(FlowTest, OneBitOfTheNamedPartIsFlipped) {
  begin_iscsi();
  give("at 1st data-in corrupt data");
  const std::string sent = pdu(iscsi::Opcode::data_in, 'a', 512);
  feed(in_, sent);
  std::string got = drain(in_);
  ASSERT_EQ(got.size(), sent.size());
  EXPECT_EQ(got[48 + 288], 'a' ^ 1);
  got[48 + 288] = 'a';
  EXPECT_EQ(got, sent);
}

TEST_F(FlowTest, OfUnknownBytesTheNextOneIsSpoilt) {
  feed(out_, "abc");
  give("after 1B corrupt data");
  EXPECT_EQ(drain(out_), "acc");
}

TEST_F(FlowTest, AReorderedMessageGoesAfterTheNextOne) {
  begin_iscsi();
  give("at 1st scsi-response reorder");
  const std::string first = pdu(iscsi::Opcode::scsi_response, 'a', 4);
  const std::string second = pdu(iscsi::Opcode::scsi_response, 'b', 8);
  const std::string third = pdu(iscsi::Opcode::scsi_response, 'c', 12);
  feed(in_, first + second + third);
  EXPECT_EQ(drain(in_), second + first + third);
}

TEST_F(FlowTest, WithNothingBehindItAReorderedMessageGoesAfterASecond) {
  begin_iscsi();
  give("at 1st scsi-response reorder by 5");
  const std::string only = pdu(iscsi::Opcode::scsi_response, 'a', 4);
  feed(in_, only);
  EXPECT_EQ(drain(in_), "");
  EXPECT_EQ(in_.wakes(now_), now_ + seconds(1));
  now_ += seconds(1);
  EXPECT_EQ(drain(in_), only);
}

TEST_F(FlowTest, HeldStatusGoesInItsOrderWhenItMay) {
  begin_iscsi();
  give("now hold-statsn for 1s");
  const std::string status = pdu(iscsi::Opcode::scsi_response, 'a', 4);
  const std::string later = pdu(iscsi::Opcode::scsi_response, 'b', 4);
  const std::string r2t = pdu(iscsi::Opcode::r2t, 'r');
  feed(in_, status + r2t + later);
  EXPECT_EQ(drain(in_), r2t);
  now_ += seconds(1);
  rules_.advance(now_);
  EXPECT_EQ(drain(in_), status + later);
}

TEST_F(FlowTest, AThrottledWayPassesItsRate) {
  give("now throttle 100kB/s");
  feed(out_, std::string(60000, 'x'));
  std::size_t passed = 0;
  for (int i = 0; i < 50; ++i) {
    passed += drain(out_).size();
    now_ += milliseconds(10);
  }
  EXPECT_GT(passed, 45'000u);
  EXPECT_LT(passed, 60'000u);
}

TEST_F(FlowTest, NothingPassesBeforeACutWasCarriedOut) {
  begin_iscsi();
  give("at 1st data-in cut");
  feed(in_, pdu(iscsi::Opcode::data_in, 'a', 512));
  EXPECT_EQ(drain(in_), "");
  EXPECT_TRUE(rules_.has_orders());
}

TEST_F(FlowTest, AShutWayThrowsEverythingAway) {
  feed(out_, "abc");
  out_.shut();
  EXPECT_EQ(drain(out_), "");
  EXPECT_FALSE(out_.room().empty());
}

TEST_F(FlowTest, WhatWasBegunAndNeverEndedGoesAtTheEnd) {
  begin_iscsi();
  feed(in_, "half a header");
  EXPECT_EQ(drain(in_), "");
  in_.end();
  EXPECT_EQ(drain(in_), "half a header");
}

}  // namespace
}  // namespace holdfast::initiator
