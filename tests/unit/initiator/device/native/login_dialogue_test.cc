// Our side of a login, word by word.

#include "initiator/device/native/login_dialogue.h"

#include <gtest/gtest.h>

#include "common/iscsi/binary_text.h"
#include "initiator/device/native/native_login.h"

namespace holdfast::initiator {
namespace {

using iscsi::LoginFlags;
using iscsi::LoginStage;
using Next = LoginDialogue::Next;

class LoginDialogueTest : public testing::Test {
 protected:
  void SetUp() override {
    login_.target = "iqn.x:disk";
    login_.initiator = "iqn.x:me";
  }

  void begin() { dialogue_.emplace(login_, offered_parameters()); }
  const LoginDialogue::Request& said() { return dialogue_->request(); }
  /// The value of a key that we said; "-" if we did not.
  std::string said(const std::string& key) {
    const auto pairs = iscsi::parse_text(said().text);
    EXPECT_TRUE(pairs);
    for (const iscsi::TextPair& pair : *pairs)
      if (pair.key == key) return std::string(pair.value);
    return "-";
  }
  static std::string text(std::initializer_list<std::pair<const char*, std::string>> pairs) {
    iscsi::TextBuilder builder;
    for (const auto& [key, value] : pairs) builder.add(key, value);
    return builder.take();
  }
  Result<Next> answer(LoginStage stage, std::optional<LoginStage> next, const std::string& text,
                      std::uint16_t status = 0, std::uint16_t tsih = 5) {
    iscsi::LoginResponseBhs response;
    response.flags = LoginFlags::make(next.has_value(), false, stage, next.value_or(LoginStage{}));
    response.status = status;
    response.tsih = tsih;
    return dialogue_->receive(response, text);
  }
  static std::string why(const Result<Next>& result) { return result ? "" : result.error().message; }

  static constexpr LoginStage security = LoginStage::security_negotiation;
  static constexpr LoginStage operation = LoginStage::operational_negotiation;
  static constexpr LoginStage full = LoginStage::full_feature_phase;

  /// Up to where we have named ourselves and answered the challenge.
  void answer_challenge() {
    begin();
    EXPECT_TRUE(answer(security, {}, text({{"AuthMethod", "CHAP"}})));
    EXPECT_EQ(said("CHAP_A"), "8,6,5");
    EXPECT_TRUE(answer(security, {}, text({{"CHAP_A", "8"}, {"CHAP_I", "9"}, {"CHAP_C", "0x0102030405"}})));
  }

