#include "common/iscsi/negotiation.h"

#include <algorithm>
#include <gtest/gtest.h>

namespace holdfast::iscsi {
namespace {

/// "A=1;B=2" to the text of the wire, and back.
std::string text_of(std::string pairs) {
  if (!pairs.empty()) pairs += ';';
  std::replace(pairs.begin(), pairs.end(), ';', '\0');
  return pairs;
}
std::string shown(std::string text) {
  std::replace(text.begin(), text.end(), '\0', ';');
  if (!text.empty()) text.pop_back();
  return text;
}

class TargetNegotiation : public testing::Test {
 protected:
  void begin(bool discovery = false, Negotiator::Phase phase = Negotiator::Phase::login) {
    negotiator_.emplace(Side::target, phase, ours_, discovery);
  }
  /// Our answers to `offers`, or "error: ..." .
  std::string answer(const std::string& offers) {
    if (!negotiator_) begin();
    const std::string text = text_of(offers);
    Result<std::vector<TextPair>> pairs = parse_text(text);
    if (!pairs) return "unreadable: " + pairs.error().message;
    TextBuilder reply;
    Status status = negotiator_->receive(*pairs, reply);
    if (!status) {
      EXPECT_EQ(status.error().kind, ErrorKind::protocol);
      return "error: " + status.error().message;
    }
    return shown(reply.text());
  }
  std::string proposals() {
    if (!negotiator_) begin();
    TextBuilder text;
    negotiator_->propose_what_defaults_would_break(text);
    return shown(text.text());
  }

