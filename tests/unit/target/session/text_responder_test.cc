#include <gtest/gtest.h>

#include "target/session/discovery.h"
#include "tests/unit/target/session/login_fixture.h"

namespace holdfast::target {
namespace {

using iscsi::continue_bit;
using iscsi::final_bit;
using iscsi::RejectReason;

class TextResponderTest : public testing::Test {
 protected:
  TextResponderTest() { session_.caller.local = *SocketAddress::parse("192.0.2.7", 3260); }

  void begin(bool discovery) {
    session_.target = discovery ? nullptr : reception_.find_target(reception_.targets[0].name, {});
    responder_.emplace(reception_, session_);
  }
  TextResponder::Answer ask(const std::string& pairs, std::uint8_t flags = final_bit,
                            std::uint32_t tag = iscsi::reserved_tag) {
    iscsi::TextRequestBhs request;
    request.flags = flags;
    request.target_transfer_tag = tag;
    return responder_->answer(request, text_of(pairs));
  }
  std::string told(const std::string& pairs) {
    const TextResponder::Answer answer = ask(pairs);
    EXPECT_FALSE(answer.reject);
    EXPECT_EQ(answer.flags, final_bit);
    EXPECT_EQ(answer.target_transfer_tag, iscsi::reserved_tag);
    return shown(answer.data);
  }

