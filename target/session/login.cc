#include "target/session/login.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "common/base/log.h"
#include "common/iscsi/door_probe.h"
#include "common/iscsi/exchange.h"
#include "common/iscsi/framing.h"
#include "common/iscsi/text.h"
#include "target/session/login_rules.h"

// The login as a conversation: receive a request, decide, answer, until the peer is in or out.
// What is decided and why is in login_rules.cc; here bytes are carried and numbers are stamped.

namespace holdfast::target {

using iscsi::GenericBhs;
using iscsi::LoginFlags;
using iscsi::LoginRequestBhs;
using iscsi::LoginResponseBhs;
using iscsi::LoginStatus;
using iscsi::Opcode;

namespace {

/// Enough for every key in small pieces; a peer that needs more is not trying to log in.
constexpr int login_requests_max = 64;

/// What the wire says for a discovery session, of which there is no table.
constexpr std::uint16_t discovery_tsih = 1;

constexpr std::string_view no_text;

class LoginConversation {
 public:
  LoginConversation(Loop& loop, int fd, Reception& reception)
      : loop_(loop),
        exchange_(loop, fd),
        reception_(reception),
        rules_(reception, local_address(fd), peer_address(fd)) {}

  Task<Result<LoginOutcome>> run(Instant deadline);

  const std::string& initiator_name() const { return rules_.outcome().caller.initiator_name; }
  /// All that it wanted to know was whether somebody answers.
  bool was_probe() const { return requests_ == 0 || request_.isid == iscsi::door_probe_isid; }

 private:
  Task<void> find_thread();
  Task<Status> receive_request();
  Task<Status> receive_text();
  Task<Status> send_reply(LoginRules::Reply reply);
  Task<Status> send_part(LoginFlags flags, std::string_view text, LoginStatus status);
  Task<Status> refuse(const LoginRefusal& refusal);

