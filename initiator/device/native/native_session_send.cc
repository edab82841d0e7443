// What a native session sends: all that gathered in a turn of the loop, in one call.

#include <utility>

#include "common/base/serial_number.h"
#include "common/iscsi/clock_ping.h"
#include "initiator/device/native/native_session.h"
#include "initiator/device/native/session_parts.h"

namespace holdfast::initiator {
namespace {

constexpr Duration last_words_max = std::chrono::milliseconds(100);

/// A PDU is not begun unless so many pieces of its data find room.
constexpr std::size_t pieces_min = 8;

constexpr std::uint32_t place_bits = 12;
constexpr std::uint32_t tag_numbers = 1 << 18;  // keeps commands' tags below the bit of the others

}  // namespace

void NativeSession::submit(NativeCommand& command) {
  CHECK(command.state == NativeCommand::State::idle && !free_places_.empty() && !settled_);
  command.place = free_places_.back();
  free_places_.pop_back();
  tag_number_ = (tag_number_ + 1) % tag_numbers;
  command.initiator_task_tag = tag_number_ << place_bits | command.place;
  commands_[command.place] = &command;
  command.begin(in_.parameters);
  command.state = NativeCommand::State::waiting;
  command.next = nullptr;
  (waiting_ == nullptr ? waiting_ : last_waiting_->next) = &command;
  last_waiting_ = &command;
  flush_soon();
}

NativeCommand* NativeSession::find_command(std::uint32_t tag) const {
  const std::uint32_t place = tag & ((1 << place_bits) - 1);
  if (place >= commands_.size()) return nullptr;
  NativeCommand* command = commands_[place];
  return command != nullptr && command->initiator_task_tag == tag ? command : nullptr;
}

void NativeSession::flush_soon() {
  const bool can_send = !failed_ && send_error_ == 0;
  if (can_send && !parts_->sender.in_flight() && !parts_->flush.queued()) loop_.at_turn_end(parts_->flush);
}

void NativeSession::flush() {
  if (failed_) {
    changed_.set();  // `close` may be waiting for this one.
    return;
  }
  if (parts_->sender.in_flight() || send_error_ != 0) return;
  iscsi::Batch& batch = parts_->sender.batch();
  batch.clear();
  fill(batch);
  if (batch.empty()) return;
  last_sent_ = loop_.now();
  parts_->sender.send();
}

bool NativeSession::may_send_commands() const {
  return waiting_ != nullptr && !leaving_ && serial_precedes_or_equals(cmd_sn_, max_cmd_sn_);
}

// Data before further commands: then what was begun is finished first, and unsolicited data follows its
// command in order, as RFC 7143 section 4.2.5.2 wants it.
void NativeSession::fill(iscsi::Batch& batch) {
  send_controls(batch);
  while (batch.has_room(pieces_min)) {
    if (line_ != nullptr) {
      send_data(batch, *line_);
    } else if (may_send_commands()) {
      NativeCommand& command = *waiting_;
      waiting_ = command.next;
      send_command(batch, command);
    } else {
      return;
    }
  }
}

void NativeSession::send_controls(iscsi::Batch& batch) {
  std::size_t taken = 0;
  while (taken < controls_.size() && batch.has_room(pieces_min)) {
    Control& control = controls_[taken++];
    auto header = iscsi::as<iscsi::NopOutBhs>(control.header);  // Where they all have their numbers.
    header.cmd_sn = cmd_sn_;
    header.exp_stat_sn = exp_stat_sn_;
    header.data_segment_bytes = static_cast<std::uint32_t>(control.text.size());
    texts_in_batch_.push_back(std::move(control.text));
    std::string& text = texts_in_batch_.back();
    batch.add(header);
    batch.add_data(text.data(), text.size());
    batch.pad(text.size());
  }
  controls_.erase(controls_.begin(), controls_.begin() + static_cast<std::ptrdiff_t>(taken));
}

void NativeSession::send_command(iscsi::Batch& batch, NativeCommand& command) {
  using Direction = NativeCommand::Direction;
  if (command.immediate_bytes() > 0) {
    const std::size_t fits = command.leaving().reach(command.immediate_bytes(), batch.pieces_max());
    command.limit_immediate(static_cast<std::uint32_t>(fits), in_.parameters);
  }
  iscsi::ScsiCommandBhs header;
  header.flags = static_cast<std::uint8_t>(iscsi::TaskAttribute::simple);
  if (!command.has_burst()) header.flags |= iscsi::final_bit;
  if (command.direction == Direction::read) header.flags |= iscsi::ScsiCommandBhs::read_bit;
  if (command.direction == Direction::write) header.flags |= iscsi::ScsiCommandBhs::write_bit;
  header.data_segment_bytes = command.immediate_bytes();
  header.lun = command.lun;
  header.initiator_task_tag = command.initiator_task_tag;
  header.expected_data_transfer_length = command.bytes;
  header.cmd_sn = command.cmd_sn = cmd_sn_++;
  command.sent = loop_.now();
  header.exp_stat_sn = exp_stat_sn_;
  header.cdb = command.cdb;
  batch.add(header);
  batch.add_segment(command.leaving(), command.immediate_bytes());
  command.state = NativeCommand::State::under_way;
  if (command.immediate_bytes() > 0) refer_to(command);
  if (command.has_burst()) put_in_line(command);
}

void NativeSession::send_data(iscsi::Batch& batch, NativeCommand& command) {
  refer_to(command);
  while (command.has_burst() && batch.has_room(pieces_min)) {
    const std::uint32_t most = in_.parameters.peer_max_recv_data_segment_length;
    const std::size_t fits = command.leaving().reach(most, batch.pieces_max());
    const DataOut out = command.next_data_out(static_cast<std::uint32_t>(fits));
    iscsi::DataOutBhs header;
    if (out.final) header.flags = iscsi::final_bit;
    header.data_segment_bytes = out.bytes;
    header.lun = command.lun;
    header.initiator_task_tag = command.initiator_task_tag;
    header.target_transfer_tag = out.target_transfer_tag;
    header.exp_stat_sn = exp_stat_sn_;
    header.data_sn = out.data_sn;
    header.buffer_offset = out.offset;
    batch.add(header);
    batch.add_segment(command.leaving(), out.bytes);
  }
  if (!command.has_burst()) take_out_of_line(command);
}

/// The batch that is being filled refers to the command's memory.
void NativeSession::refer_to(NativeCommand& command) {
  if (command.with_kernel) return;
  command.with_kernel = true;
  in_batch_.push_back(&command);
}

void NativeSession::put_in_line(NativeCommand& command) {
  if (command.in_line) return;
  command.in_line = true;
  command.next = nullptr;
  (line_ == nullptr ? line_ : end_of_line_->next) = &command;
  end_of_line_ = &command;
}

void NativeSession::take_out_of_line(NativeCommand& command) {
  if (!command.in_line) return;
  command.in_line = false;
  NativeCommand* before = nullptr;
  NativeCommand* at = line_;
  while (at != &command) {  // Nearly always the first.
    before = at;
    at = at->next;
  }
  (before == nullptr ? line_ : before->next) = command.next;
  if (end_of_line_ == &command) end_of_line_ = before;
}

void NativeSession::queue_control(const iscsi::GenericBhs& header, std::string text) {
  if (controls_.size() == controls_max) {
    broken("it asks for more answers than it reads");
    return;
  }
  controls_.push_back({header, std::move(text)});
  flush_soon();
}

bool NativeSession::ping() {
  if (failed_ || ping_open_) return false;
  iscsi::ClockPing clocks;
  clocks.answered_number = answered_ping_;
  clocks.answered = ping_.last_answered;
  clocks.number = ping_.number = ++ping_.asked;
  clocks.sent = ping_.last_asked = clock_now();
  iscsi::NopOutBhs header;
  header.opcode = iscsi::OpcodeByte(iscsi::Opcode::nop_out, true);
  header.initiator_task_tag = ping_tag_ = next_control_tag();
  ping_open_ = true;
  const auto data = iscsi::encode(clocks);
  queue_control(iscsi::as<iscsi::GenericBhs>(header),
                std::string(reinterpret_cast<const char*>(data.data()), data.size()));
  return true;
}

void NativeSession::batch_gone(int error) {
  if (failed_) {
    give_back_when_idle();
    changed_.set();
    return;
  }
  if (error != 0) {
    // Why, the receiver will learn, and perhaps the target's last words; but not for long.
    send_error_ = error;
    parts_->clockwork.arm(clock_now() + last_words_max);
    return;
  }
  release_sent();
  if (failed_) return;
  if (!controls_.empty() || line_ != nullptr || may_send_commands()) flush_soon();
}

/// What was sent is not the kernel's any more; what was answered meanwhile can be given back.
void NativeSession::release_sent() {
  texts_in_batch_.clear();
  for (NativeCommand* command : in_batch_) command->with_kernel = false;
  // By place, since those who get theirs back may begin new ones, though none is sent before we return.
  for (std::size_t i = 0; i < in_batch_.size(); ++i)
    if (in_batch_[i]->state == NativeCommand::State::answered) deliver(*in_batch_[i]);
  in_batch_.clear();
}

}  // namespace holdfast::initiator
