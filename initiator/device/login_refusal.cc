#include "initiator/device/login_refusal.h"

#include <algorithm>
#include <fmt/args.h>
#include <fmt/format.h>
#include <string_view>

#include "common/iscsi/codes.h"
#include "common/iscsi/text.h"
#include "initiator/device/login_transcript.h"

namespace holdfast::initiator {
namespace {

using iscsi::LoginStatus;

constexpr std::size_t quoted_max = 40;

/// What a status means, and what to do; {target}, {portal}, {user} and {initiator} are the
/// attempt's.
struct Meaning {
  LoginStatus status;
  const char* answer;
  const char* advice;
};

constexpr Meaning meanings[] = {
    {LoginStatus::authentication_failure, "authentication failed for user {user}",
     "check the user in the URL and the password in it or in HOLDFAST_PASSWORD"},
    {LoginStatus::authorization_failure, "target {target} does not admit us",
     "have it admit the initiator {initiator} from this address"},
    {LoginStatus::not_found, "target {target} not found",
     "`holdfast discover iscsi://{portal}` lists those that we may see"},
    {LoginStatus::target_removed, "target {target} was removed",
     "`holdfast discover iscsi://{portal}` lists those that there are"},
    {LoginStatus::too_many_connections, "it has too many connections",
     "end some, or have it allow more"},
    {LoginStatus::target_error, "it has an error of its own", "its log says more"},
    {LoginStatus::service_unavailable, "it is not in service",
     "try again later, or look at its log"},
    {LoginStatus::out_of_resources, "it is out of resources",
     "end some sessions, or have it allow more"},
};

constexpr Meaning without_user = {
    LoginStatus::authentication_failure,
    "authentication failed: it wants a user and a password (CHAP)",
    "write iscsi://USER@{portal}/… with the password in HOLDFAST_PASSWORD"};

constexpr Meaning unexpected = {LoginStatus::initiator_error, "it refused the login",
                                "its log says why"};

const Meaning& meaning_of(LoginStatus status, const LoginAttempt& attempt) {
  if (status == LoginStatus::authentication_failure && attempt.user.empty()) return without_user;
  const auto* found =
      std::find_if(std::begin(meanings), std::end(meanings),
                   [status](const Meaning& meaning) { return meaning.status == status; });
  return found == std::end(meanings) ? unexpected : *found;
}

std::string filled(const char* pattern, const LoginAttempt& attempt) {
  return fmt::format(fmt::runtime(pattern), fmt::arg("target", attempt.target),
                     fmt::arg("portal", attempt.portal), fmt::arg("user", attempt.user),
                     fmt::arg("initiator", attempt.initiator));
}

}  // namespace

std::string login_refusal(const LoginAttempt& attempt, std::span<const std::byte> bytes,
                          const std::string& otherwise) {
  if (const auto status = last_login_status(bytes)) {
    if (*status == LoginStatus::success) return otherwise + "; its log may say why";
    const Meaning& meaning = meaning_of(*status, attempt);
    return fmt::format("{} (status {:04x}h); {}", filled(meaning.answer, attempt),
                       static_cast<unsigned>(*status), filled(meaning.advice, attempt));
  }
  if (bytes.empty()) return otherwise + "; is it an iSCSI target that listens there?";
  std::string_view heard(reinterpret_cast<const char*>(bytes.data()),
                         std::min(bytes.size(), quoted_max));
  heard = heard.substr(0, heard.find_first_of("\r\n"));
  return fmt::format("it is no iSCSI target, it says \"{}\"; check host and port",
                     iscsi::printable(heard));
}

}  // namespace holdfast::initiator
