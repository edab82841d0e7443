#include "target/session/login_rules.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>
#include <vector>

namespace holdfast::target {

using iscsi::Key;
using iscsi::LoginFlags;
using iscsi::LoginRequestBhs;
using iscsi::LoginStage;
using iscsi::LoginStatus;

namespace {

constexpr std::size_t iscsi_name_bytes_max = 223;  // RFC 7143 section 4.2.7.1
constexpr std::uint32_t discovery_window = 8;

/// How wide a normal session's command window is at first. The session widens it with its first
/// responses, up to QueuedCommands, as far as memory for all sessions' unsolicited data goes; what is
/// granted here cannot be taken back.
constexpr std::uint32_t first_window = 16;

LoginRefusal refuse(LoginStatus status, std::string why) {
  return {.status = status, .why = std::move(why)};
}
LoginRefusal protocol_error(std::string why) {
  return {.status = LoginStatus::initiator_error, .why = std::move(why)};
}

std::string_view find_value(std::span<const iscsi::TextPair> pairs, Key key) {
  const std::string_view name = iscsi::row_of(key).name;
  for (const iscsi::TextPair& pair : pairs)
    if (pair.key == name) return pair.value;
  return {};
}

// Enough to keep a name in one piece wherever it is written. Whether it is spelt as section 4.2.7
// wants is for access rules to judge.
bool allowed_in_name(char c) {
  return static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
}

/// Sections 11.13.5 and 13.8: the address stands without a portal group tag.
LoginRefusal send_on(const Redirection& redirection) {
  const std::string address = redirection.to.to_string();
  iscsi::TextBuilder text;
  text.add(iscsi::row_of(Key::target_address).name, address);
  return {.status = redirection.permanent ? LoginStatus::target_moved_permanently : LoginStatus::target_moved_temporarily,
          .why = fmt::format("the target is at {} now", address),
          .text = text.take()};
}

bool is_negotiation_stage(LoginStage stage) {
  return stage == LoginStage::security_negotiation || stage == LoginStage::operational_negotiation;
}

std::optional<LoginRefusal> check_flags(LoginFlags flags) {
  if (!is_negotiation_stage(flags.current_stage()))
    return protocol_error("CSG names no stage of a login");
  if (!flags.transit()) return std::nullopt;
  if (flags.continues()) return protocol_error("T and C are both set");
  const LoginStage next = flags.next_stage();
  const bool known = is_negotiation_stage(next) || next == LoginStage::full_feature_phase;
  if (!known || next <= flags.current_stage()) return protocol_error("NSG is not a later stage");
  return std::nullopt;
}

}  // namespace

LoginRules::LoginRules(Reception& reception, const SocketAddress& local, const SocketAddress& peer)
    : reception_(reception) {
  outcome_.caller.local = local;
  outcome_.caller.peer = peer;
  outcome_.caller.portal_group = reception.portal_group_of(local);
}

std::optional<LoginRefusal> LoginRules::check(const LoginRequestBhs& request) {
  if (!joining_) {
    // Every request's CmdSN is the one that the first command will carry (section 11.12.8).
    outcome_.exp_cmd_sn = request.cmd_sn;
    outcome_.max_cmd_sn = request.cmd_sn;
  }
  if (!request.opcode.immediate()) return protocol_error("a Login Request that is not immediate");
  if (request.version_min > 0)
    return refuse(LoginStatus::unsupported_version,
                  fmt::format("it speaks versions {} to {}, we speak 0", request.version_min,
                              request.version_max));
  if (std::optional<LoginRefusal> refusal = check_flags(request.flags)) return refusal;
  if (!first_) {
    first_ = request;
    stage_ = request.flags.current_stage();
    outcome_.isid = request.isid;
    outcome_.cid = request.cid;
    return std::nullopt;
  }
  if (request.flags.current_stage() != stage_)
    return protocol_error("CSG is not the stage we are in");
  if (request.isid != first_->isid || request.tsih != first_->tsih || request.cid != first_->cid)
    return protocol_error("ISID, TSIH or CID changed during the login");
  return std::nullopt;
}

LoginRules::Decision LoginRules::answer(const LoginRequestBhs& request, std::string_view text) {
  Result<std::vector<iscsi::TextPair>> pairs = iscsi::parse_text(text);
  if (!pairs) return protocol_error(pairs.error().message);
  const bool is_first = !negotiator_;
  if (is_first)
    if (std::optional<LoginRefusal> refusal = identify(*pairs)) return *refusal;

  iscsi::TextBuilder reply;
  if (is_first) introduce_target(reply);
  const auto chap = std::stable_partition(pairs->begin(), pairs->end(), [](const iscsi::TextPair& pair) {
    return !pair.key.starts_with("CHAP_");
  });
  const Pairs others(pairs->begin(), chap);
  Status taken = negotiator_->receive(others, reply);
  if (!taken) return protocol_error(taken.error().message);
  if (std::optional<LoginRefusal> refusal =
          authenticate(others, Pairs(chap, pairs->end()), request.flags.transit(), reply))
    return *refusal;

  if (stage_ == LoginStage::operational_negotiation) {
    if (!std::exchange(segment_length_declared_, true))
      negotiator_->propose(Key::max_recv_data_segment_length, reply);
    negotiator_->propose_what_defaults_would_break(reply);
  }

  // The peer may move on when it has nothing left to answer and to read.
  const bool transit = request.flags.transit() && !negotiator_->awaits_answers() && is_authenticated() &&
                       reply.text().size() <= login_segment_bytes_max;
  const LoginStage next = transit ? request.flags.next_stage() : LoginStage{};
  Reply decided{LoginFlags::make(transit, false, stage_, next), reply.take()};
  if (transit) stage_ = next;
  if (transit && next == LoginStage::full_feature_phase) {
    if (std::optional<LoginRefusal> refusal = open_full_feature_phase()) return *refusal;
    decided.opens_full_feature_phase = true;
  }
  return decided;
}

/// Section 6.3: the first request says who logs in to what.
std::optional<LoginRefusal> LoginRules::identify(Pairs pairs) {
  const std::string_view initiator = find_value(pairs, Key::initiator_name);
  if (initiator.empty())
    return refuse(LoginStatus::missing_parameter, "the first request has no InitiatorName");
  outcome_.caller.initiator_name = iscsi::printable(initiator);
  if (initiator.size() > iscsi_name_bytes_max ||
      !std::all_of(initiator.begin(), initiator.end(), allowed_in_name))
    return protocol_error("the InitiatorName is over 223 bytes long, or has blanks in it");
  outcome_.caller.initiator_name = initiator;

  const std::string_view type = find_value(pairs, Key::session_type);
  if (type == "Discovery") {
    if (first_->tsih != 0)
      return refuse(LoginStatus::session_does_not_exist, "a discovery session has one connection");
  } else if (type.empty() || type == "Normal") {
    if (std::optional<LoginRefusal> refusal = find_target(find_value(pairs, Key::target_name)))
      return refusal;
  } else {
    return refuse(LoginStatus::session_type_not_supported,
                  fmt::format("SessionType={}", iscsi::printable(type)));
  }
  accounts_ = outcome_.is_discovery() ? reception_.discovery_accounts()
                                      : std::shared_ptr<const Accounts>(outcome_.target, &outcome_.target->accounts);
  using Phase = iscsi::Negotiator::Phase;
  iscsi::Parameters ours;
  if (joining_)
    ours = joining_->parameters;
  else if (outcome_.target != nullptr)
    ours = outcome_.target->offered;
  negotiator_.emplace(iscsi::Side::target, joining_ ? Phase::joining : Phase::login, ours, outcome_.is_discovery());
  if (must_authenticate()) negotiator_->support(Key::auth_method, "CHAP");
  // Discovery is too short to be worth a digest.
  const bool discovers = outcome_.is_discovery();
  negotiator_->support(Key::header_digest, discovers ? "None" : outcome_.target->header_digest.list());
  negotiator_->support(Key::data_digest, discovers ? "None" : outcome_.target->data_digest.list());
  return std::nullopt;
}

std::optional<LoginRefusal> LoginRules::find_target(std::string_view name) {
  if (name.empty())
    return refuse(LoginStatus::missing_parameter, "a normal session without a TargetName");
  outcome_.target = reception_.find_target(name, outcome_.caller);
  if (outcome_.target == nullptr)
    return refuse(LoginStatus::not_found, fmt::format("no target {}", iscsi::printable(name)));
  if (first_->tsih != 0) return ask_to_join();
  return outcome_.target->redirection ? std::optional(send_on(*outcome_.target->redirection)) : std::nullopt;
}

/// Section 6.3.1: one more connection of a session, or the same one again (section 6.3.4).
std::optional<LoginRefusal> LoginRules::ask_to_join() {
  joining_ = reception_.ask_to_join(*outcome_.target, outcome_.caller, outcome_.isid, first_->tsih, outcome_.cid);
  outcome_.exp_cmd_sn = joining_->exp_cmd_sn;
  outcome_.max_cmd_sn = joining_->max_cmd_sn;
  if (joining_->status == LoginStatus::success) return std::nullopt;
  if (joining_->status == LoginStatus::too_many_connections)
    return refuse(joining_->status, fmt::format("session {:#06x} has all the connections that it may", first_->tsih.value()));
  return refuse(joining_->status, fmt::format("no session {:#06x} that it can join", first_->tsih.value()));
}

/// Section 12: nothing but the security stage leads past a target that has users.
std::optional<LoginRefusal> LoginRules::authenticate(Pairs others, Pairs chap, bool wants_on,
                                                     iscsi::TextBuilder& reply) {
  const bool named_now = !find_value(others, Key::auth_method).empty();
  if (stage_ != LoginStage::security_negotiation) {
    if (named_now || !chap.empty()) return protocol_error("AuthMethod or a CHAP key outside the security stage");
    if (is_authenticated()) return std::nullopt;
    return refuse(LoginStatus::authentication_failure, "it passes the security stage by, and CHAP is asked for here");
  }
  const std::string& method = negotiator_->value_of(Key::auth_method);
  if (named_now && method != "None" && method != "CHAP")
    return refuse(LoginStatus::authentication_failure,
                  must_authenticate() ? "CHAP is asked for here, and it does not offer it"
                                      : "it wants to be authenticated, for which nothing is set up here, and does "
                                        "not offer AuthMethod=None");
  if (!chap.empty()) {
    if (method != "CHAP" || named_now) return protocol_error("CHAP keys before AuthMethod=CHAP is agreed on");
    if (!chap_) chap_.emplace(*accounts_);
    if (Status taken = chap_->receive(chap, reply); !taken)
      return refuse(LoginStatus::authentication_failure, taken.error().message);
  }
  const bool stands_still = chap.empty() && !named_now;
  if (wants_on && stands_still && !is_authenticated())
    return refuse(LoginStatus::authentication_failure, "it wants on without an answer to CHAP");
  return std::nullopt;
}

/// Sections 13.9 and 13.6: in the first response, of normal sessions alone.
void LoginRules::introduce_target(iscsi::TextBuilder& reply) const {
  if (outcome_.is_discovery()) return;
  reply.add(iscsi::row_of(Key::target_portal_group_tag).name,
            std::to_string(outcome_.caller.portal_group));
  if (!outcome_.target->alias.empty())
    reply.add(iscsi::row_of(Key::target_alias).name, outcome_.target->alias);
}

std::optional<LoginRefusal> LoginRules::open_full_feature_phase() {
  Result<iscsi::Parameters> result = negotiator_->result();
  if (!result) return protocol_error(result.error().message);
  outcome_.parameters = *result;
  outcome_.user = user();
  outcome_.initiator_alias = iscsi::printable(negotiator_->value_of(Key::initiator_alias));
  if (outcome_.is_discovery()) {
    outcome_.max_cmd_sn = outcome_.exp_cmd_sn + discovery_window - 1;
    return std::nullopt;
  }
  if (joining_) {
    if (std::optional<LoginRefusal> refusal = ask_to_join()) return *refusal;
    outcome_.tsih = first_->tsih;
    outcome_.joins = true;
    return std::nullopt;
  }
  const Reception::Admission admission =
      reception_.admit(*outcome_.target, outcome_.caller, outcome_.isid);
  if (admission.status != LoginStatus::success)
    return refuse(admission.status, "no room for another session, or closing");
  admitted_ = true;
  outcome_.tsih = admission.tsih;
  outcome_.max_cmd_sn =
      outcome_.exp_cmd_sn + std::min(outcome_.target->queued_commands, first_window) - 1;
  return std::nullopt;
}

}  // namespace holdfast::target
