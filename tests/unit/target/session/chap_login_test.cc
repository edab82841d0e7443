// CHAP at our door, by the rules alone: what is asked, what is answered, and who does not get in.

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/iscsi/binary_text.h"
#include "common/iscsi/chap.h"
#include "target/session/login_rules.h"
#include "tests/unit/target/session/login_fixture.h"

namespace holdfast::target {
namespace {

using iscsi::ChapAlgorithm;
using iscsi::LoginFlags;
using iscsi::LoginStage;
using iscsi::LoginStatus;

constexpr auto security = LoginStage::security_negotiation;
constexpr auto operational = LoginStage::operational_negotiation;
constexpr auto full_feature = LoginStage::full_feature_phase;
constexpr LoginFlags stays = LoginFlags::make(false, false, security, LoginStage{});
constexpr LoginFlags wants_on = LoginFlags::make(true, false, security, operational);

const std::string names = "InitiatorName=iqn.1993-08.org.debian:01:abc";
const std::string normal = names + ";TargetName=iqn.2026-01.org.example:a";
const std::string secret = "alice's own secret";
const std::string our_secret = "the target's secret";

using Texts = std::map<std::string, std::string>;

Texts pairs_of(const std::string& text) {
  Texts pairs;
  const Result<std::vector<iscsi::TextPair>> parsed = iscsi::parse_text(text);
  for (const iscsi::TextPair& pair : *parsed)
    pairs.emplace(std::string(pair.key), std::string(pair.value));
  return pairs;
}

class ChapLogin : public testing::Test {
 protected:
  ChapLogin() {
    Accounts& accounts = reception_.targets[0].accounts;
    accounts.incoming = {{.name = "bob", .secret = "bob's other secret", .line = 1}, {.name = "alice", .secret = secret, .line = 2}};
    accounts.outgoing = Account{.name = "disk", .secret = our_secret, .line = 3};
    begin_again();
  }

  void begin_again() { rules_.emplace(reception_, SocketAddress{}, SocketAddress{}); }

  /// What the target says to one request; a refusal fails the test.
  Texts say(LoginFlags flags, const std::string& pairs) {
    const LoginRules::Decision decision = decide(flags, pairs);
    const auto* reply = std::get_if<LoginRules::Reply>(&decision);
    EXPECT_NE(reply, nullptr) << pairs << ": " << (reply ? "" : std::get<LoginRefusal>(decision).why);
    if (reply == nullptr) return {};
    moved_on_ = reply->flags.transit();
    return pairs_of(reply->text);
  }

  /// Why it refuses.
  std::string refused(LoginFlags flags, const std::string& pairs) {
    const LoginRules::Decision decision = decide(flags, pairs);
    const auto* refusal = std::get_if<LoginRefusal>(&decision);
    if (refusal == nullptr) return "it was let through";
    status_ = refusal->status;
    return refusal->why;
  }

  LoginRules::Decision decide(LoginFlags flags, const std::string& pairs) {
    iscsi::LoginRequestBhs request;
    request.isid = {0x80, 1, 2, 3, 4, 5};
    request.flags = flags;
    if (std::optional<LoginRefusal> refusal = rules_->check(request)) return *refusal;
    return rules_->answer(request, text_of(pairs));
  }

  /// Goes as far as the challenge, and computes the response to it.
  std::string response_for(const std::string& list, const std::string& with, const std::string& first = normal) {
    EXPECT_EQ(say(stays, first + ";AuthMethod=CHAP,None")["AuthMethod"], "CHAP");
    challenge_ = say(stays, "CHAP_A=" + list);
    return response_to(challenge_, with);
  }
  static std::string response_to(Texts challenge, const std::string& with) {
    const auto algorithm = static_cast<ChapAlgorithm>(std::stoi(challenge["CHAP_A"]));
    const auto bytes = iscsi::parse_binary(challenge["CHAP_C"], 1024).value();
    return iscsi::hexadecimal_text(iscsi::chap_response(
        algorithm, static_cast<std::uint8_t>(std::stoi(challenge["CHAP_I"])), with, bytes));
  }

