// What a logical unit decides about a command before any data moves: whether its CDB can be carried
// out here, and how much data that will move. One function for each kind of command.

#include <algorithm>
#include <variant>

#include "common/scsi/lba_status.h"
#include "common/scsi/sanitize_list.h"
#include "target/lun/logical_unit.h"

namespace holdfast::target {
namespace {

using Admitted = std::variant<Transfer, scsi::Sense>;

Transfer data_in(std::size_t bytes, std::uint32_t allocation_bytes) {
  return {Transfer::Direction::in,
          static_cast<std::uint32_t>(std::min<std::size_t>(bytes, allocation_bytes))};
}

}  // namespace

struct LogicalUnit::Admission {
  const LogicalUnit& unit;
  const NexusState& nexus;

  /// What is refused moves no data, and stays what it is.
  Admitted operator()(const scsi::Refused&) const { return Transfer{}; }
  Admitted operator()(const scsi::TestUnitReady&) const { return Transfer{}; }
  Admitted operator()(const scsi::StartStopUnit& command) const {
    if (command.power_condition == 0 && command.load_eject && !unit.removable_) return scsi::invalid_field_in_cdb(4, 1);
    return Transfer{};
  }

  Admitted operator()(const scsi::Reserve&) const { return Transfer{}; }
  Admitted operator()(const scsi::Release&) const { return Transfer{}; }
  Admitted operator()(const scsi::PersistentReserveIn& command) const {
    return data_in(unit.reservation_data(command).size(), command.allocation_bytes);
  }
  Admitted operator()(const scsi::PersistentReserveOut& command) const {
    const std::uint32_t bytes = command.parameter_list_bytes;
    if (bytes < scsi::reserve_out_bytes_min || bytes > scsi::reserve_out_bytes_max)
      return scsi::parameter_list_length_error();
    return Transfer{Transfer::Direction::out, bytes};
  }

  Admitted operator()(const scsi::RequestSense& command) const {
    const std::optional<Condition> condition = nexus.conditions.first();
    const scsi::Sense sense = condition ? sense_of(*condition) : unit.polled_sense();
    return data_in(request_sense(command, sense).size(), command.allocation_bytes);
  }

  Admitted operator()(const scsi::ReportLuns& command) const {
    return data_in(unit.inventory_->report(command).size(), command.allocation_bytes);
  }

  Admitted operator()(const scsi::Inquiry& command) const { return parameter_data(command); }
  Admitted operator()(const scsi::ModeSense& command) const { return parameter_data(command); }
  Admitted operator()(const scsi::ReadCapacity10& command) const { return parameter_data(command); }
  Admitted operator()(const scsi::ReadCapacity16& command) const { return parameter_data(command); }
  Admitted operator()(const scsi::ReportSupportedOpcodes& command) const {
    return parameter_data(command);
  }
  Admitted operator()(const scsi::ReportSupportedTmfs& command) const {
    if (command.allocation_bytes < 4) return scsi::invalid_field_in_cdb(6);  // SPC-4 6.36
    return parameter_data(command);
  }
  Admitted operator()(const scsi::ReadDefectData& command) const { return parameter_data(command); }
  Admitted operator()(const scsi::LogSense& command) const { return parameter_data(command); }
  Admitted operator()(const scsi::ReportTargetPortGroups& command) const {
    return parameter_data(command);
  }
  Admitted operator()(const scsi::ReceiveCopyResults& command) const {
    return data_in(CopyResults::bytes_max, command.allocation_bytes);
  }
  Admitted operator()(const scsi::ModeSelect& command) const {
    return parameter_list(command.parameter_bytes, command.ten ? 7 : 4);
  }
  Admitted operator()(const scsi::SetTargetPortGroups& command) const {
    return parameter_list(command.parameter_bytes, 6);
  }
  Admitted operator()(const scsi::ExtendedCopy& command) const {
    return parameter_list(command.parameter_bytes, 10);
  }
  Admitted operator()(const scsi::LogSelect& command) const {
    const auto checked = scsi::check_log_select(command, unit.room_ != nullptr);
    if (const auto* wrong = std::get_if<scsi::Sense>(&checked)) return *wrong;
    return Transfer{};
  }
  Admitted operator()(const scsi::PreventAllowMediumRemoval&) const { return Transfer{}; }
  Admitted operator()(const scsi::FormatUnit& command) const {
    if (unit.write_protected()) return write_protected();
    return parameter_list(scsi::format_list_bytes(command), 0);
  }
  Admitted operator()(const scsi::Sanitize& command) const {
    const bool overwrites = command.action == scsi::Sanitize::Action::overwrite;
    if (!overwrites && command.parameter_bytes != 0) return scsi::invalid_field_in_cdb(7);
    if (overwrites && command.parameter_bytes == 0) return scsi::invalid_field_in_cdb(7);
    if (unit.write_protected()) return write_protected();
    return parameter_list(command.parameter_bytes, 7);
  }

  Admitted operator()(const scsi::Read& command) const {
    return medium_data(command.range, Transfer::Direction::in);
  }

  Admitted operator()(const scsi::Write& command) const { return written_data(command.range); }
  Admitted operator()(const scsi::WriteAndVerify& command) const {
    return written_data(command.range);
  }
  Admitted operator()(const scsi::OrWrite& command) const { return written_data(command.range); }