  Parameters ours_;
  std::optional<Negotiator> negotiator_;
};

TEST_F(TargetNegotiation, NumbersBecomeTheSmallerOrTheLarger) {
  ours_.max_outstanding_r2t = 8;
  ours_.default_time2wait = 5;
  EXPECT_EQ(answer("MaxOutstandingR2T=16;DefaultTime2Wait=2;DefaultTime2Retain=0;MaxConnections=4"),
            "MaxOutstandingR2T=8;DefaultTime2Wait=5;DefaultTime2Retain=0;MaxConnections=1");
  Result<Parameters> result = negotiator_->result();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->max_outstanding_r2t, 8u);
  EXPECT_EQ(result->default_time2wait, 5u);
  EXPECT_EQ(result->default_time2retain, 0u);
}

TEST_F(TargetNegotiation, BooleansAreJoinedByTheirRule) {
  ours_.initial_r2t = false;
  EXPECT_EQ(answer("InitialR2T=No;ImmediateData=Yes;DataPDUInOrder=No"),
            "InitialR2T=No;ImmediateData=Yes;DataPDUInOrder=Yes");
  begin();
  EXPECT_EQ(answer("InitialR2T=Yes;ImmediateData=No"), "InitialR2T=Yes;ImmediateData=No");
  EXPECT_TRUE(negotiator_->result()->initial_r2t);
  EXPECT_FALSE(negotiator_->result()->immediate_data);
}

TEST_F(TargetNegotiation, ListsTakeTheFirstItemThatWeSupport) {
  EXPECT_EQ(answer("HeaderDigest=CRC32C,None;DataDigest=None;TaskReporting=FastAbort,RFC3720"),
            "HeaderDigest=CRC32C;DataDigest=None;TaskReporting=RFC3720");
  EXPECT_TRUE(negotiator_->result()->header_digest);
  EXPECT_FALSE(negotiator_->result()->data_digest);
  begin();
  EXPECT_EQ(answer("HeaderDigest=SHA256;AuthMethod=CHAP"), "HeaderDigest=Reject;AuthMethod=Reject");
  EXPECT_EQ(negotiator_->value_of(Key::auth_method), "Reject");
}

TEST_F(TargetNegotiation, WhatIsOutOfRangeIsRejectedAndLeavesTheDefault) {
  EXPECT_EQ(answer("MaxBurstLength=511;MaxConnections=0;ErrorRecoveryLevel=3;InitialR2T=maybe;"
                   "DefaultTime2Wait=3601;MaxOutstandingR2T=65536;FirstBurstLength=16777216"),
            "MaxBurstLength=Reject;MaxConnections=Reject;ErrorRecoveryLevel=Reject;"
            "InitialR2T=Reject;DefaultTime2Wait=Reject;MaxOutstandingR2T=Reject;"
            "FirstBurstLength=Reject");
  EXPECT_EQ(negotiator_->result()->max_burst_length, 262'144u);
}

TEST_F(TargetNegotiation, DeclarationsAreKeptAndNotAnswered) {
  EXPECT_EQ(answer("InitiatorName=iqn.2026-01.org.example:a;MaxRecvDataSegmentLength=0x10000;"
                   "X#NodeArchitecture=any"),
            "");
  EXPECT_EQ(negotiator_->value_of(Key::initiator_name), "iqn.2026-01.org.example:a");
  EXPECT_EQ(negotiator_->result()->peer_max_recv_data_segment_length, 65'536u);
  begin();
  EXPECT_EQ(answer("MaxRecvDataSegmentLength=100"),
            "error: MaxRecvDataSegmentLength=100 is not a number from 512 to 16777215");
}

TEST_F(TargetNegotiation, UnknownKeysAreNotUnderstood) {
  EXPECT_EQ(answer("X-com.example.key=1;Maxconnections=1;Other=NotUnderstood"),
            "X-com.example.key=NotUnderstood;Maxconnections=NotUnderstood");
}

TEST_F(TargetNegotiation, MarkersAreRejectedAsSection1325Demands) {
  EXPECT_EQ(answer("IFMarker=No;OFMarker=Yes;IFMarkInt=2048~8192;OFMarkInt=2048"),
            "IFMarker=Reject;OFMarker=Reject;IFMarkInt=Reject;OFMarkInt=Reject");
}

TEST_F(TargetNegotiation, AKeyNamedTwiceBreaksTheProtocol) {
  EXPECT_EQ(answer("MaxBurstLength=4096;MaxBurstLength=8192"),
            "error: MaxBurstLength is named a second time");
  begin();
  EXPECT_EQ(answer("InitialR2T=Yes"), "InitialR2T=Yes");
  EXPECT_EQ(answer("InitialR2T=Yes"), "error: InitialR2T is named a second time");
  begin();  // A name said again in the same words is let pass.
  EXPECT_EQ(answer("InitiatorName=iqn.a;InitiatorName=iqn.a"), "");
  EXPECT_EQ(answer("InitiatorName=iqn.b"), "error: InitiatorName is named a second time");
}

TEST_F(TargetNegotiation, KeysOfTheOtherSideOrAnotherPhaseAreRejected) {
  EXPECT_EQ(answer("TargetAlias=x;SendTargets=All"), "TargetAlias=Reject;SendTargets=Reject");
  begin(false, Negotiator::Phase::full_feature);
  EXPECT_EQ(answer("MaxBurstLength=4096;SendTargets=All;MaxRecvDataSegmentLength=4096"),
            "MaxBurstLength=Reject");
  EXPECT_EQ(negotiator_->value_of(Key::send_targets), "All");
}

TEST_F(TargetNegotiation, DiscoveryAnswersSessionKeysWithIrrelevant) {
  begin(true);
  EXPECT_EQ(answer("MaxConnections=1;InitialR2T=No;ImmediateData=Yes;MaxBurstLength=4096;"
                   "MaxOutstandingR2T=1;DataPDUInOrder=Yes;DataSequenceInOrder=Yes;"
                   "TaskReporting=RFC3720;iSCSIProtocolLevel=1;FirstBurstLength=4096"),
            "MaxConnections=Irrelevant;InitialR2T=Irrelevant;ImmediateData=Irrelevant;"
            "MaxBurstLength=Irrelevant;MaxOutstandingR2T=Irrelevant;DataPDUInOrder=Irrelevant;"
            "DataSequenceInOrder=Irrelevant;TaskReporting=Irrelevant;"
            "iSCSIProtocolLevel=Irrelevant;FirstBurstLength=Irrelevant");
  EXPECT_EQ(
      answer("DefaultTime2Wait=2;DefaultTime2Retain=0;ErrorRecoveryLevel=0;HeaderDigest=None"),
      "DefaultTime2Wait=2;DefaultTime2Retain=0;ErrorRecoveryLevel=0;HeaderDigest=None");
}

TEST_F(TargetNegotiation, FirstBurstIsNeverMoreThanMaxBurst) {
  ours_.first_burst_length = 262'144;
  EXPECT_EQ(answer("FirstBurstLength=262144;MaxBurstLength=8192"),
            "MaxBurstLength=8192;FirstBurstLength=8192");
  EXPECT_EQ(negotiator_->result()->first_burst_length, 8192u);

  begin();  // Unsaid, its default would be too large, so we say it.
  EXPECT_EQ(answer("MaxBurstLength=8192"), "MaxBurstLength=8192");
  EXPECT_EQ(proposals(), "FirstBurstLength=8192");

  begin();  // Agreed on before, it cannot be undercut.
  EXPECT_EQ(answer("FirstBurstLength=65536"), "FirstBurstLength=65536");
  EXPECT_EQ(answer("MaxBurstLength=8192"), "MaxBurstLength=8192");
  Result<Parameters> result = negotiator_->result();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message, "FirstBurstLength 65536 is more than MaxBurstLength 8192");
}

TEST_F(TargetNegotiation, OnlyDefaultsThatGoBeyondOurLimitsAreProposedAgainst) {
  EXPECT_EQ(proposals(), "");
  ours_.immediate_data = false;
  ours_.initial_r2t = false;  // The default Yes is stricter.
  ours_.max_burst_length = 131'072;
  ours_.max_outstanding_r2t = 16;  // The default 1 is within it.
  ours_.default_time2retain = 0;
  begin();
  EXPECT_EQ(answer("MaxBurstLength=65536"), "MaxBurstLength=65536");
  EXPECT_EQ(proposals(), "ImmediateData=No;DefaultTime2Retain=0");
  EXPECT_TRUE(negotiator_->awaits_answers());
  EXPECT_EQ(answer("ImmediateData=No;DefaultTime2Retain=0"), "");
  EXPECT_FALSE(negotiator_->awaits_answers());
  EXPECT_FALSE(negotiator_->result()->immediate_data);
  EXPECT_EQ(proposals(), "");
}

TEST_F(TargetNegotiation, AnAnswerMustBeOneThatTheRuleAdmits) {
  ours_.max_burst_length = 4096;
  ours_.first_burst_length = 4096;
  EXPECT_EQ(proposals(), "MaxBurstLength=4096;FirstBurstLength=4096");
  EXPECT_EQ(answer("MaxBurstLength=2048"), "");
  EXPECT_EQ(negotiator_->result().error().message,
            "FirstBurstLength 65536 is more than MaxBurstLength 2048");
  EXPECT_EQ(answer("FirstBurstLength=8192"), "error: FirstBurstLength=8192 is no answer to 4096");
}

TEST_F(TargetNegotiation, ARefusedOfferFailsOnlyIfTheDefaultWillNotDo) {
  ours_.default_time2wait = 10;
  EXPECT_EQ(proposals(), "DefaultTime2Wait=10");
  EXPECT_EQ(answer("DefaultTime2Wait=Reject"),
            "error: DefaultTime2Wait=Reject answers 10, and 2 does not suit us");

  negotiator_.emplace(Side::initiator, Negotiator::Phase::login, Parameters{}, false);
  TextBuilder text;
  negotiator_->propose(Key::iscsi_protocol_level, text);
  EXPECT_EQ(shown(text.text()), "iSCSIProtocolLevel=1");
  EXPECT_EQ(answer("iSCSIProtocolLevel=NotUnderstood"), "");  // A target of RFC 3720's days.
}

TEST_F(TargetNegotiation, ADigestThatIsAskedForIsOfferedAndCannotBeDeclined) {
  begin();
  negotiator_->support(Key::header_digest, "CRC32C");
  EXPECT_EQ(proposals(), "HeaderDigest=CRC32C");
  EXPECT_FALSE(negotiator_->result()) << "nothing is agreed on yet";
  EXPECT_EQ(answer("HeaderDigest=Reject"), "");
  EXPECT_FALSE(negotiator_->result());
  begin();
  negotiator_->support(Key::header_digest, "None");
  EXPECT_EQ(answer("HeaderDigest=CRC32C,None"), "HeaderDigest=None");
  EXPECT_EQ(proposals(), "");
}

TEST_F(TargetNegotiation, AListAnswerIsOneItemOfTheOffer) {
  negotiator_.emplace(Side::initiator, Negotiator::Phase::login, Parameters{}, false);
  TextBuilder text;
  negotiator_->propose(Key::header_digest, text);
  EXPECT_EQ(shown(text.text()), "HeaderDigest=CRC32C,None");
  EXPECT_EQ(answer("HeaderDigest=SHA256"),
            "error: HeaderDigest=SHA256 answers what we did not offer");
}

TEST(Keys, TheTableHoldsEveryKeyOnce) {
  for (std::size_t i = 0; i < key_count; ++i) {
    const Key key = static_cast<Key>(i);
    EXPECT_EQ(find_key(row_of(key).name), key) << row_of(key).name;
  }
  EXPECT_EQ(find_key("initialr2t"), std::nullopt);
}

TEST(Keys, EveryDefaultIsInItsRange) {
  const Parameters defaults;
  for (std::size_t i = 0; i < key_count; ++i) {
    const KeyRow& row = row_of(static_cast<Key>(i));
    if (row.number == nullptr) continue;
    EXPECT_GE(defaults.*row.number, row.at_least) << row.name;
    EXPECT_LE(defaults.*row.number, row.at_most) << row.name;
  }
}

}  // namespace
}  // namespace holdfast::iscsi