  FakeReception reception_;
  std::optional<LoginRules> rules_;
  Texts challenge_;
  bool moved_on_ = false;
  LoginStatus status_ = LoginStatus::success;
};

TEST_F(ChapLogin, TheRightSecretLeadsOnWithEveryAlgorithm) {
  for (const char* list : {"5", "6", "7", "8", "5,6,7,8"}) {
    begin_again();
    const std::string response = response_for(list, secret);
    EXPECT_FALSE(moved_on_) << "not before the response, whatever it asks";
    const Texts reply = say(wants_on, "CHAP_N=alice;CHAP_R=" + response);
    EXPECT_TRUE(moved_on_) << list;
    EXPECT_FALSE(reply.contains("CHAP_R")) << "nobody asked us";
    say(LoginFlags::make(true, false, operational, full_feature), "InitialR2T=Yes");
    EXPECT_EQ(rules_->user(), "alice");
  }
  EXPECT_EQ(reception_.admitted.size(), 5u);
}

TEST_F(ChapLogin, WeProveOurselvesWhenAskedTo) {
  const std::string response = response_for("7", secret);
  Texts reply = say(wants_on, "CHAP_N=alice;CHAP_R=" + response + ";CHAP_I=200;CHAP_C=0x000102030405060708");
  EXPECT_TRUE(moved_on_);
  EXPECT_EQ(reply["CHAP_N"], "disk");
  EXPECT_EQ(reply["CHAP_R"],
            response_to({{"CHAP_A", "7"}, {"CHAP_I", "200"}, {"CHAP_C", "0x000102030405060708"}}, our_secret));
}

TEST_F(ChapLogin, Base64IsUnderstoodToo) {
  std::string response = response_for("5", secret);
  const auto bytes = iscsi::parse_binary(response, 32).value();
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text = "0b";
  for (std::size_t i = 0; i < 18; i += 3) {
    const auto at = [&](std::size_t n) { return n < bytes.size() ? std::uint32_t{bytes[n]} : 0U; };
    const std::uint32_t group = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    for (int shift = 18; shift >= 0; shift -= 6) text += digits[group >> shift & 63];
  }
  text.replace(text.size() - 2, 2, "==");  // 16 bytes
  say(wants_on, "CHAP_N=alice;CHAP_R=" + text);
  EXPECT_TRUE(moved_on_);
}

TEST_F(ChapLogin, EveryOtherAnswerIsRefused) {
  const struct {
    const char* what;
    const char* words;
    std::function<std::string(const std::string& response)> answer;
  } cases[] = {
      {"a wrong secret", "is wrong", [](const std::string& r) { return "CHAP_N=bob;CHAP_R=" + r; }},
      {"a stranger", "no user eve", [](const std::string& r) { return "CHAP_N=eve;CHAP_R=" + r; }},
      {"a response cut short", "is wrong",
       [](const std::string& r) { return "CHAP_N=alice;CHAP_R=" + r.substr(0, r.size() - 2); }},
      {"a response too long", "is wrong", [](const std::string& r) { return "CHAP_N=alice;CHAP_R=" + r + "00"; }},
      {"no binary value", "is wrong", [](const std::string&) { return "CHAP_N=alice;CHAP_R=secret"; }},
      {"no response", "missing", [](const std::string&) { return "CHAP_N=alice"; }},
      {"no name", "missing", [](const std::string& r) { return "CHAP_R=" + r; }},
      {"a response twice", "twice",
       [](const std::string& r) { return "CHAP_N=alice;CHAP_R=" + r + ";CHAP_R=" + r; }},
      {"an empty response", "no value", [](const std::string&) { return "CHAP_N=alice;CHAP_R="; }},
      {"the algorithm again", "out of order", [](const std::string&) { return "CHAP_A=5"; }},
      {"half a challenge", "together",
       [](const std::string& r) { return "CHAP_N=alice;CHAP_I=1;CHAP_R=" + r; }},
      {"an identifier of two bytes", "0 to 255",
       [](const std::string& r) { return "CHAP_N=alice;CHAP_I=256;CHAP_C=0x01;CHAP_R=" + r; }},
      {"a challenge that is none", "1 to 1024",
       [](const std::string& r) { return "CHAP_N=alice;CHAP_I=1;CHAP_C=0x;CHAP_R=" + r; }},
      {"nothing at all", "without an answer", [](const std::string&) { return ""; }},
  };
  for (const auto& one : cases) {
    begin_again();
    const std::string response = response_for("5", secret);
    const std::string why = refused(wants_on, one.answer(response));
    EXPECT_NE(why.find(one.words), std::string::npos) << one.what << ": " << why;
    EXPECT_EQ(why.find(secret), std::string::npos) << "a secret in the log";
    EXPECT_EQ(status_, LoginStatus::authentication_failure) << one.what;
  }
  EXPECT_TRUE(reception_.admitted.empty());
}

TEST_F(ChapLogin, OurOwnChallengeSentBackIsRefused) {
  const std::string response = response_for("5", secret);
  const std::string why =
      refused(wants_on, "CHAP_N=alice;CHAP_R=" + response + ";CHAP_I=1;CHAP_C=" + challenge_["CHAP_C"]);
  EXPECT_NE(why.find("our own challenge"), std::string::npos) << why;
}

TEST_F(ChapLogin, MutualAuthenticationNeedsAnOutgoingUser) {
  reception_.targets[0].accounts.outgoing.reset();
  const std::string response = response_for("5", secret);
  const std::string why = refused(wants_on, "CHAP_N=alice;CHAP_R=" + response + ";CHAP_I=1;CHAP_C=0x01");
  EXPECT_NE(why.find("OutgoingUser"), std::string::npos) << why;
}

TEST_F(ChapLogin, WhoWillNotAuthenticateIsRefused) {
  EXPECT_NE(refused(wants_on, normal + ";AuthMethod=None").find("does not offer it"), std::string::npos);
  EXPECT_EQ(status_, LoginStatus::authentication_failure);
}

TEST_F(ChapLogin, TheSecurityStageCannotBePassedBy) {
  const std::string why = refused(LoginFlags::make(true, false, operational, full_feature), normal);
  EXPECT_NE(why.find("passes the security stage by"), std::string::npos) << why;
  EXPECT_EQ(status_, LoginStatus::authentication_failure);
}

TEST_F(ChapLogin, NorCanItBeLeftWithoutAWord) {
  const std::string why = refused(wants_on, normal);
  EXPECT_NE(why.find("without an answer"), std::string::npos) << why;
}

TEST_F(ChapLogin, UnknownAlgorithmsAreRefused) {
  say(stays, normal + ";AuthMethod=CHAP");
  EXPECT_NE(refused(stays, "CHAP_A=1,2,99").find("no algorithm"), std::string::npos);
}

TEST_F(ChapLogin, ChapWithoutTheMethodIsABreachOfProtocol) {
  EXPECT_NE(refused(stays, normal + ";CHAP_A=5").find("before AuthMethod"), std::string::npos);
  EXPECT_EQ(status_, LoginStatus::initiator_error);
}

TEST_F(ChapLogin, DiscoveryHasUsersOfItsOwn) {
  reception_.accounts_of_discovery.incoming = {{.name = "scout", .secret = "the scout's secret", .line = 1}};
  const std::string response = response_for("8", "the scout's secret", names + ";SessionType=Discovery");
  say(wants_on, "CHAP_N=scout;CHAP_R=" + response);
  EXPECT_TRUE(moved_on_);
}

TEST_F(ChapLogin, ATargetsUsersAreNotThoseOfDiscovery) {
  reception_.accounts_of_discovery.incoming = {{.name = "scout", .secret = "the scout's secret", .line = 1}};
  const std::string response = response_for("5", secret, names + ";SessionType=Discovery");
  EXPECT_NE(refused(wants_on, "CHAP_N=alice;CHAP_R=" + response).find("no user alice"), std::string::npos);
}

TEST_F(ChapLogin, EachChallengeIsAnother) {
  response_for("5", secret);
  const std::string first = challenge_["CHAP_C"];
  begin_again();
  response_for("5", secret);
  EXPECT_NE(challenge_["CHAP_C"], first);
  EXPECT_EQ(first.size(), 2 + 32u);
}

}  // namespace
}  // namespace holdfast::target
