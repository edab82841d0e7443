#include "target/session/discovery.h"

#include <bit>
#include <utility>

#include "common/base/log.h"
#include "common/iscsi/exchange.h"
#include "common/iscsi/framing.h"

namespace holdfast::target {

using iscsi::GenericBhs;
using iscsi::Opcode;

namespace {

constexpr Duration silence_max = std::chrono::seconds(60);

/// One request, one answer: a discovery session has no data to move and no commands to queue.
class DiscoverySession {
 public:
  DiscoverySession(Loop& loop, int fd, Reception& reception, const LoginOutcome& session)
      : exchange_(loop, fd),
        session_(session),
        responder_(reception, session),
        stat_sn_(session.stat_sn),
        exp_cmd_sn_(session.exp_cmd_sn),
        window_(session.max_cmd_sn - session.exp_cmd_sn) {}

  Task<Status> run();

 private:
  Task<Status> answer(GenericBhs header, const std::string& data);
  Task<Status> answer_text(iscsi::TextRequestBhs request, const std::string& data);
  Task<Status> answer_ping(iscsi::NopOutBhs ping, const std::string& data);
  Task<Status> answer_logout(iscsi::LogoutRequestBhs request);
  Task<Status> reject(GenericBhs header, iscsi::RejectReason reason);

  /// The numbers of every response, in the one place that moves StatSN.
  template <iscsi::Bhs T>
  GenericBhs stamped(T response) {
    response.stat_sn = stat_sn_++;
    response.exp_cmd_sn = exp_cmd_sn_;
    response.max_cmd_sn = exp_cmd_sn_ + window_;
    return iscsi::as<GenericBhs>(response);
  }

  iscsi::PduExchange exchange_;
  const LoginOutcome& session_;
  TextResponder responder_;
  std::uint32_t stat_sn_;
  std::uint32_t exp_cmd_sn_;
  const std::uint32_t window_;
  std::uint32_t rejected_ = 0;
  bool logged_out_ = false;
};

Task<Status> DiscoverySession::run() {
  while (!logged_out_) {
    exchange_.set_deadline(clock_now() + silence_max);
    Result<GenericBhs> header = co_await exchange_.receive_header();
    if (!header) co_return header.error();
    const std::optional<iscsi::PduFault> fault = iscsi::check_header(
        *header, iscsi::Side::initiator, session_.parameters.our_max_recv_data_segment_length);
    if (fault) {
      Status rejected = co_await reject(*header, fault->reason);
      if (!rejected) co_return rejected;
      co_return Error{ErrorKind::protocol, 0, std::string(fault->why)};
    }
    Result<std::string> data = co_await exchange_.receive_data(*header);
    if (!data) co_return data.error();
    // Bytes 24 to 27 are CmdSN in every request that takes one. One connection brings them in
    // order, so any other number than the next is out of the window and ignored (section 4.2.2.1).
    const std::uint32_t cmd_sn = iscsi::as<iscsi::NopOutBhs>(*header).cmd_sn;
    const Opcode opcode = header->opcode.opcode();
    const bool takes_cmd_sn = opcode != Opcode::data_out && opcode != Opcode::snack_request;
    if (takes_cmd_sn && !header->opcode.immediate()) {
      if (cmd_sn != exp_cmd_sn_) continue;
      ++exp_cmd_sn_;
    }
    Status answered = co_await answer(*header, *data);
    if (!answered) co_return answered;
  }
  co_return Status{};
}

Task<Status> DiscoverySession::answer(GenericBhs header, const std::string& data) {
  switch (header.opcode.opcode()) {
    case Opcode::text_request:
      return answer_text(iscsi::as<iscsi::TextRequestBhs>(header), data);
    case Opcode::nop_out:
      return answer_ping(iscsi::as<iscsi::NopOutBhs>(header), data);
    case Opcode::logout_request:
      return answer_logout(iscsi::as<iscsi::LogoutRequestBhs>(header));
    default:
      return reject(header, iscsi::RejectReason::command_not_supported);
  }
}

Task<Status> DiscoverySession::answer_text(iscsi::TextRequestBhs request, const std::string& data) {
  const TextResponder::Answer answer = responder_.answer(request, data);
  if (answer.reject) {
    Status rejected = co_await reject(iscsi::as<GenericBhs>(request), *answer.reject);
    co_return rejected;
  }
  iscsi::TextResponseBhs response;
  response.flags = answer.flags;
  response.initiator_task_tag = request.initiator_task_tag;
  response.target_transfer_tag = answer.target_transfer_tag;
  const GenericBhs header = stamped(response);
  Status sent = co_await exchange_.send(header, answer.data);
  co_return sent;
}

Task<Status> DiscoverySession::answer_ping(iscsi::NopOutBhs ping, const std::string& data) {
  if (ping.initiator_task_tag == iscsi::reserved_tag) co_return Status{};  // It wants no answer.
  iscsi::NopInBhs response;
  response.initiator_task_tag = ping.initiator_task_tag;
  const GenericBhs header = stamped(response);
  const std::string_view echo =
      std::string_view(data).substr(0, responder_.peer_max_recv_data_segment_length());
  Status sent = co_await exchange_.send(header, echo);
  co_return sent;
}

Task<Status> DiscoverySession::answer_logout(iscsi::LogoutRequestBhs request) {
  if (request.reason() > iscsi::LogoutReason::remove_connection_for_recovery) {
    Status rejected = co_await reject(iscsi::as<GenericBhs>(request), iscsi::RejectReason::invalid_pdu_field);
    co_return rejected;
  }
  iscsi::LogoutResponseBhs response;
  response.initiator_task_tag = request.initiator_task_tag;
  if (request.reason() == iscsi::LogoutReason::remove_connection_for_recovery)
    response.response = iscsi::LogoutResponseCode::recovery_not_supported;
  else if (request.reason() == iscsi::LogoutReason::close_connection && request.cid != session_.cid)
    response.response = iscsi::LogoutResponseCode::cid_not_found;
  logged_out_ = response.response == iscsi::LogoutResponseCode::closed;
  const GenericBhs header = stamped(response);
  Status sent = co_await exchange_.send(header, std::string_view());
  co_return sent;
}

Task<Status> DiscoverySession::reject(GenericBhs header, iscsi::RejectReason reason) {
  if (std::has_single_bit(++rejected_))  // A peer that does it without end must not fill the log.
    log(LogLevel::warning, "discovery by {} ({}): {} refused ({} so far) for reason {:#04x}",
        session_.caller.peer.to_string(), session_.caller.initiator_name,
        iscsi::name_of(header.opcode.opcode()), rejected_, static_cast<unsigned>(reason));
  iscsi::RejectBhs response;
  response.reason = reason;
  const iscsi::HeaderBytes refused = iscsi::to_bytes(header);
  const std::string_view data(reinterpret_cast<const char*>(refused.data()), refused.size());
  const GenericBhs response_header = stamped(response);
  Status sent = co_await exchange_.send(response_header, data);
  co_return sent;
}

}  // namespace

Task<void> serve_discovery(Loop& loop, int fd, Reception& reception, const LoginOutcome& session) {
  DiscoverySession discovery(loop, fd, reception, session);
  Status ended = co_await discovery.run();
  // Most initiators end a discovery by closing the connection (RFC 7143 would have a Logout).
  if (!ended && ended.error().kind != ErrorKind::peer_closed)
    log(LogLevel::warning, "discovery by {} ({}): {}", session.caller.peer.to_string(),
        session.caller.initiator_name, ended.error().message);
}

}  // namespace holdfast::target
