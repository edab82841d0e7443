// What a native session makes of what arrives. Bytes from the target are data: what breaks the protocol
// is named, and ends the session.

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "common/base/serial_number.h"
#include "common/iscsi/framing.h"
#include "common/iscsi/negotiation.h"
#include "common/iscsi/text.h"
#include "initiator/device/native/native_session.h"
#include "initiator/device/native/session_parts.h"

namespace holdfast::initiator {
namespace {

using iscsi::GenericBhs;
using iscsi::Intake;
using iscsi::Opcode;

/// A list of targets is cut off with an error beyond that.
constexpr std::size_t text_bytes_max = 4 * 1024 * 1024;
/// By how much a StatSN may be out of its place: as many answers may be on their way at once.
constexpr std::uint32_t stat_sn_disorder_max = 256;
/// What is kept of a response's sense data.
constexpr std::size_t sense_bytes_max = 256;

/// Which number of the target's a PDU carries.
enum class Numbering : std::uint8_t { takes_stat_sn, window_only };

Numbering numbering_of(const GenericBhs& header) {
  switch (header.opcode.opcode()) {
    case Opcode::data_in:
      return (header.flags & iscsi::DataInBhs::status_bit) != 0 ? Numbering::takes_stat_sn : Numbering::window_only;
    case Opcode::r2t: return Numbering::window_only;
    case Opcode::nop_in:  // Section 11.19.3: a ping of the target's own takes none.
      return header.initiator_task_tag == iscsi::reserved_tag ? Numbering::window_only : Numbering::takes_stat_sn;
    default: return Numbering::takes_stat_sn;
  }
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Intake NativeSession::broken(std::string_view how) {
  const auto tag = arriving_.initiator_task_tag.value();
  fail(Error{ErrorKind::protocol, EPROTO,
             fmt::format("the target broke the iSCSI protocol: {} (in {}, tag {:08x}h)", how,
                         iscsi::name_of(arriving_.opcode.opcode()), tag)});
  return {.kind = Intake::Kind::stop};
}

const char* NativeSession::take_numbers(const GenericBhs& header) {
  // All of a target's PDUs have them in the same place.
  const auto numbers = iscsi::as<iscsi::ScsiResponseBhs>(header);
  if (numbering_of(header) == Numbering::takes_stat_sn) {
    // istgt numbers its answers in one thread and sends them from another, so neighbours change places.
    const std::uint32_t stat_sn = numbers.stat_sn;
    if (serial_precedes(stat_sn, exp_stat_sn_ - stat_sn_disorder_max) ||
        serial_precedes(exp_stat_sn_ + stat_sn_disorder_max, stat_sn))
      return "a StatSN out of order";
    if (!serial_precedes(stat_sn, exp_stat_sn_)) exp_stat_sn_ = stat_sn + 1;
  }
  // Section 4.2.2.1: a window that would be older, or that contradicts itself, is passed over.
  const std::uint32_t max = numbers.max_cmd_sn;
  const bool sane = !serial_precedes(max + 1, numbers.exp_cmd_sn.value());
  if (!sane) return nullptr;
  if (serial_precedes(exp_cmd_sn_, numbers.exp_cmd_sn.value())) exp_cmd_sn_ = numbers.exp_cmd_sn;
  if (!serial_precedes(max_cmd_sn_, max)) return nullptr;
  max_cmd_sn_ = max;
  if (waiting_ != nullptr) flush_soon();
  return nullptr;
}

Intake NativeSession::header_arrived(const GenericBhs& header, std::span<const std::byte>) {
  arriving_ = header;
  arriving_for_ = nullptr;
  const auto fault =
      iscsi::check_header(header, iscsi::Side::target, in_.parameters.our_max_recv_data_segment_length);
  if (fault) return broken(fault->why);
  if (const char* wrong = take_numbers(header)) return broken(wrong);
  switch (header.opcode.opcode()) {
    case Opcode::data_in: return data_in_arrived(header);
    case Opcode::r2t: r2t_arrived(header); break;
    case Opcode::login_response: return broken("a Login Response after the login");
    default: break;
  }
  return {.kind = failed_ ? Intake::Kind::stop : Intake::Kind::collect};
}

Intake NativeSession::data_in_arrived(const GenericBhs& header) {
  NativeCommand* command = find_command(header.initiator_task_tag);
  if (command == nullptr) return broken("data for a command that there is not");
  if (const char* wrong = command->accept(iscsi::as<iscsi::DataInBhs>(header))) return broken(wrong);
  arriving_for_ = command;
  return {.kind = Intake::Kind::land, .memory = &command->landing()};
}

void NativeSession::r2t_arrived(const GenericBhs& header) {
  NativeCommand* command = find_command(header.initiator_task_tag);
  if (command == nullptr) {
    broken("an R2T for a command that there is not");
    return;
  }
  if (const char* wrong = command->accept(iscsi::as<iscsi::R2tBhs>(header), in_.parameters)) {
    broken(wrong);
    return;
  }
  put_in_line(*command);
  flush_soon();
}

void NativeSession::pdu_arrived(std::span<const std::byte> collected) {
  switch (arriving_.opcode.opcode()) {
    case Opcode::data_in: {
      if ((arriving_.flags & iscsi::DataInBhs::status_bit) == 0) return;
      const auto data_in = iscsi::as<iscsi::DataInBhs>(arriving_);
      const char* wrong = arriving_for_->accept_status(data_in.status, data_in.flags, data_in.residual_count);
      if (wrong != nullptr)
        broken(wrong);
      else
        answered(*arriving_for_);
      return;
    }
    case Opcode::scsi_response: return response_arrived(collected);
    case Opcode::nop_in: return nop_in_arrived();
    case Opcode::async_message: return async_message_arrived();
    case Opcode::text_response: return text_arrived(collected);
    case Opcode::reject: return reject_arrived(collected);
    case Opcode::task_management_response:
      management_answer_ = iscsi::as<iscsi::TaskManagementResponseBhs>(arriving_).response;
      return answer_arrived(arriving_.initiator_task_tag);
    case Opcode::logout_response: {
      const bool of_its_own_wish = leave_by_ != Instant{};
      answer_arrived(arriving_.initiator_task_tag);
      if (of_its_own_wish && !failed_) fail(asked_to_leave());
      return;
    }
    default: return;  // An R2T, of which all was said by its header.
  }
}

void NativeSession::response_arrived(std::span<const std::byte> sense) {
  const auto response = iscsi::as<iscsi::ScsiResponseBhs>(arriving_);
  NativeCommand* command = find_command(response.initiator_task_tag);
  if (command == nullptr) {
    broken("a response to a command that there is not");
    return;
  }
  if (const char* wrong = command->accept_status(response.status, response.flags, response.residual_count)) {
    broken(wrong);
    return;
  }
  command->accept_sense(sense.first(std::min(sense.size(), sense_bytes_max)));
  // Section 11.4.3: then the status means nothing.
  if (response.response != iscsi::ScsiResponseCode::command_completed) command->answer.status = 0xff;
  answered(*command);
}

void NativeSession::answered(NativeCommand& command) {
  commands_[command.place] = nullptr;
  free_places_.push_back(command.place);
  take_out_of_line(command);
  command.state = NativeCommand::State::answered;
  if (!command.with_kernel) deliver(command);
}

void NativeSession::deliver(NativeCommand& command) {
  command.state = NativeCommand::State::idle;
  command.done(command);
}

void NativeSession::nop_in_arrived() {
  const auto nop = iscsi::as<iscsi::NopInBhs>(arriving_);
  if (nop.initiator_task_tag != iscsi::reserved_tag) {
    if (!ping_open_ || nop.initiator_task_tag != ping_tag_) {
      broken("an answer to a ping that was not sent");
      return;
    }
    ping_open_ = false;
    answered_ping_ = ping_.asked;
    ++ping_.answered;
    ping_.last_answered = clock_now();
    ping_.round_trip = ping_.last_answered - ping_.last_asked;
    return;
  }
  if (nop.target_transfer_tag == iscsi::reserved_tag) return;  // It only tells its numbers.
  iscsi::NopOutBhs reply;
  reply.opcode = iscsi::OpcodeByte(Opcode::nop_out, true);
  reply.lun = nop.lun;
  reply.target_transfer_tag = nop.target_transfer_tag;
  queue_control(iscsi::as<GenericBhs>(reply), {});
}

void NativeSession::async_message_arrived() {
  const auto message = iscsi::as<iscsi::AsyncMessageBhs>(arriving_);
  switch (message.event) {
    case iscsi::AsyncEvent::logout_requested: return leave(message.parameter3);
    case iscsi::AsyncEvent::connection_dropped:
    case iscsi::AsyncEvent::all_connections_dropped:
      return fail(Error{ErrorKind::peer_closed, ECONNRESET, "the target said that it drops the connection"});
    case iscsi::AsyncEvent::negotiation_requested: {
      if (awaited_tag_ != iscsi::reserved_tag) return;  // It has a question of ours to answer first.
      asking_ = Asking::negotiation;
      const std::string text = fmt::format("MaxRecvDataSegmentLength={}{}",
                                           in_.parameters.our_max_recv_data_segment_length, '\0');
      return queue_text(text, iscsi::reserved_tag);
    }
    // Sense data that belongs to no command tells of what the next command will be told, too; and tasks
    // that others end are answered, since we asked for no other TaskReporting.
    case iscsi::AsyncEvent::scsi:
    case iscsi::AsyncEvent::tasks_terminated:
    case iscsi::AsyncEvent::vendor_specific: return;
  }
}

void NativeSession::text_arrived(std::span<const std::byte> data) {
  const auto response = iscsi::as<iscsi::TextResponseBhs>(arriving_);
  if (asking_ == Asking::nothing || response.initiator_task_tag != awaited_tag_) {
    broken("an answer to a question that was not asked");
    return;
  }
  text_ += text_of(data);
  if (text_.size() > text_bytes_max) {
    broken("a text that comes to no end");
    return;
  }
  const bool more = (response.flags & iscsi::final_bit) == 0;
  if (more && response.target_transfer_tag == iscsi::reserved_tag) {
    broken("a text that goes on, and no tag to ask for the rest");
    return;
  }
  if (more) return queue_text({}, response.target_transfer_tag);
  if (asking_ == Asking::negotiation) take_negotiation();
  asking_ = Asking::nothing;
  if (!failed_) answer_arrived(response.initiator_task_tag);
}

void NativeSession::take_negotiation() {
  iscsi::Negotiator negotiator(iscsi::Side::initiator, iscsi::Negotiator::Phase::full_feature, in_.parameters, false);
  const auto pairs = iscsi::parse_text(text_);
  iscsi::TextBuilder reply;
  Status taken = pairs ? negotiator.receive(*pairs, reply) : Status(pairs.error());
  const Result<iscsi::Parameters> agreed = negotiator.result();
  if (!taken || !agreed) {
    broken(taken.ok() ? agreed.error().message : taken.error().message);
    return;
  }
  // Only what a connection declares for itself may change by now.
  in_.parameters.peer_max_recv_data_segment_length = agreed->peer_max_recv_data_segment_length;
}

void NativeSession::reject_arrived(std::span<const std::byte> data) {
  const auto reject = iscsi::as<iscsi::RejectBhs>(arriving_);
  std::string_view what = "a PDU of ours";
  if (data.size() >= iscsi::bhs_bytes) {
    const auto ours = iscsi::from_bytes<GenericBhs>(data.first<iscsi::bhs_bytes>());
    what = iscsi::name_of(ours.opcode.opcode());
  }
  if (leaving_ && reject.reason == iscsi::RejectReason::waiting_for_logout) return;
  fail(Error{ErrorKind::refused, EPROTO,
             fmt::format("the target rejected {} with reason {:02x}h", what, static_cast<unsigned>(reject.reason))});
}

void NativeSession::answer_arrived(std::uint32_t tag) {
  if (tag != awaited_tag_ || tag == iscsi::reserved_tag) {
    // When it wants us to leave, that is more important than what we had asked it.
    if (!leaving_) broken("an answer to a question that was not asked");
    return;
  }
  awaited_tag_ = iscsi::reserved_tag;
  changed_.set();
}

void NativeSession::digest_is_wrong(const char* of_what) {
  fail(Error{ErrorKind::protocol, EPROTO,
             fmt::format("the {} digest of what the target sent is wrong: the bytes changed on their way", of_what)});
}

void NativeSession::stream_ended(int error) {
  if (!failed_) {
    if (error == 0)
      fail(Error{ErrorKind::peer_closed, ECONNRESET, "the target closed the connection"});
    else
      fail(Error{ErrorKind::system, error, std::generic_category().message(error)});
  }
  if (!parts_->ending.queued()) loop_.defer(parts_->ending);
}

}  // namespace holdfast::initiator