  Admitted operator()(const scsi::WriteAtomic& command) const {
    if (command.boundary_blocks != 0) return scsi::invalid_field_in_cdb(10);
    const Admitted admitted = written_data(command.range);
    if (std::holds_alternative<scsi::Sense>(admitted)) return admitted;
    const AtomicLimits limits = unit.atomic_limits();
    if (command.range.blocks > limits.write_blocks)
      return scsi::invalid_field_in_cdb(command.range.blocks_field);
    if (limits.alignment_blocks > 0 && command.range.lba % limits.alignment_blocks != 0)
      return scsi::invalid_field_in_cdb(command.range.lba_field);
    return admitted;
  }

  Admitted operator()(const scsi::CompareAndWrite& command) const {
    Admitted admitted = written_data(command.range);
    if (std::holds_alternative<scsi::Sense>(admitted)) return admitted;
    if (command.range.blocks > unit.atomic_limits().compare_blocks)
      return scsi::invalid_field_in_cdb(command.range.blocks_field);
    // The data to compare with, and then the data to write.
    if (auto* transfer = std::get_if<Transfer>(&admitted)) transfer->bytes *= 2;
    return admitted;
  }

  Admitted operator()(const scsi::Verify& command) const {
    switch (command.byte_check) {
      case scsi::ByteCheck::none:
        return within_the_medium(command.range);
      case scsi::ByteCheck::all:
        return medium_data(command.range, Transfer::Direction::out);
      case scsi::ByteCheck::one_block:
        break;
    }
    return one_block_for(command.range);
  }

  Admitted operator()(const scsi::WriteSame& command) const {
    if (unit.write_protected()) return write_protected();
    if (!unit.thin_ && (command.unmap || command.anchor))
      return scsi::invalid_field_in_cdb(command.flags_field, command.unmap ? 3 : 4);
    if (command.anchor && !command.unmap) return scsi::invalid_field_in_cdb(command.flags_field, 4);
    Admitted admitted = within_the_medium(command.range);
    auto* const transfer = std::get_if<Transfer>(&admitted);
    if (transfer == nullptr) return admitted;
    // No blocks means all from the LBA on (WSNZ=0), and no more than any other count.
    const std::uint64_t blocks = unit.geometry_.all_or_named(command.range);
    if (blocks > write_same_bytes_max / unit.geometry_.block_bytes)
      return scsi::invalid_field_in_cdb(command.range.blocks_field);
    if (!command.no_data_out) *transfer = {Transfer::Direction::out, unit.geometry_.block_bytes};
    return admitted;
  }

  Admitted operator()(const scsi::Unmap& command) const {
    if (unit.write_protected()) return write_protected();
    return Transfer{Transfer::Direction::out, command.parameter_bytes};
  }

  Admitted operator()(const scsi::GetLbaStatus& command) const {
    if (command.lba >= unit.geometry_.blocks)
      return illegal_request(scsi::additional_sense::logical_block_address_out_of_range,
                             scsi::FieldPointer{2});
    return data_in(scsi::lba_status_bytes_max, command.allocation_bytes);
  }

  Admitted operator()(const scsi::PreFetch& command) const {
    return within_the_medium(command.range);
  }

  Admitted operator()(const scsi::SynchronizeCache& command) const {
    return within_the_medium(command.range);
  }

 private:
  scsi::Sense write_protected() const {
    return {.key = scsi::SenseKey::data_protect,
            .additional = unit.write_protected_ ? scsi::additional_sense::write_protected
                                                : scsi::additional_sense::software_write_protected};
  }

  static Admitted parameter_list(std::uint32_t bytes, std::uint16_t length_field) {
    if (bytes > parameter_list_bytes_max) return scsi::invalid_field_in_cdb(length_field);
    if (bytes == 0) return Transfer{};
    return Transfer{Transfer::Direction::out, bytes};
  }

  Admitted written_data(const scsi::BlockRange& range) const {
    if (unit.write_protected()) return write_protected();
    return medium_data(range, Transfer::Direction::out);
  }

  /// One block of data, for all of the range.
  Admitted one_block_for(const scsi::BlockRange& range) const {
    Admitted admitted = within_the_medium(range);
    if (auto* transfer = std::get_if<Transfer>(&admitted))
      *transfer = {Transfer::Direction::out, range.blocks == 0 ? 0 : unit.geometry_.block_bytes};
    return admitted;
  }

  template <typename Command>
  Admitted parameter_data(const Command& command) const {
    const Parameters answer = parameters(command, unit.description(*nexus.nexus));
    if (const auto* sense = std::get_if<scsi::Sense>(&answer)) return *sense;
    return data_in(std::get<scsi::ParameterData>(answer).size(), allocation_bytes(command));
  }

  Admitted within_the_medium(const scsi::BlockRange& range) const {
    if (unit.geometry_.contains(range)) return Transfer{};
    return illegal_request(scsi::additional_sense::logical_block_address_out_of_range,
                           scsi::FieldPointer{range.lba_field});
  }

  Admitted medium_data(const scsi::BlockRange& range, Transfer::Direction direction) const {
    Admitted admitted = within_the_medium(range);
    if (std::holds_alternative<scsi::Sense>(admitted)) return admitted;
    const std::uint32_t block_bytes = unit.geometry_.block_bytes;
    if (range.blocks > unit.transfer_bytes_max_ / block_bytes)
      return scsi::invalid_field_in_cdb(range.blocks_field);
    return Transfer{direction, range.blocks * block_bytes};
  }
};

Transfer LogicalUnit::admit(Command& command) {
  const Admitted admitted = std::visit(Admission{*this, *command.nexus_state_}, command.meaning_);
  if (const auto* sense = std::get_if<scsi::Sense>(&admitted)) {
    command.meaning_ = scsi::Refused{*sense};
    return Transfer{};
  }
  return std::get<Transfer>(admitted);
}

}  // namespace holdfast::target
