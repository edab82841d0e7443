#include "initiator/device/login_refusal.h"

#include <cstring>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <string>
#include <string_view>
#include <vector>

#include "common/iscsi/pdu.h"

namespace holdfast::initiator {
namespace {

using iscsi::LoginStatus;
using testing::AllOf;
using testing::HasSubstr;

const LoginAttempt attempt{"10.0.0.1:3260", "iqn.x:y", "me", "iqn.our:host"};

std::vector<std::byte> answers(std::initializer_list<LoginStatus> statuses) {
  std::vector<std::byte> bytes;
  for (const LoginStatus status : statuses) {
    iscsi::LoginResponseBhs response;
    response.status = static_cast<std::uint16_t>(status);
    const auto* raw = reinterpret_cast<const std::byte*>(&response);
    bytes.insert(bytes.end(), raw, raw + sizeof response);
  }
  return bytes;
}

std::string refused(std::initializer_list<LoginStatus> statuses) {
  return login_refusal(attempt, answers(statuses), "broke");
}

std::string said(std::string_view text) {
  const auto* raw = reinterpret_cast<const std::byte*>(text.data());
  return login_refusal(attempt, {raw, text.size()}, "broke");
}

TEST(LoginRefusal, SaysWhatTheTargetAnsweredAndWhatToDo) {
  EXPECT_EQ(refused({LoginStatus::not_found}),
            "target iqn.x:y not found (status 0203h); `holdfast discover iscsi://10.0.0.1:3260` "
            "lists those that we may see");
  EXPECT_THAT(refused({LoginStatus::authorization_failure}),
              AllOf(HasSubstr("does not admit us"), HasSubstr("iqn.our:host")));
  EXPECT_THAT(refused({LoginStatus::out_of_resources}), HasSubstr("0302h"));
  EXPECT_THAT(refused({LoginStatus::missing_parameter}),
              HasSubstr("it refused the login (status 0207h)"));
}

TEST(LoginRefusal, TheLastAnswerCounts) {
  EXPECT_THAT(refused({LoginStatus::success, LoginStatus::authentication_failure}),
              AllOf(HasSubstr("authentication failed for user me (status 0201h)"),
                    HasSubstr("HOLDFAST_PASSWORD")));
  EXPECT_EQ(refused({LoginStatus::success}), "broke; its log may say why");
}

TEST(LoginRefusal, WithoutAUserItSaysThatOneIsWanted) {
  LoginAttempt stranger = attempt;
  stranger.user.clear();
  EXPECT_THAT(
      login_refusal(stranger, answers({LoginStatus::authentication_failure}), "broke"),
      AllOf(HasSubstr("it wants a user and a password"), HasSubstr("iscsi://USER@10.0.0.1:3260/")));
}

TEST(LoginRefusal, SomebodyOfAnotherProtocolIsQuoted) {
  EXPECT_EQ(said("SSH-2.0-OpenSSH_9.2p1\r\nmore"),
            "it is no iSCSI target, it says \"SSH-2.0-OpenSSH_9.2p1\"; check host and port");
  EXPECT_THAT(said(std::string(10'000, 'x')), HasSubstr("\"" + std::string(40, 'x') + "\""));
  EXPECT_EQ(said(""), "broke; is it an iSCSI target that listens there?");
}

}  // namespace
}  // namespace holdfast::initiator