  FakeReception reception_;
  LoginOutcome session_;
  std::optional<TextResponder> responder_;
};

TEST_F(TextResponderTest, DiscoveryTellsAllTargetsOrTheNamedOne) {
  begin(true);
  EXPECT_EQ(told("SendTargets=All"),
            "TargetName=iqn.2026-01.org.example:a;TargetAddress=192.0.2.7:3260,1;"
            "TargetName=iqn.2026-01.org.example:b;TargetAddress=192.0.2.7:3260,1");
  EXPECT_EQ(told("SendTargets=iqn.2026-01.org.example:b"),
            "TargetName=iqn.2026-01.org.example:b;TargetAddress=192.0.2.7:3260,1");
  EXPECT_EQ(told("SendTargets=iqn.x:nothing"), "");
  EXPECT_EQ(told("SendTargets="), "SendTargets=Reject");
}

TEST_F(TextResponderTest, ANormalSessionLearnsOfItsOwnTargetOnly) {
  begin(false);
  const std::string own = "TargetName=iqn.2026-01.org.example:a;TargetAddress=192.0.2.7:3260,1";
  EXPECT_EQ(told("SendTargets="), own);
  EXPECT_EQ(told("SendTargets=iqn.2026-01.org.example:a"), own);
  EXPECT_EQ(told("SendTargets=iqn.2026-01.org.example:b"), "SendTargets=Reject");
  EXPECT_EQ(told("SendTargets=All"), "SendTargets=Reject");
}

TEST_F(TextResponderTest, Ipv6AddressesAreInBrackets) {
  session_.caller.local = *SocketAddress::parse("2001:db8::1", 3261);
  begin(false);
  EXPECT_EQ(told("SendTargets="),
            "TargetName=iqn.2026-01.org.example:a;TargetAddress=[2001:db8::1]:3261,1");
}

TEST_F(TextResponderTest, ALongAnswerGoesInParts) {
  session_.parameters.peer_max_recv_data_segment_length = 512;
  while (reception_.targets.size() < 20) {
    reception_.targets.push_back(reception_.targets[0]);
    reception_.targets.back().name += std::to_string(reception_.targets.size());
  }
  begin(true);
  TextResponder::Answer part = ask("SendTargets=All");
  std::string all = part.data;
  int parts = 1;
  while (part.flags == continue_bit) {
    EXPECT_LE(part.data.size(), 512u);
    EXPECT_NE(part.target_transfer_tag, iscsi::reserved_tag);
    part = ask("", final_bit, part.target_transfer_tag);
    ASSERT_FALSE(part.reject);
    all += part.data;
    ++parts;
  }
  EXPECT_EQ(part.flags, final_bit);
  EXPECT_EQ(part.target_transfer_tag, iscsi::reserved_tag);
  EXPECT_GT(parts, 2);
  Result<std::vector<iscsi::TextPair>> pairs = iscsi::parse_text(all);
  ASSERT_TRUE(pairs);
  EXPECT_EQ(pairs->size(), 40u);
}

TEST_F(TextResponderTest, ARequestMayComeInPieces) {
  begin(true);
  iscsi::TextRequestBhs request;
  request.flags = continue_bit;
  TextResponder::Answer answer = responder_->answer(request, "SendTar");
  ASSERT_FALSE(answer.reject);
  EXPECT_EQ(answer.flags, 0);
  EXPECT_EQ(answer.data, "");
  request.flags = final_bit;
  request.target_transfer_tag = answer.target_transfer_tag;
  answer = responder_->answer(request, text_of("gets=iqn.2026-01.org.example:b"));
  ASSERT_FALSE(answer.reject);
  EXPECT_EQ(shown(answer.data),
            "TargetName=iqn.2026-01.org.example:b;TargetAddress=192.0.2.7:3260,1");
}

TEST_F(TextResponderTest, ANegotiationGoesOnUntilTheFinalRequest) {
  begin(true);
  const TextResponder::Answer open = ask("SendTargets=All", 0);
  ASSERT_FALSE(open.reject);
  EXPECT_EQ(open.flags, 0);
  const TextResponder::Answer end = ask("", final_bit, open.target_transfer_tag);
  ASSERT_FALSE(end.reject);
  EXPECT_EQ(end.flags, final_bit);
  EXPECT_EQ(end.data, "");
}

TEST_F(TextResponderTest, TheSegmentLengthCanBeDeclaredAnew) {
  begin(false);
  EXPECT_EQ(told("MaxRecvDataSegmentLength=4096"), "");
  EXPECT_EQ(responder_->peer_max_recv_data_segment_length(), 4096u);
  EXPECT_EQ(told("MaxBurstLength=4096;Foo=1"), "MaxBurstLength=Reject;Foo=NotUnderstood");
}

TEST_F(TextResponderTest, WhatBreaksTheProtocolIsRejected) {
  begin(true);
  EXPECT_EQ(ask("SendTargets=All", final_bit | continue_bit).reject, RejectReason::protocol_error);
  EXPECT_EQ(ask("", final_bit, 42).reject, RejectReason::invalid_pdu_field);
  EXPECT_EQ(ask("nonsense").reject, RejectReason::protocol_error);
  EXPECT_EQ(ask("SendTargets=All;SendTargets=x").reject, RejectReason::protocol_error);
  EXPECT_EQ(ask("MaxRecvDataSegmentLength=0").reject, RejectReason::protocol_error);
  EXPECT_EQ(responder_->peer_max_recv_data_segment_length(), 8192u);
  // A rejected negotiation is over: its tag is worth nothing.
  const TextResponder::Answer open = ask("", 0);
  ASSERT_FALSE(open.reject);
  EXPECT_TRUE(ask("nonsense", final_bit, open.target_transfer_tag).reject);
  EXPECT_EQ(ask("", final_bit, open.target_transfer_tag).reject, RejectReason::invalid_pdu_field);
}

TEST_F(TextResponderTest, ARequestWithoutEndIsRejectedAtItsBound) {
  begin(true);
  iscsi::TextRequestBhs request;
  request.flags = continue_bit;
  const std::string piece(8192, 'x');
  TextResponder::Answer answer;
  int pieces = 0;
  while (!answer.reject && pieces < 10) {
    answer = responder_->answer(request, piece);
    request.target_transfer_tag = answer.target_transfer_tag;
    ++pieces;
  }
  EXPECT_EQ(pieces, 3);
  EXPECT_EQ(answer.reject, RejectReason::protocol_error);
}

}  // namespace
}  // namespace holdfast::target
