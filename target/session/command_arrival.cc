#include <algorithm>
#include <cstring>

#include "common/base/check.h"
#include "common/scsi/sense.h"
#include "target/session/command_set.h"

// The first half of a command's way: from its PDU, and those of its data, to its slot.

namespace holdfast::target {
namespace {

using iscsi::PduFault;
using iscsi::RejectReason;

constexpr std::uint8_t status_check_condition = 0x02;
constexpr std::uint8_t status_task_set_full = 0x28;

// The sense data that RFC 7143 section 11.4.7.2 gives to conditions of iSCSI's own.
constexpr scsi::AdditionalSense unexpected_unsolicited_data{0x0c, 0x0c};
constexpr scsi::AdditionalSense incorrect_amount_of_data{0x0c, 0x0d};
constexpr scsi::AdditionalSense protocol_service_crc_error{0x47, 0x05};

Outcome aborted_command(scsi::AdditionalSense why) {
  const scsi::Sense sense{.key = scsi::SenseKey::aborted_command, .additional = why};
  const scsi::SenseBytes bytes = sense.encode(scsi::SenseFormat::fixed);
  Outcome outcome;
  outcome.status = status_check_condition;
  outcome.sense_bytes = bytes.size;
  std::copy_n(bytes.bytes.begin(), bytes.size, outcome.sense.begin());
  return outcome;
}

scsi::AdditionalSense sense_of(WriteGather::Verdict verdict) {
  switch (verdict) {
    case WriteGather::Verdict::not_invited:
    case WriteGather::Verdict::wrong_tag: return unexpected_unsolicited_data;
    case WriteGather::Verdict::too_much:
    case WriteGather::Verdict::wrong_end: return incorrect_amount_of_data;
    // A PDU went missing or came twice: at ErrorRecoveryLevel 0 the command cannot be mended.
    case WriteGather::Verdict::wrong_number:
    case WriteGather::Verdict::wrong_offset:
    case WriteGather::Verdict::fits: break;
  }
  return protocol_service_crc_error;
}

iscsi::Intake landing_at(Slot& slot, std::uint32_t offset, std::uint32_t bytes) {
  iscsi::Intake intake{.kind = iscsi::Intake::Kind::land, .bytes = bytes};
  if (bytes > 0) intake.memory = &slot.place_at(offset);
  return intake;
}

std::size_t chunks_for(std::uint32_t bytes) {
  return (bytes + DataMemory::chunk_bytes - 1) / DataMemory::chunk_bytes;
}

void put_cdb(Command& command, const std::array<std::uint8_t, scsi::cdb_bytes_in_header>& start,
             std::span<const std::byte> rest) {
  command.cdb_bytes = static_cast<std::uint16_t>(start.size() + rest.size());
  command.cdb = {};
  std::uint8_t* const end = std::copy(start.begin(), start.end(), command.cdb.begin());
  if (rest.empty()) return;
  std::memcpy(end, rest.data(), std::min(rest.size(), scsi::cdb_bytes_max - start.size()));
}

}  // namespace

CommandSet::Verdict CommandSet::command_arrived(const iscsi::ScsiCommandBhs& header,
                                                std::span<const std::byte> additional) {
  const bool immediate = header.opcode.immediate();
  if (!immediate) {
    switch (window_.admit(header.cmd_sn)) {
      case CommandWindow::Verdict::run: break;
      case CommandWindow::Verdict::ignore: return {.failed = outside_the_window};
      case CommandWindow::Verdict::gap: return {.early = true};
    }
  }
  iscsi::AhsContents contents;
  std::optional<PduFault> fault = iscsi::parse_ahs(additional, contents);
  if (!fault) fault = check(header, contents);
  if (fault) {
    if (!immediate) window_.finished();
    return {.refused = fault};
  }

  Slot& slot = open_slot(header, contents.extended_cdb);
  Verdict verdict;
  if (!may_come_uninvited(header)) {
    slot.failed = true;
    slot.failure = aborted_command(unexpected_unsolicited_data);
    verdict.failed = "unsolicited data against what was negotiated";
  } else if (!take_uninvited(slot, uninvited_bytes(header))) {
    slot.failed = true;
    slot.failure = Outcome{.status = status_task_set_full};
    verdict.failed = "no memory for unsolicited data: TASK SET FULL";
  } else {
    begin(slot);
  }
  plan_data(slot, header);
  landing_ = &slot;
  slot.landing = true;
  verdict.intake = landing_at(slot, 0, std::min<std::uint32_t>(header.data_segment_bytes, slot.wanted()));
  return verdict;
}

std::optional<PduFault> CommandSet::check(const iscsi::ScsiCommandBhs& header,
                                          const iscsi::AhsContents& additional) const {
  using iscsi::ScsiCommandBhs;
  const bool reads = (header.flags & ScsiCommandBhs::read_bit) != 0;
  const bool writes = (header.flags & ScsiCommandBhs::write_bit) != 0;
  // RFC 7143 section 11.2.2.3: not with a CDB that the header has room for.
  if (!additional.extended_cdb.empty() && scsi::fixed_cdb_bytes(header.cdb[0]) != 0)
    return PduFault{RejectReason::protocol_error, "an extended CDB of a command whose CDB is short"};
  if ((reads && writes) || additional.bidirectional_read_length)
    return PduFault{RejectReason::command_not_supported, "bidirectional command"};
  if (!writes && (header.flags & iscsi::final_bit) == 0)
    return PduFault{RejectReason::protocol_error, "F is 0 without W"};
  if (header.initiator_task_tag == iscsi::reserved_tag)
    return PduFault{RejectReason::protocol_error, "the reserved Initiator Task Tag"};
  if (tags_.find(header.initiator_task_tag) != nullptr)
    return PduFault{RejectReason::protocol_error, "an Initiator Task Tag in use"};
  if (header.opcode.immediate() && immediate_open_ == immediate_commands_max)
    return PduFault{RejectReason::too_many_immediate_commands, "too many immediate commands"};
  return std::nullopt;
}

Slot& CommandSet::open_slot(const iscsi::ScsiCommandBhs& header,
                            std::span<const std::byte> extended_cdb) {
  if (free_.empty()) {
    // Their number is bounded by what holds one: the window, the immediate commands, and those
    // whose answers are in the batch that is being sent.
    slots_.push_back(std::make_unique<Slot>(*this));
    free_.reserve(slots_.size());
    free_.push_back(slots_.back().get());
  }
  Slot& slot = *free_.back();
  free_.pop_back();
  ++in_use_;
  slot.stage = Slot::Stage::gathering;
  slot.tag = header.initiator_task_tag;
  slot.cmd_sn = header.cmd_sn;
  slot.stat_sn = 0;
  slot.moved = 0;
  slot.expected = header.expected_data_transfer_length;
  slot.reads = (header.flags & iscsi::ScsiCommandBhs::read_bit) != 0;
  slot.writes = (header.flags & iscsi::ScsiCommandBhs::write_bit) != 0;
  slot.immediate = header.opcode.immediate();
  slot.begun = slot.spoiled = slot.aborting = slot.failed = slot.landing = slot.retired = false;
  slot.transfer = {};
  slot.data_in = {};
  slot.residual = {};
  slot.command.nexus = &nexus_;
  slot.command.lun = header.lun;
  put_cdb(slot.command, header.cdb, extended_cdb);
  slot.command.attribute = header.flags & iscsi::ScsiCommandBhs::attribute_mask;
  slot.command.vectors = {};
  slot.command.data_out_bytes = 0;
  slot.command.data_out_expected = slot.writes ? slot.expected : 0;
  slot.command.done = &CommandSet::done;
  slot.command.outcome = {};
  slot.command.times = stages_.received();
  slot.command.kind = CommandKind::other;
  slot.command.counted = false;
  if (slot.immediate) ++immediate_open_;
  tags_.insert(slot.tag, slot);
  return slot;
}

bool CommandSet::may_come_uninvited(const iscsi::ScsiCommandBhs& header) const {
  const std::uint32_t immediate = header.data_segment_bytes;
  const bool writes = (header.flags & iscsi::ScsiCommandBhs::write_bit) != 0;
  const bool more_follows = (header.flags & iscsi::final_bit) == 0;
  if (more_follows && settings_.parameters.initial_r2t) return false;
  if (immediate == 0) return true;
  return writes && settings_.parameters.immediate_data &&
         immediate <= settings_.parameters.first_burst_length &&
         immediate <= header.expected_data_transfer_length;
}

std::uint32_t CommandSet::uninvited_bytes(const iscsi::ScsiCommandBhs& header) const {
  if ((header.flags & iscsi::final_bit) != 0) return header.data_segment_bytes;
  return std::min<std::uint32_t>(settings_.parameters.first_burst_length,
                                 header.expected_data_transfer_length);
}

// Before the device server is asked, so that a command that finds no memory can be turned away
// without a trace. Of a burst longer than any command of ours the rest is dropped anyway.
bool CommandSet::take_uninvited(Slot& slot, std::uint32_t bytes) {
  const std::size_t chunks = chunks_for(std::min(bytes, transfer_bytes_max));
  if (!Share::take_uninvited(std::span(slot.chunks_).first(chunks))) return false;
  slot.chunk_count_ = slot.uninvited_count_ = chunks;
  return true;
}

void CommandSet::begin(Slot& slot) {
  slot.begun = true;
  slot.transfer = target_.begin(slot.command);
  CHECK(slot.transfer.bytes <= transfer_bytes_max);
  // What a refused or short command makes no use of.
  const std::size_t kept = std::min(slot.chunk_count_, slot.chunks_wanted());
  give_back_uninvited(std::span(slot.chunks_).subspan(kept, slot.chunk_count_ - kept));
  slot.chunk_count_ = slot.uninvited_count_ = kept;
}

void CommandSet::plan_data(Slot& slot, const iscsi::ScsiCommandBhs& header) {
  const std::uint32_t immediate = header.data_segment_bytes;
  const bool takes_data_out = slot.transfer.direction == Transfer::Direction::out;
  slot.gather = WriteGather({
      .expected = std::max(slot.expected, immediate),
      .wanted = takes_data_out ? slot.wanted() : 0,
      .immediate = immediate,
      .unsolicited_follows = (header.flags & iscsi::final_bit) == 0,
      .first_burst_bytes_max = std::max(settings_.parameters.first_burst_length, immediate),
      .burst_bytes_max = settings_.parameters.max_burst_length,
      .r2ts_max = settings_.parameters.max_outstanding_r2t,
      .tag_base = next_transfer_tag_,
  });
  // Room for every R2T that the command can need, kept clear of the reserved tag.
  next_transfer_tag_ = (next_transfer_tag_ + 0x1'0000) & 0x7fff'ffff;
}

CommandSet::Verdict CommandSet::data_out_arrived(const iscsi::DataOutBhs& header) {
  Slot* slot = tags_.find(header.initiator_task_tag);
  // It may have been on its way when its command was aborted, which is no fault: no Reject.
  if (slot == nullptr) return {.failed = "no command has its Initiator Task Tag"};
  if (&slot->set_ != this)
    return {.refused = PduFault{RejectReason::protocol_error, "Data-Out for a command of another connection"}};
  const bool only_swallows = slot->failed && !slot->begun && is_abortable(*slot);
  if ((slot->failed || slot->aborting) && !only_swallows) return {};
  if (slot->stage != Slot::Stage::gathering)
    return {.refused = PduFault{RejectReason::protocol_error, "Data-Out that nothing asked for"}};

  const std::uint32_t offset = header.buffer_offset;
  const std::uint32_t bytes = header.data_segment_bytes;
  const WriteGather::Verdict verdict =
      slot->gather.accept({.target_transfer_tag = header.target_transfer_tag,
                           .data_sn = header.data_sn,
                           .offset = offset,
                           .bytes = bytes,
                           .final = (header.flags & iscsi::final_bit) != 0});
  if (verdict != WriteGather::Verdict::fits) {
    fail(*slot, aborted_command(sense_of(verdict)));
    return {.failed = describe(verdict)};
  }
  landing_ = slot;
  slot->landing = true;
  const std::uint32_t wanted = slot->gather.wanted();
  return {.intake = landing_at(*slot, offset, offset < wanted ? std::min(bytes, wanted - offset) : 0)};
}

/// RFC 7143 section 7.8: the answer waits until all the data that was announced or asked for is here.
void CommandSet::data_spoiled() {
  if (landing_ != nullptr && !landing_->failed) {
    landing_->spoiled = true;
    sender_.remove(*landing_);  // It asks for no more data.
  }
  data_landed();
}

void CommandSet::fail_for_spoiled_data(Slot& slot) {
  fail(slot, aborted_command(protocol_service_crc_error));
}

}  // namespace holdfast::target
