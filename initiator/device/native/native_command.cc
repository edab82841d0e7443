#include "initiator/device/native/native_command.h"

#include <algorithm>

namespace holdfast::initiator {
namespace {

// The sense data of a response begins behind its length (RFC 7143 section 11.4.7).
constexpr std::size_t sense_length_bytes = 2;

std::uint8_t byte_at(std::span<const std::byte> bytes, std::size_t at) {
  return at < bytes.size() ? std::to_integer<std::uint8_t>(bytes[at]) : std::uint8_t{0};
}

}  // namespace

void NativeCommand::begin(const iscsi::Parameters& keys) {
  answer = {};
  moved = 0;
  lost = false;
  memory_in_ = memory_out_ = iscsi::MemoryCursor(memory);
  received_ = data_sn_ = r2t_sn_ = 0;
  immediate_ = offset_ = invited_ = burst_left_ = burst_data_sn_ = 0;
  burst_tag_ = iscsi::reserved_tag;
  first_burst_ = bursts_waiting_ = 0;
  if (direction != Direction::write) return;
  // Sections 13.10, 13.11 and 13.14: what may go without being asked for.
  const std::uint32_t first = std::min(bytes, keys.first_burst_length);
  if (keys.immediate_data) immediate_ = std::min(first, keys.peer_max_recv_data_segment_length);
  offset_ = invited_ = immediate_;
  if (keys.initial_r2t) return;
  burst_left_ = first - immediate_;
  invited_ = first;
}

void NativeCommand::limit_immediate(std::uint32_t most, const iscsi::Parameters& keys) {
  if (immediate_ <= most) return;
  if (keys.initial_r2t)
    invited_ = most;
  else
    burst_left_ += immediate_ - most;
  immediate_ = offset_ = most;
}

const char* NativeCommand::accept(const iscsi::DataInBhs& header) {
  if (direction != Direction::read) return "data for a command that reads none";
  if (state != State::under_way) return "data for a command that was not sent";
  if (header.data_sn != data_sn_) return "a DataSN out of order";
  if (header.buffer_offset != received_) return "a Buffer Offset out of order";
  const std::uint32_t segment = header.data_segment_bytes;
  if (segment > bytes - received_) return "more data than was asked for";
  if (segment == 0 && (header.flags & iscsi::DataInBhs::status_bit) == 0) return "a Data-In without data";
  ++data_sn_;
  received_ += segment;
  return nullptr;
}

const char* NativeCommand::accept(const iscsi::R2tBhs& header, const iscsi::Parameters& keys) {
  if (direction != Direction::write) return "an R2T for a command that writes nothing";
  if (state != State::under_way) return "an R2T for a command that was not sent";
  if (header.target_transfer_tag == iscsi::reserved_tag) return "an R2T without a tag";
  if (header.r2t_sn != r2t_sn_) return "an R2TSN out of order";
  if (header.buffer_offset != invited_) return "an R2T for data that is not next";
  const std::uint32_t wanted = header.desired_data_transfer_length;
  if (wanted == 0) return "an R2T for no data";
  if (wanted > bytes - invited_) return "an R2T for more data than there is";
  if (wanted > keys.max_burst_length) return "an R2T for more than MaxBurstLength";
  if (r2ts_open() >= keys.max_outstanding_r2t || bursts_waiting_ == bursts_max)
    return "more R2Ts at once than MaxOutstandingR2T";
  ++r2t_sn_;
  invited_ += wanted;
  bursts_[(first_burst_ + bursts_waiting_++) % bursts_max] = {header.target_transfer_tag, header.buffer_offset, wanted};
  if (burst_left_ == 0) start_next_burst();
  return nullptr;
}

std::uint32_t NativeCommand::r2ts_open() const {
  const bool in_progress = burst_left_ > 0 && burst_tag_ != iscsi::reserved_tag;
  return static_cast<std::uint32_t>(bursts_waiting_) + (in_progress ? 1 : 0);
}

void NativeCommand::start_next_burst() {
  if (bursts_waiting_ == 0) return;
  const Burst& burst = bursts_[first_burst_];
  first_burst_ = (first_burst_ + 1) % bursts_max;
  --bursts_waiting_;
  burst_tag_ = burst.target_transfer_tag;
  burst_left_ = burst.bytes;
  burst_data_sn_ = 0;
}

DataOut NativeCommand::next_data_out(std::uint32_t most) {
  DataOut out;
  out.target_transfer_tag = burst_tag_;
  out.offset = offset_;
  out.bytes = std::min(most, burst_left_);
  out.data_sn = burst_data_sn_++;
  offset_ += out.bytes;
  burst_left_ -= out.bytes;
  out.final = burst_left_ == 0;
  if (out.final) start_next_burst();
  return out;
}

const char* NativeCommand::accept_status(std::uint8_t status, std::uint8_t flags, std::uint32_t residual) {
  if (state != State::under_way) return "a status for a command that was not sent";
  const bool under = (flags & iscsi::ScsiResponseBhs::underflow_bit) != 0;
  const bool over = (flags & iscsi::ScsiResponseBhs::overflow_bit) != 0;
  if (under && over) return "an underflow and an overflow at once";
  if (under && residual > bytes) return "a residual count larger than what was asked for";
  answer.status = status;
  moved = bytes - (under ? residual : 0);
  // Overflow: the unit had more to say than we wanted to hear, which its reply itself shows.
  if (direction == Direction::read) moved = std::min(moved, received_);
  if (direction == Direction::write && offset_ < bytes) moved = std::min(moved, offset_);
  return nullptr;
}

void NativeCommand::accept_sense(std::span<const std::byte> data_segment) {
  if (data_segment.size() <= sense_length_bytes) return;
  const std::span<const std::byte> sense = data_segment.subspan(sense_length_bytes);
  // SPC-4 sections 4.5.2 and 4.5.3: response codes 72h and 73h are the descriptor format.
  const bool descriptors = (byte_at(sense, 0) & 0x7e) == 0x72;
  answer.sense_key = byte_at(sense, descriptors ? 1 : 2) & 0x0f;
  answer.asc_ascq = static_cast<std::uint16_t>(byte_at(sense, descriptors ? 2 : 12) << 8 |
                                               byte_at(sense, descriptors ? 3 : 13));
}

}  // namespace holdfast::initiator