  Loop& loop_;
  iscsi::PduExchange exchange_;
  Reception& reception_;
  LoginRules rules_;
  LoginRequestBhs request_;
  std::string piece_;  // the data segment of the last request
  std::string text_;   // the whole text that it ends
  std::uint32_t stat_sn_ = 0;
  int requests_ = 0;
  bool found_thread_ = false;
};

Task<Result<LoginOutcome>> LoginConversation::run(Instant deadline) {
  exchange_.set_deadline(deadline);
  while (true) {
    Status received = co_await receive_text();
    if (!received) co_return received.error();
    co_await find_thread();
    LoginRules::Decision decision = rules_.answer(request_, text_);
    if (const LoginRefusal* refusal = std::get_if<LoginRefusal>(&decision)) {
      Status refused = co_await refuse(*refusal);
      co_return refused.error();
    }
    LoginRules::Reply reply = std::get<LoginRules::Reply>(std::move(decision));
    const bool opens_full_feature_phase = reply.opens_full_feature_phase;
    Status sent = co_await send_reply(std::move(reply));
    if (!sent) {
      if (rules_.admitted()) reception_.withdraw(*rules_.outcome().target, rules_.outcome().tsih);
      co_return sent.error();
    }
    if (opens_full_feature_phase) break;
  }
  LoginOutcome outcome = rules_.outcome();
  outcome.stat_sn = stat_sn_;
  co_return outcome;
}

/// Goes on where the session is that is to be joined, if one is: what its connections bring and are
/// told is one order of events to the initiator, and so it has to be to us. On the way every thread is
/// visited, since what the initiator did or saw before on another connection, like the end of a
/// session, may not have been looked at yet where that is.
Task<void> LoginConversation::find_thread() {
  if (std::exchange(found_thread_, true)) co_return;
  const unsigned here = loop_.thread();
  for (unsigned thread = 0; thread < loop_.threads(); ++thread) {
    co_await loop_.move_to(thread);
  }
  const std::optional<unsigned> session = reception_.thread_of(request_.tsih);
  const unsigned home = session.value_or(here);
  co_await loop_.move_to(home);
}

/// Gathers the requests that one text is spread over (the C bit, section 6.2).
Task<Status> LoginConversation::receive_text() {
  text_.clear();
  while (true) {
    Status received = co_await receive_request();
    if (!received) co_return received;
    text_ += piece_;
    if (text_.size() > iscsi::text_bytes_max) {
      LoginRefusal refusal{LoginStatus::initiator_error, "its text is longer than 16384 bytes"};
      Status refused = co_await refuse(refusal);
      co_return refused;
    }
    if (!request_.flags.continues()) co_return Status{};
    const LoginFlags flags =
        LoginFlags::make(false, false, request_.flags.current_stage(), iscsi::LoginStage{});
    Status sent = co_await send_part(flags, no_text, LoginStatus::success);
    if (!sent) co_return sent;
  }
}

Task<Status> LoginConversation::receive_request() {
  Result<GenericBhs> header = co_await exchange_.receive_header();
  if (!header) co_return header.error();
  const bool is_first = requests_++ == 0;
  const bool is_login = header->opcode.opcode() == Opcode::login_request;
  if (is_first && !is_login)  // Section 6.3: not answered at all.
    co_return Error{ErrorKind::protocol, 0,
                    fmt::format("the connection does not begin with a Login Request but with: {}",
                                iscsi::name_of(header->opcode.opcode()))};
  request_ = iscsi::as<LoginRequestBhs>(*header);
  if (is_first) stat_sn_ = request_.exp_stat_sn;

  // A data segment of a sane length is read before its request is refused: closing a socket with
  // unread bytes in it could take the refusal away from the peer.
  const std::optional<iscsi::PduFault> fault =
      iscsi::check_header(*header, iscsi::Side::initiator, login_segment_bytes_max);
  if (!fault) {
    Result<std::string> data = co_await exchange_.receive_data(*header);
    if (!data) co_return data.error();
    piece_ = std::move(data).value();
  }
  std::optional<LoginRefusal> refusal;
  if (!is_login)
    refusal = LoginRefusal{LoginStatus::invalid_during_login,
                           fmt::format("during the login, a PDU of another kind: {}",
                                       iscsi::name_of(header->opcode.opcode()))};
  else if (fault)
    refusal = LoginRefusal{LoginStatus::initiator_error, std::string(fault->why)};
  else if (requests_ > login_requests_max)
    refusal = LoginRefusal{LoginStatus::initiator_error, "the login comes to no end"};
  else
    refusal = rules_.check(request_);
  if (!refusal) co_return Status{};
  Status refused = co_await refuse(*refusal);
  co_return refused;
}

/// A reply that is longer than one data segment goes in parts, each but the last with the C bit;
/// the peer asks for the next one with an empty request.
Task<Status> LoginConversation::send_reply(LoginRules::Reply reply) {
  std::string_view rest = reply.text;
  while (rest.size() > login_segment_bytes_max) {
    const LoginFlags flags =
        LoginFlags::make(false, true, reply.flags.current_stage(), iscsi::LoginStage{});
    Status sent =
        co_await send_part(flags, rest.substr(0, login_segment_bytes_max), LoginStatus::success);
    if (!sent) co_return sent;
    rest.remove_prefix(login_segment_bytes_max);
    Status received = co_await receive_request();
    if (!received) co_return received;
    if (!piece_.empty()) {
      LoginRefusal refusal{LoginStatus::initiator_error, "it talks while we do"};
      Status refused = co_await refuse(refusal);
      co_return refused;
    }
  }
  Status sent = co_await send_part(reply.flags, rest, LoginStatus::success);
  co_return sent;
}

Task<Status> LoginConversation::send_part(LoginFlags flags, std::string_view text,
                                          LoginStatus status) {
  const LoginOutcome& so_far = rules_.outcome();
  const bool final = flags.transit() && flags.next_stage() == iscsi::LoginStage::full_feature_phase;
  LoginResponseBhs response;
  response.flags = flags;
  response.isid = request_.isid;
  response.tsih = request_.tsih;
  if (final) response.tsih = so_far.is_discovery() ? discovery_tsih : so_far.tsih;
  response.initiator_task_tag = request_.initiator_task_tag;
  // Section 11.13.4: StatSN and the window are only valid when the status is success.
  if (status == LoginStatus::success) {
    response.stat_sn = stat_sn_++;
    response.exp_cmd_sn = so_far.exp_cmd_sn;
    response.max_cmd_sn = so_far.max_cmd_sn;
  }
  response.status = static_cast<std::uint16_t>(status);
  const GenericBhs header = iscsi::as<GenericBhs>(response);
  Status sent = co_await exchange_.send(header, text);
  co_return sent;
}

/// Tells the peer why it does not get in. The result is always an error.
Task<Status> LoginConversation::refuse(const LoginRefusal& refusal) {
  const LoginFlags flags =
      LoginFlags::make(false, false, request_.flags.current_stage(), iscsi::LoginStage{});
  if (refusal.status == LoginStatus::authentication_failure) {
    const Duration wait = reception_.note_failed_authentication(rules_.caller());
    co_await sleep_for(loop_, wait);
  }
  Status sent = co_await send_part(flags, refusal.text, refusal.status);
  if (!sent) co_return sent;
  co_return Error{ErrorKind::refused, static_cast<int>(refusal.status),
                  fmt::format("refused with status {:#06x}: {}",
                              static_cast<unsigned>(refusal.status), refusal.why)};
}

}  // namespace

Task<Result<LoginOutcome>> log_in(Loop& loop, int fd, Reception& reception, Duration deadline) {
  const SocketAddress peer = peer_address(fd);
  LoginConversation conversation(loop, fd, reception);
  Result<LoginOutcome> outcome = co_await conversation.run(clock_now() + deadline);
  const std::string who =
      conversation.initiator_name().empty()
          ? peer.to_string()
          : fmt::format("{} ({})", peer.to_string(), conversation.initiator_name());
  if (outcome) {
    const std::string as = outcome->user.empty() ? "" : " as user " + outcome->user;
    if (outcome->is_discovery())
      log(LogLevel::debug, "login from {}: discovery{}", who, as);
    else
      log(LogLevel::debug, "login from {} to {}: session {:#06x}{}", who, outcome->target->name,
          outcome->tsih, as);
  } else if (outcome.error().kind == ErrorKind::peer_closed && conversation.was_probe()) {
    // Perhaps every few seconds.
    log(LogLevel::debug, "login from {}: {}", who, outcome.error().message);
  } else if (const std::optional<std::uint64_t> unsaid = reception.may_log_failure(peer)) {
    // Who was sent on has done nothing wrong.
    const bool sent_on = outcome.error().kind == ErrorKind::refused &&
                         iscsi::status_class(static_cast<iscsi::LoginStatus>(outcome.error().code)) == 1;
    const std::string more = *unsaid == 0 ? "" : fmt::format(" (and {} more from there)", *unsaid);
    log(sent_on ? LogLevel::info : LogLevel::warning, "login from {}: {}{}", who, outcome.error().message, more);
  }
  co_return outcome;
}

}  // namespace holdfast::target
