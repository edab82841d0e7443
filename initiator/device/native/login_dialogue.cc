#include "initiator/device/native/login_dialogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/iscsi/binary_text.h"

namespace holdfast::initiator {
namespace {

using iscsi::Key;
using iscsi::LoginFlags;
using iscsi::LoginStage;
using iscsi::LoginStatus;
using iscsi::TextPair;
using Pairs = std::vector<TextPair>;

/// More rounds than any login takes.
constexpr int rounds_max = 64;

Error broken(std::string how) { return Error{ErrorKind::protocol, EPROTO, std::move(how)}; }

std::string_view value_of(const Pairs& pairs, std::string_view key) {
  const auto found = std::find_if(pairs.begin(), pairs.end(), [key](const TextPair& pair) { return pair.key == key; });
  return found == pairs.end() ? std::string_view() : found->value;
}

/// 7 is left out: it is SHA-256 by RFC 7143, and SHA-1 by tgt.
std::string algorithm_list() {
  std::string list;
  for (iscsi::ChapAlgorithm algorithm : iscsi::chap_algorithms)
    if (algorithm != iscsi::ChapAlgorithm::sha256) list += fmt::format("{}{}", list.empty() ? "" : ",", static_cast<int>(algorithm));
  return list;
}

constexpr Key proposed_keys[] = {Key::header_digest,
                                 Key::data_digest,
                                 Key::initial_r2t,
                                 Key::immediate_data,
                                 Key::max_recv_data_segment_length,
                                 Key::max_burst_length,
                                 Key::first_burst_length,
                                 Key::max_outstanding_r2t,
                                 Key::max_connections,
                                 Key::data_pdu_in_order,
                                 Key::data_sequence_in_order,
                                 Key::default_time2wait,
                                 Key::default_time2retain,
                                 Key::error_recovery_level};

constexpr Key discovery_keys[] = {Key::header_digest, Key::data_digest, Key::max_recv_data_segment_length};

}  // namespace

LoginDialogue::LoginDialogue(const IscsiLogin& login, const iscsi::Parameters& wanted)
    : login_(login),
      negotiator_(iscsi::Side::initiator, iscsi::Negotiator::Phase::login, wanted, login.target.empty()) {
  // Whoever asks for a digest means it, and gets it or an error.
  negotiator_.support(Key::header_digest, login.header_digest ? "CRC32C" : "None");
  negotiator_.support(Key::data_digest, login.data_digest ? "CRC32C" : "None");
  if (login_.user.empty())
    begin_operation();
  else
    begin_security();
}

void LoginDialogue::introduce(iscsi::TextBuilder& text) const {
  text.add("InitiatorName", login_.initiator);
  text.add("SessionType", login_.target.empty() ? "Discovery" : "Normal");
  if (!login_.target.empty()) text.add("TargetName", login_.target);
}

void LoginDialogue::begin_security() {
  stage_ = LoginStage::security_negotiation;
  iscsi::TextBuilder text;
  introduce(text);
  // Who wants the target to prove itself cannot do without.
  text.add("AuthMethod", login_.target_user.empty() ? "CHAP,None" : "CHAP");
  chap_ = Chap::offered;
  request_ = {LoginFlags::make(false, false, stage_, LoginStage{}), text.take()};
}

void LoginDialogue::begin_operation() {
  iscsi::TextBuilder text;
  const bool is_first = chap_ == Chap::idle;
  if (is_first) introduce(text);
  stage_ = LoginStage::operational_negotiation;
  if (login_.target.empty()) {
    for (Key key : discovery_keys) negotiator_.propose(key, text);
  } else {
    for (Key key : proposed_keys) negotiator_.propose(key, text);
  }
  request_ = {LoginFlags::make(true, false, stage_, LoginStage::full_feature_phase), text.take()};
}

Result<LoginDialogue::Next> LoginDialogue::receive(const iscsi::LoginResponseBhs& response, std::string_view text) {
  Result<Pairs> pairs = iscsi::parse_text(text);
  if (!pairs) return broken("its text is malformed: " + pairs.error().message);
  const LoginStatus status = response.login_status();
  if (iscsi::status_class(status) == 1) {
    elsewhere_ = value_of(*pairs, "TargetAddress");
    if (elsewhere_.empty()) return broken("it sends us on and does not say where to");
    return Next::redirected;
  }
  if (status != LoginStatus::success)
    return Error{ErrorKind::refused, EACCES, fmt::format("refused with status {:04x}h", static_cast<unsigned>(status))};
  if (++rounds_ > rounds_max) return broken("its login comes to no end");
  if (response.flags.current_stage() != stage_) return broken("its answer is about another stage of the login");

  const auto security = std::stable_partition(pairs->begin(), pairs->end(), [](const TextPair& pair) {
    return !pair.key.starts_with("CHAP_") && pair.key != "AuthMethod";
  });
  const Pairs secrets(security, pairs->end());
  iscsi::TextBuilder reply;
  Status taken = negotiator_.receive(std::span(pairs->begin(), security), reply);
  if (taken && stage_ == LoginStage::security_negotiation) taken = take_security(secrets, reply);
  if (!taken) return Error{ErrorKind::protocol, EPROTO, taken.error().message};
  if (response.flags.transit()) return next_stage(response);

  const bool wants_on = stage_ == LoginStage::operational_negotiation || chap_ == Chap::answered || chap_ == Chap::done;
  const LoginStage next = stage_ == LoginStage::operational_negotiation ? LoginStage::full_feature_phase
                                                                        : LoginStage::operational_negotiation;
  request_ = {LoginFlags::make(wants_on, false, stage_, wants_on ? next : LoginStage{}), reply.take()};
  return Next::send;
}

Result<LoginDialogue::Next> LoginDialogue::next_stage(const iscsi::LoginResponseBhs& response) {
  if (!request_.flags.transit()) return broken("it goes on to a stage that we have not asked for");
  const LoginStage next = response.flags.next_stage();
  if (stage_ == LoginStage::security_negotiation) {
    if (chap_ != Chap::done && !(chap_ == Chap::answered && login_.target_user.empty()))
      return broken("it ends the authentication in the middle");
    if (next != LoginStage::operational_negotiation) return broken("it goes on to a stage that we have not asked for");
    chap_ = Chap::done;
    begin_operation();
    return Next::send;
  }
  if (next != LoginStage::full_feature_phase) return broken("it goes on to a stage that we have not asked for");
  if (response.tsih.value() == 0 && !login_.target.empty()) return broken("it lets us in without a session (TSIH 0)");
  Result<iscsi::Parameters> agreed = negotiator_.result();
  if (!agreed) return broken(agreed.error().message);
  return Next::let_in;
}

Status LoginDialogue::take_security(const Pairs& pairs, iscsi::TextBuilder& reply) {
  switch (chap_) {
    case Chap::offered: {
      const std::string_view method = value_of(pairs, "AuthMethod");
      if (method == "None" && login_.target_user.empty()) {
        chap_ = Chap::done;
        return {};
      }
      if (method != "CHAP") return broken("it answers AuthMethod=" + iscsi::printable(method) + " to our offer");
      reply.add("CHAP_A", algorithm_list());
      chap_ = Chap::algorithm_named;
      return {};
    }
    case Chap::algorithm_named: return answer_challenge(pairs, reply);
    case Chap::answered: return judge_target(pairs);
    case Chap::idle:
    case Chap::done: return {};
  }
  return {};
}

Status LoginDialogue::answer_challenge(const Pairs& pairs, iscsi::TextBuilder& reply) {
  const std::string_view named = value_of(pairs, "CHAP_A");
  const std::optional<iscsi::ChapAlgorithm> algorithm = iscsi::choose_chap_algorithm(named);
  if (!algorithm || *algorithm == iscsi::ChapAlgorithm::sha256 || named.find(',') != std::string_view::npos)
    return broken("it answers CHAP_A=" + iscsi::printable(named) + ", which is none of ours");
  algorithm_ = *algorithm;
  const std::optional<std::uint64_t> identifier = iscsi::parse_number(value_of(pairs, "CHAP_I"));
  const auto challenge = iscsi::parse_binary(value_of(pairs, "CHAP_C"), iscsi::chap_challenge_bytes_max);
  if (!identifier || *identifier > 255 || !challenge || challenge->empty())
    return broken("its CHAP challenge is malformed");
  const auto response =
      iscsi::chap_response(algorithm_, static_cast<std::uint8_t>(*identifier), login_.password, *challenge);
  reply.add("CHAP_N", login_.user);
  reply.add("CHAP_R", iscsi::hexadecimal_text(response));
  chap_ = Chap::answered;
  if (login_.target_user.empty()) return {};
  challenge_ = iscsi::make_chap_challenge(algorithm_);
  if (!challenge_) return Error{ErrorKind::system, EIO, "this machine gives no randomness"};
  if (challenge_->bytes == *challenge) return broken("its CHAP challenge is ours");
  reply.add("CHAP_I", std::to_string(challenge_->identifier));
  reply.add("CHAP_C", iscsi::hexadecimal_text(challenge_->bytes));
  return {};
}

Status LoginDialogue::judge_target(const Pairs& pairs) {
  if (login_.target_user.empty()) return {};
  const std::string_view name = value_of(pairs, "CHAP_N");
  const auto response = iscsi::parse_binary(value_of(pairs, "CHAP_R"), iscsi::chap_response_bytes_max);
  const auto expected =
      iscsi::chap_response(algorithm_, challenge_->identifier, login_.target_password, challenge_->bytes);
  const bool right = response && iscsi::same_bytes_in_constant_time(*response, expected);
  if (name != login_.target_user || !right)
    return Error{ErrorKind::protocol, EACCES,
                 fmt::format("it does not prove to be {}: it says {} and {} the password", login_.target_user,
                             name.empty() ? "no name" : iscsi::printable(name), right ? "knows" : "does not know")};
  chap_ = Chap::done;
  return {};
}

}  // namespace holdfast::initiator
