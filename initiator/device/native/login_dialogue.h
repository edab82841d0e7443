#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/iscsi/chap.h"
#include "common/iscsi/negotiation.h"
#include "common/iscsi/pdu.h"
#include "common/iscsi/text.h"
#include "initiator/device/iscsi_login.h"

namespace holdfast::initiator {

/// The initiator's side of a login (RFC 7143 section 6.3) as rules: what we say, what the target may
/// answer, and what it all comes to. Pure; whoever carries the PDUs puts texts that came in parts
/// together first.
class LoginDialogue {
 public:
  /// One Login Request's stages and text.
  struct Request {
    iscsi::LoginFlags flags{};
    std::string text;
  };
  enum class Next : std::uint8_t {
    send,        // `request` is to be sent
    let_in,      // the full feature phase has begun
    redirected,  // log in at `elsewhere` instead
  };

  /// `wanted` are the operational keys that we offer.
  LoginDialogue(const IscsiLogin& login, const iscsi::Parameters& wanted);

  /// What we have to say now; first of all, without being asked.
  const Request& request() const { return request_; }
  /// Takes the target's answer to that. An error is its refusal (`ErrorKind::refused`) or its breach of
  /// the protocol.
  Result<Next> receive(const iscsi::LoginResponseBhs& response, std::string_view text);

  const std::string& elsewhere() const { return elsewhere_; }
  /// Once we have been let in.
  Result<iscsi::Parameters> parameters() const { return negotiator_.result(); }

 private:
  enum class Chap : std::uint8_t { idle, offered, algorithm_named, answered, done };

  void begin_security();
  void begin_operation();
  void introduce(iscsi::TextBuilder& text) const;
  Status take_security(const std::vector<iscsi::TextPair>& pairs, iscsi::TextBuilder& reply);
  Status answer_challenge(const std::vector<iscsi::TextPair>& pairs, iscsi::TextBuilder& reply);
  Status judge_target(const std::vector<iscsi::TextPair>& pairs);
  Result<Next> next_stage(const iscsi::LoginResponseBhs& response);

  const IscsiLogin login_;
  iscsi::Negotiator negotiator_;
  iscsi::LoginStage stage_ = iscsi::LoginStage::operational_negotiation;
  Request request_;
  std::string elsewhere_;
  Chap chap_ = Chap::idle;
  iscsi::ChapAlgorithm algorithm_ = iscsi::ChapAlgorithm::md5;
  std::optional<iscsi::ChapChallenge> challenge_;  // of ours, to the target
  int rounds_ = 0;
};

}  // namespace holdfast::initiator
