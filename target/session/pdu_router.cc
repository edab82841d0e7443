#include "target/session/pdu_router.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/base/serial_number.h"

namespace holdfast::target {

using iscsi::GenericBhs;
using iscsi::Intake;
using iscsi::Opcode;
using iscsi::PduFault;
using iscsi::RejectReason;

PduRouter::PduRouter(CommandWindow& window, CommandSet& commands, TaskManagement& tasks,
                     ReplyStock& replies, TextResponder& texts, StageRecorder& stages,
                     std::uint32_t segment_bytes_max, Owner& owner)
    : window_(window),
      commands_(commands),
      tasks_(tasks),
      replies_(replies),
      texts_(texts),
      stages_(stages),
      segment_bytes_max_(segment_bytes_max),
      owner_(owner) {}

Intake PduRouter::header_arrived(const GenericBhs& header, std::span<const std::byte> additional) {
  pending_ = false;
  if (deaf_) return {};
  // Any PDU may need a reply, be it a Reject. Where there is no room for one the peer does not take
  // what we send, and is itself made to wait.
  if (!replies_.has_room()) return {.kind = Intake::Kind::later};
  const auto fault = iscsi::check_header(header, iscsi::Side::initiator, segment_bytes_max_);
  if (fault) {
    reject(header, *fault);
    return out_of_step(fault->why, true);
  }
  // ExpStatSN stands in the same place in everything that an initiator sends.
  stages_.told_exp_stat_sn(iscsi::as<iscsi::NopOutBhs>(header).exp_stat_sn);
  const bool is_data = header.opcode.opcode() == Opcode::data_out;
  if (!takes_requests_ && !is_data) return {};
  request_ = header;
  const Intake intake = route(header, additional);
  if (window_.is_watched() && intake.kind != Intake::Kind::later) owner_.turn_came();
  return intake;
}

Intake PduRouter::route(const GenericBhs& header, std::span<const std::byte> additional) {
  using Kind = Intake::Kind;
  switch (header.opcode.opcode()) {
    case Opcode::scsi_command:
      ++commands_came_;
      return take(header, commands_.command_arrived(iscsi::as<iscsi::ScsiCommandBhs>(header), additional));
    case Opcode::data_out:
      return take(header, commands_.data_out_arrived(iscsi::as<iscsi::DataOutBhs>(header)));
    case Opcode::nop_out:
    case Opcode::text_request: return take_numbered(header, Kind::collect);
    case Opcode::task_management_request:
    case Opcode::logout_request: return take_numbered(header, Kind::drop);
    case Opcode::snack_request:
      reject(header, {RejectReason::snack_reject, "SNACK at ErrorRecoveryLevel 0"});
      return {};
    default:
      reject(header, {RejectReason::protocol_error, "not for the full feature phase"});
      return {};
  }
}

Intake PduRouter::take(const GenericBhs& header, const CommandSet::Verdict& verdict) {
  if (verdict.early) return come_early();
  if (verdict.refused) reject(header, *verdict.refused);
  if (!verdict.failed.empty()) owner_.pdu_refused(header.opcode.opcode(), verdict.failed);
  pending_ = verdict.intake.kind == Intake::Kind::land;
  return verdict.intake;
}

/// Requests that are done with as soon as they are here: they hold no place in the window.
Intake PduRouter::take_numbered(const GenericBhs& header, Intake::Kind kind) {
  if (!header.opcode.immediate()) {
    // CmdSN stands in the same place in every request that has one.
    switch (window_.admit(iscsi::as<iscsi::NopOutBhs>(header).cmd_sn)) {
      case CommandWindow::Verdict::run: window_.finished(); break;
      case CommandWindow::Verdict::ignore:
        owner_.pdu_refused(header.opcode.opcode(), CommandSet::outside_the_window);
        return {};
      case CommandWindow::Verdict::gap: return come_early();
    }
  } else if (should_wait_for_earlier_commands(header) && owner_.waits_for_its_turn()) {
    return {.kind = Intake::Kind::later};
  }
  pending_ = true;
  return {.kind = kind};
}

/// A function that is about many commands is about all that were sent before it, whichever connection
/// brings them (section 4.2.2.1). ABORT TASK says itself which command it means.
bool PduRouter::should_wait_for_earlier_commands(const GenericBhs& header) const {
  if (header.opcode.opcode() != Opcode::task_management_request) return false;
  const auto request = iscsi::as<iscsi::TaskManagementRequestBhs>(header);
  return request.function() != iscsi::TaskManagementFunction::abort_task &&
         serial_precedes(window_.exp_cmd_sn(), request.cmd_sn) &&
         serial_precedes_or_equals(request.cmd_sn, window_.max_cmd_sn() + 1);
}

Intake PduRouter::come_early() {
  if (owner_.waits_for_its_turn()) return {.kind = Intake::Kind::later};
  return out_of_step("CmdSN skips a command", false);
}

Intake PduRouter::out_of_step(std::string_view why, bool has_reject) {
  owner_.out_of_step(why, has_reject);
  // With a Reject to be sent, the rest of the stream is swallowed while that goes out: to close
  // with bytes unread would reset the connection and lose it.
  return {.kind = has_reject ? Intake::Kind::drop : Intake::Kind::stop};
}

void PduRouter::pdu_arrived(std::span<const std::byte> collected) {
  if (!std::exchange(pending_, false)) return;
  switch (request_.opcode.opcode()) {
    case Opcode::scsi_command:
    case Opcode::data_out: commands_.data_landed(); break;
    case Opcode::nop_out: answer_nop(iscsi::as<iscsi::NopOutBhs>(request_), collected); break;
    case Opcode::text_request:
      answer_text(iscsi::as<iscsi::TextRequestBhs>(request_), collected);
      break;
    case Opcode::task_management_request: {
      const auto fault = tasks_.arrived(iscsi::as<iscsi::TaskManagementRequestBhs>(request_));
      if (fault) reject(request_, *fault);
      if (window_.is_watched()) owner_.turn_came();  // ABORT TASK may have counted a CmdSN as received.
      break;
    }
    case Opcode::logout_request: log_out(iscsi::as<iscsi::LogoutRequestBhs>(request_)); break;
    default: break;
  }
}

void PduRouter::log_out(const iscsi::LogoutRequestBhs& request) {
  if (request.reason() > iscsi::LogoutReason::remove_connection_for_recovery)
    reject(iscsi::as<GenericBhs>(request), {RejectReason::invalid_pdu_field, "a reason of no known kind"});
  else
    owner_.logout_requested(request);
}

/// RFC 7143 section 7.8: the PDU is rejected. A command whose data it was cannot be mended at
/// ErrorRecoveryLevel 0, and ends with sense data that says so; the initiator sends it again.
void PduRouter::data_is_spoiled() {
  if (!std::exchange(pending_, false)) return;
  reject(request_, {RejectReason::data_digest_error, "its data digest is wrong"});
  const Opcode opcode = request_.opcode.opcode();
  if (opcode == Opcode::scsi_command || opcode == Opcode::data_out) commands_.data_spoiled();
}

void PduRouter::answer_nop(const iscsi::NopOutBhs& request, std::span<const std::byte> data) {
  if (request.initiator_task_tag == iscsi::reserved_tag) return;  // The answer to a ping of ours.
  stages_.pinged(data);
  const std::size_t bytes =
      std::min<std::size_t>(data.size(), texts_.peer_max_recv_data_segment_length());
  iscsi::NopInBhs response;
  response.initiator_task_tag = request.initiator_task_tag;
  response.lun = request.lun;
  replies_.send(response, StatSn::takes, {data.begin(), data.begin() + static_cast<long>(bytes)});
}

void PduRouter::answer_text(const iscsi::TextRequestBhs& request, std::span<const std::byte> data) {
  const std::string_view text(reinterpret_cast<const char*>(data.data()), data.size());
  const TextResponder::Answer answer = texts_.answer(request, text);
  if (answer.reject) {
    reject(iscsi::as<GenericBhs>(request), {*answer.reject, "text that cannot be answered"});
    return;
  }
  iscsi::TextResponseBhs response;
  response.flags = answer.flags;
  response.initiator_task_tag = request.initiator_task_tag;
  response.target_transfer_tag = answer.target_transfer_tag;
  const auto* bytes = reinterpret_cast<const std::byte*>(answer.data.data());
  replies_.send(response, StatSn::takes, {bytes, bytes + answer.data.size()});
  commands_.set_peer_segment_bytes_max(texts_.peer_max_recv_data_segment_length());
}

/// The data segment of a Reject is the header that it speaks of (RFC 7143 section 11.17.4).
void PduRouter::reject(const GenericBhs& header, const PduFault& fault) {
  owner_.pdu_refused(header.opcode.opcode(), fault.why);
  iscsi::RejectBhs response;
  response.reason = fault.reason;
  const iscsi::HeaderBytes refused = iscsi::to_bytes(header);
  replies_.send(response, StatSn::takes, {refused.begin(), refused.end()});
}

}  // namespace holdfast::target