  IscsiLogin login_;
  std::optional<LoginDialogue> dialogue_;
};

TEST_F(LoginDialogueTest, WithoutAUserItBeginsWithTheKeysAndIsInAfterOneRound) {
  begin();
  EXPECT_TRUE(said().flags.transit());
  EXPECT_EQ(said().flags.current_stage(), operation);
  EXPECT_EQ(said().flags.next_stage(), full);
  EXPECT_EQ(said("InitiatorName"), "iqn.x:me");
  EXPECT_EQ(said("TargetName"), "iqn.x:disk");
  EXPECT_EQ(said("SessionType"), "Normal");
  EXPECT_EQ(said("ImmediateData"), "Yes");
  EXPECT_EQ(said("InitialR2T"), "No");
  EXPECT_EQ(said("HeaderDigest"), "None");
  const Result<Next> end = answer(operation, full,
                                  text({{"TargetPortalGroupTag", "1"},
                                        {"InitialR2T", "Yes"},
                                        {"MaxRecvDataSegmentLength", "65536"},
                                        {"FirstBurstLength", "8192"}}));
  ASSERT_TRUE(end) << why(end);
  EXPECT_EQ(*end, Next::let_in);
  const auto agreed = dialogue_->parameters();
  EXPECT_TRUE(agreed->initial_r2t);
  EXPECT_EQ(agreed->peer_max_recv_data_segment_length, 65536U);
  EXPECT_EQ(agreed->first_burst_length, 8192U);
}

TEST_F(LoginDialogueTest, DiscoveryNamesNoTargetAndNoKeysOfDisks) {
  login_.target.clear();
  begin();
  EXPECT_EQ(said("SessionType"), "Discovery");
  EXPECT_EQ(said("TargetName"), "-");
  EXPECT_EQ(said("ImmediateData"), "-");
  EXPECT_EQ(*answer(operation, full, "", 0, 0), Next::let_in) << "a discovery session may do without a TSIH";
}

TEST_F(LoginDialogueTest, AChallengeIsAnswered) {
  login_.user = "alice";
  login_.password = "secret-secret";
  answer_challenge();
  EXPECT_EQ(said("CHAP_N"), "alice");
  const std::uint8_t challenge[] = {1, 2, 3, 4, 5};
  EXPECT_EQ(said("CHAP_R"), iscsi::hexadecimal_text(iscsi::chap_response(iscsi::ChapAlgorithm::sha3_256, 9,
                                                                         "secret-secret", challenge)));
  EXPECT_EQ(said("CHAP_C"), "-");
  EXPECT_TRUE(said().flags.transit());
  EXPECT_EQ(*answer(security, operation, ""), Next::send);
  EXPECT_EQ(said("InitialR2T"), "No");
  EXPECT_EQ(said("InitiatorName"), "-") << "said once";
  EXPECT_EQ(*answer(operation, full, ""), Next::let_in);
}

TEST_F(LoginDialogueTest, WhoOffersAPasswordMayBeLetInWithoutIt) {
  login_.user = "alice";
  begin();
  EXPECT_EQ(said("AuthMethod"), "CHAP,None");
  EXPECT_EQ(*answer(security, {}, text({{"AuthMethod", "None"}})), Next::send);
  EXPECT_TRUE(said().flags.transit());
  EXPECT_EQ(*answer(security, operation, ""), Next::send);
  EXPECT_EQ(*answer(operation, full, ""), Next::let_in);
}

TEST_F(LoginDialogueTest, ATargetThatMustProveItselfDoes) {
  login_.user = "alice";
  login_.password = "secret-secret";
  login_.target_user = "disk";
  login_.target_password = "other-secret";
  answer_challenge();
  const auto challenge = iscsi::parse_binary(said("CHAP_C"), 1024);
  ASSERT_TRUE(challenge);
  const auto identifier = static_cast<std::uint8_t>(std::stoi(said("CHAP_I")));
  const auto proof = [&](const char* secret) {
    return iscsi::hexadecimal_text(
        iscsi::chap_response(iscsi::ChapAlgorithm::sha3_256, identifier, secret, *challenge));
  };
  LoginDialogue before = *dialogue_;
  EXPECT_EQ(*answer(security, operation, text({{"CHAP_N", "disk"}, {"CHAP_R", proof("other-secret")}})), Next::send);
  EXPECT_EQ(said().flags.current_stage(), operation);

  dialogue_.emplace(before);
  EXPECT_NE(why(answer(security, operation, text({{"CHAP_N", "disk"}, {"CHAP_R", proof("wrong")}})))
                .find("does not prove to be disk"),
            std::string::npos);
  dialogue_.emplace(before);
  EXPECT_NE(why(answer(security, operation, text({{"CHAP_N", "else"}, {"CHAP_R", proof("other-secret")}})))
                .find("does not prove to be disk"),
            std::string::npos);
  dialogue_.emplace(before);
  EXPECT_FALSE(answer(security, operation, "")) << "no proof is no proof";
}

TEST_F(LoginDialogueTest, WhoMustProveItselfCannotTalkItsWayOut) {
  login_.user = "alice";
  login_.target_user = "disk";
  begin();
  EXPECT_EQ(said("AuthMethod"), "CHAP");
  EXPECT_FALSE(answer(security, {}, text({{"AuthMethod", "None"}})));
  begin();
  EXPECT_FALSE(answer(security, operation, text({{"AuthMethod", "CHAP"}})));
}

TEST_F(LoginDialogueTest, BadChallengesAreRefused) {
  login_.user = "alice";
  for (const auto& bad : {text({}), text({{"CHAP_A", "9"}, {"CHAP_I", "1"}, {"CHAP_C", "0x01"}}),
                          text({{"CHAP_A", "7"}, {"CHAP_I", "1"}, {"CHAP_C", "0x01"}}), text({{"CHAP_A", "5,6"}, {"CHAP_I", "1"}, {"CHAP_C", "0x01"}}),
                          text({{"CHAP_A", "5"}, {"CHAP_I", "256"}, {"CHAP_C", "0x01"}}),
                          text({{"CHAP_A", "5"}, {"CHAP_I", "1"}, {"CHAP_C", "rubbish"}}),
                          text({{"CHAP_A", "5"}, {"CHAP_I", "1"}})}) {
    begin();
    EXPECT_TRUE(answer(security, {}, text({{"AuthMethod", "CHAP"}})));
    EXPECT_FALSE(answer(security, {}, bad)) << bad;
  }
}

TEST_F(LoginDialogueTest, ADigestThatIsAskedForIsHadOrItIsAnError) {
  login_.header_digest = login_.data_digest = true;
  begin();
  EXPECT_EQ(said("HeaderDigest"), "CRC32C");
  EXPECT_EQ(*answer(operation, full, text({{"HeaderDigest", "CRC32C"}, {"DataDigest", "CRC32C"}})), Next::let_in);
  EXPECT_TRUE(dialogue_->parameters()->header_digest && dialogue_->parameters()->data_digest);
  begin();
  EXPECT_FALSE(answer(operation, full, text({{"HeaderDigest", "CRC32C"}, {"DataDigest", "Reject"}})));
  begin();
  EXPECT_FALSE(answer(operation, full, text({{"HeaderDigest", "None"}, {"DataDigest", "CRC32C"}})));
}

TEST_F(LoginDialogueTest, ARedirectionSaysWhereTo) {
  begin();
  EXPECT_EQ(*answer(operation, {}, text({{"TargetAddress", "192.0.2.1:3261,2"}}), 0x0101), Next::redirected);
  EXPECT_EQ(dialogue_->elsewhere(), "192.0.2.1:3261,2");
  begin();
  EXPECT_FALSE(answer(operation, {}, "", 0x0102));
}

TEST_F(LoginDialogueTest, WhatBreaksTheProtocolIsNamed) {
  begin();
  EXPECT_NE(why(answer(security, {}, "")).find("another stage"), std::string::npos);
  begin();
  EXPECT_NE(why(answer(operation, security, "")).find("have not asked for"), std::string::npos);
  begin();
  EXPECT_NE(why(answer(operation, full, "", 0, 0)).find("TSIH 0"), std::string::npos);
  begin();
  EXPECT_NE(why(answer(operation, full, "no pair")).find("malformed"), std::string::npos);
  begin();
  EXPECT_NE(why(answer(operation, full, text({{"MaxBurstLength", "17000000"}}))).find("MaxBurstLength"),
            std::string::npos);
  begin();
  Result<Next> next = Next::send;
  for (int i = 0; i < 100 && next; ++i) next = answer(operation, {}, "");
  EXPECT_NE(why(next).find("comes to no end"), std::string::npos);
}

TEST_F(LoginDialogueTest, ARefusalKeepsItsStatus) {
  begin();
  const Result<Next> refused = answer(operation, {}, "", 0x0203);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::refused);
  EXPECT_NE(why(refused).find("0203h"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::initiator
