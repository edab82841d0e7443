#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "common/iscsi/codes.h"
#include "common/iscsi/negotiation.h"
#include "common/iscsi/pdu.h"
#include "common/iscsi/text.h"
#include "target/session/chap_authentication.h"
#include "target/session/login.h"

namespace holdfast::target {

/// The longest data segment in a login, either way: what holds before anything else is agreed on.
inline constexpr std::uint32_t login_segment_bytes_max = 8192;

/// Why a login is refused: what the peer is told, and words for the log.
struct LoginRefusal {
  iscsi::LoginStatus status = iscsi::LoginStatus::initiator_error;
  std::string why;
  std::string text{};  // what goes with it: where the target has moved to
};

/// The target's half of one login (RFC 7143 sections 6.3, 11.12 and 11.13) as pure rules: requests
/// in, replies out. Pieces of a text that goes over several PDUs are put together by the caller,
/// who also stamps the numbers.
class LoginRules {
 public:
  LoginRules(Reception& reception, const SocketAddress& local, const SocketAddress& peer);

  /// What each request must satisfy, whether it carries a whole text or a piece.
  std::optional<LoginRefusal> check(const iscsi::LoginRequestBhs& request);

  struct Reply {
    iscsi::LoginFlags flags;
    std::string text;
    bool opens_full_feature_phase = false;
  };
  using Decision = std::variant<Reply, LoginRefusal>;
  /// Answers a checked request with its whole text. A reply that is too long for one PDU never
  /// moves to the next stage; the peer asks for that again when it has all of it.
  Decision answer(const iscsi::LoginRequestBhs& request, std::string_view text);

  const Caller& caller() const { return outcome_.caller; }
  /// The account that it proved to be; empty where none was asked for.
  std::string user() const { return chap_ ? chap_->name() : ""; }
  bool admitted() const { return admitted_; }
  /// What is known so far; the window is as of the last request. Complete but for StatSN once a
  /// reply has opened the full feature phase.
  const LoginOutcome& outcome() const { return outcome_; }

 private:
  using Pairs = std::span<const iscsi::TextPair>;

  std::optional<LoginRefusal> identify(Pairs pairs);
  std::optional<LoginRefusal> find_target(std::string_view name);
  std::optional<LoginRefusal> ask_to_join();
  bool must_authenticate() const { return !accounts_->incoming.empty(); }
  bool is_authenticated() const { return !must_authenticate() || (chap_ && chap_->passed()); }
  std::optional<LoginRefusal> authenticate(Pairs others, Pairs chap, bool wants_on, iscsi::TextBuilder& reply);
  void introduce_target(iscsi::TextBuilder& reply) const;
  std::optional<LoginRefusal> open_full_feature_phase();

  Reception& reception_;
  LoginOutcome outcome_;
  std::optional<iscsi::LoginRequestBhs> first_;
  iscsi::LoginStage stage_ = iscsi::LoginStage::security_negotiation;
  std::optional<iscsi::Negotiator> negotiator_;
  std::shared_ptr<const Accounts> accounts_;  // of the target, or of discovery
  std::optional<ChapAuthentication> chap_;
  std::optional<Reception::Joining> joining_;  // set if it asks to join a session
  bool segment_length_declared_ = false;
  bool admitted_ = false;
};

}  // namespace holdfast::target
