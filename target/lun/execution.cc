// How a logical unit carries out a command that may start. One function for each kind of command;
// those that only ask are answered out of what is known, those that touch the medium go to the
// store.

#include <algorithm>
#include <cerrno>
#include <variant>

#include "target/lun/logical_unit.h"
#include "target/lun/multi_step.h"
#include "target/lun/outcome.h"
#include "target/lun/store_error.h"
#include "target/lun/vectors.h"

namespace holdfast::target {

struct LogicalUnit::Execution {
  LogicalUnit& unit;
  Command& command;

  void operator()(const scsi::Refused& refused) {
    const bool conflict = refused.status == scsi::Status::reservation_conflict;
    unit.answer(command, conflict ? reservation_conflict() : unit.check_condition(refused.sense));
  }
  void operator()(const scsi::TestUnitReady&) { unit.answer(command, good()); }

  void operator()(const scsi::RequestSense& asked) {
    Conditions& conditions = command.nexus_state_->conditions;
    command.told_ = conditions.first();
    scsi::Sense sense = unit.polled_sense();
    if (command.told_) {
      sense = sense_of(*command.told_);
      conditions.clear(*command.told_);
    }
    return_data(request_sense(asked, sense).bytes());
  }

  void operator()(const scsi::ReportLuns& asked) { return_data(unit.inventory_->report(asked)); }
  void operator()(const scsi::Inquiry& asked) { return_parameters(asked); }
  void operator()(const scsi::ModeSense& asked) { return_parameters(asked); }
  void operator()(const scsi::ReadCapacity10& asked) { return_parameters(asked); }
  void operator()(const scsi::ReadCapacity16& asked) { return_parameters(asked); }
  void operator()(const scsi::ReportSupportedOpcodes& asked) { return_parameters(asked); }
  void operator()(const scsi::ReportSupportedTmfs& asked) { return_parameters(asked); }
  void operator()(const scsi::ReadDefectData& asked) { return_parameters(asked); }
  void operator()(const scsi::LogSense& asked) {
    // How much room there is left has to be asked for.
    constexpr std::uint8_t provisioning_page = 0x0c;
    if (asked.page == provisioning_page) return unit.start_steps(command, asked);
    return_parameters(asked);
  }
  void operator()(const scsi::ReportTargetPortGroups& asked) { return_parameters(asked); }
  void operator()(const scsi::ModeSelect& asked) { with_parameter_list(asked); }
  void operator()(const scsi::SetTargetPortGroups& asked) { with_parameter_list(asked); }
  void operator()(const scsi::LogSelect& asked) {
    if (!scsi::resets_counters(asked)) return unit.answer(command, good());
    unit.counters_ = {.block_bytes = unit.geometry_.block_bytes};
    unit.raise_for_others(command, Condition::log_parameters_changed);
    unit.answer(command, good());
  }
  void operator()(const scsi::PreventAllowMediumRemoval& asked) {
    command.nexus_state_->prevents_removal = asked.prevent;
    unit.answer(command, good());
  }
  void operator()(const scsi::ReceiveCopyResults& asked) {
    const auto answer = unit.copy_results_.receive(command.nexus->index, asked);
    if (const auto* sense = std::get_if<scsi::Sense>(&answer))
      return unit.answer(command, unit.check_condition(*sense));
    return_data(std::get<scsi::ParameterData>(answer).bytes());
  }
  void operator()(const scsi::FormatUnit& asked) { unit.start_steps(command, asked); }
  void operator()(const scsi::Sanitize& asked) { unit.start_steps(command, asked); }
  void operator()(const scsi::ExtendedCopy& asked) { unit.start_steps(command, asked); }

  void operator()(const scsi::Reserve&) { unit.start_reserve(command); }
  void operator()(const scsi::Release&) { unit.start_release(command); }
  void operator()(const scsi::PersistentReserveIn& asked) {
    return_data(unit.reservation_data(asked));
  }
  void operator()(const scsi::PersistentReserveOut& asked) {
    unit.start_reserve_out(command, asked);
  }

  void operator()(const scsi::Read& read) { unit.start_read(command, read); }
  void operator()(const scsi::Write& write) { unit.start_write(command, write); }
  void operator()(const scsi::Verify& verify) {
    if (verify.range.blocks == 0) return unit.answer(command, good());
    if (verify.byte_check != scsi::ByteCheck::none && !unit.takes_data_out(command)) return;
    unit.start_steps(command, verify);
  }
  void operator()(const scsi::WriteAndVerify& write) {
    if (unit.takes_data_out(command)) unit.start_steps(command, write);
  }
  void operator()(const scsi::CompareAndWrite& write) { start_on_all_data(write); }
  void operator()(const scsi::OrWrite& write) { start_on_all_data(write); }
  void operator()(const scsi::WriteAtomic& write) { start_on_all_data(write); }
  void operator()(const scsi::WriteSame& write) { unit.start_steps(command, write); }
  void operator()(const scsi::Unmap& unmap) { unit.start_steps(command, unmap); }
  void operator()(const scsi::GetLbaStatus& asked) { unit.start_steps(command, asked); }
  void operator()(const scsi::PreFetch& fetch) { unit.start_steps(command, fetch); }
  void operator()(const scsi::SynchronizeCache& synchronize) {
    unit.start_flush(command, synchronize.immediate);
  }

  void operator()(const scsi::StartStopUnit& asked) {
    if (asked.power_condition == scsi::StartStopUnit::standby && !asked.no_flush)
      return unit.start_flush(command, asked.immediate);
    if (asked.power_condition != 0) return unit.answer(command, good());  // no power to save
    if (asked.load_eject) return unit.load_or_eject(command, asked);
    // A unit that many hosts share has no spindle that one of them could stop. What stopping
    // promises to the medium is kept: the cache is on it.
    if (asked.start || asked.no_flush) return unit.answer(command, good());
    unit.start_flush(command, asked.immediate);
  }

 private:
  /// What is all or nothing takes no part of its data.
  template <typename Asked>
  void start_on_all_data(const Asked& asked) {
    // More than the blocks that are named would be data of which nobody knows what it is for.
    if (command.data_out_expected > command.transfer_bytes_)
      return unit.answer(command, unit.check_condition(
                                      scsi::invalid_field_in_cdb(asked.range.blocks_field)));
    if (asked.range.blocks == 0) return unit.answer(command, good());
    if (command.data_out_bytes < command.transfer_bytes_)
      return unit.answer(command,
                         unit.check_condition(illegal_request(
                             scsi::additional_sense::invalid_field_in_command_information_unit)));
    if (unit.takes_data_out(command)) unit.start_steps(command, asked);
  }

  /// Commands that are done when their parameter list is read.
  template <typename Asked>
  void with_parameter_list(const Asked& asked) {
    const std::uint64_t bytes = std::min(command.data_out_bytes, command.transfer_bytes_);
    const std::vector<std::uint8_t> list = gathered(command.vectors, bytes);
    if (bytes < asked.parameter_bytes)
      return unit.answer(command, unit.check_condition(illegal_request(
                                      scsi::additional_sense::parameter_list_length_error)));
    const std::optional<Outcome> outcome = unit.take_list(command, asked, list);
    if (outcome) unit.answer(command, *outcome);
  }

  template <typename Asked>
  void return_parameters(const Asked& asked) {
    const Parameters answer = parameters(asked, unit.description(*command.nexus));
    if (const auto* sense = std::get_if<scsi::Sense>(&answer))
      return unit.answer(command, unit.check_condition(*sense));
    return_data(std::get<scsi::ParameterData>(answer).bytes());
  }

  void return_data(std::span<const std::uint8_t> data) {
    const std::size_t asked = std::min<std::size_t>(data.size(), command.transfer_bytes_);
    const std::size_t copied = copy_into(command.vectors, data.first(asked));
    unit.answer(command, good(static_cast<std::uint32_t>(copied)));
  }
};

void LogicalUnit::start(Command& command) {
  command.state_ = Command::State::executing;
  // A reservation may have come since it was begun. What was refused then is told, whatever came.
  const bool is_refused = std::holds_alternative<scsi::Refused>(command.meaning_);
  if (!is_refused && conflicts(command)) return answer(command, reservation_conflict());
  std::visit(Execution{*this, command}, command.meaning_);
}

void LogicalUnit::submit(Command& command, StoreOperation operation) {
  StoreRequest& request = command.store_request_;
  request.operation = operation;
  request.owner = &command;
  request.done = [](StoreRequest& done) {
    Command& owner = *static_cast<Command*>(done.owner);
    owner.unit_->store_is_done(owner);
  };
  command.times.stamp(command.times.store_started);
  store_->submit(request);
}

void LogicalUnit::submit_when_free(Command& command, RangeLock::Mode mode,
                                   StoreOperation operation) {
  RangeLock& lock = command.range_lock_;
  lock.mode = mode;
  lock.from = command.store_request_.offset;
  lock.to = lock.from + command.transfer_bytes_;
  if (locks_.acquire(lock)) return submit(command, operation);
  command.store_request_.operation = operation;
  lock.owner = &command;
  lock.granted = [](RangeLock& granted) {
    Command& owner = *static_cast<Command*>(granted.owner);
    owner.unit_->submit(owner, owner.store_request_.operation);
  };
}

template <typename Asked>
void LogicalUnit::start_steps(Command& command, const Asked& asked) {
  take_steps(command, MultiStep::run(*this, command, asked));
}

Shell LogicalUnit::take_steps(Command& command, Task<Outcome> work) {
  command.times.stamp(command.times.store_started);
  Outcome outcome = co_await work;
  if (kind_of(command.meaning_) == CommandKind::write) wrote(command.transfer_bytes_);
  answer(command, outcome);
}

Outcome LogicalUnit::check_condition(const scsi::Sense& sense) const {
  return target::check_condition(
      sense, mode_.descriptor_sense ? scsi::SenseFormat::descriptor : scsi::SenseFormat::fixed);
}

void LogicalUnit::start_read(Command& command, const scsi::Read& read) {
  const std::uint64_t room =
      std::min<std::uint64_t>(command.transfer_bytes_, total_bytes(command.vectors));
  const auto bytes = static_cast<std::uint32_t>(room - room % geometry_.block_bytes);
  if (bytes == 0) return answer(command, good());
  command.transfer_bytes_ = bytes;
  command.vectors = first_bytes(command.vectors, bytes);
  StoreRequest& request = command.store_request_;
  request.durable = false;
  request.offset = read.range.lba * geometry_.block_bytes;
  request.vectors = command.vectors;
  // SBC-3 5.11: what is read with FUA is on the medium. `store_is_done` goes on after the flush.
  const bool flush_first = read.force_unit_access && write_cache_enabled_;
  submit_when_free(command, RangeLock::Mode::read,
                   flush_first ? StoreOperation::flush : StoreOperation::read);
}

bool LogicalUnit::takes_data_out(Command& command) {
  const std::uint32_t bytes = std::min(command.transfer_bytes_, command.data_out_bytes);
  if (bytes % geometry_.block_bytes != 0) {
    // The initiator has a part of a block for us. A medium cannot hold that, and to drop it in
    // silence would be to acknowledge data that is nowhere.
    answer(command, check_condition(illegal_request(
                        scsi::additional_sense::invalid_field_in_command_information_unit)));
    return false;
  }
  if (bytes == 0) {
    answer(command, good());
    return false;
  }
  command.transfer_bytes_ = bytes;
  command.vectors = first_bytes(command.vectors, bytes);
  return true;
}

void LogicalUnit::start_write(Command& command, const scsi::Write& write) {
  if (!takes_data_out(command)) return;
  StoreRequest& request = command.store_request_;
  request.durable = write.force_unit_access || !write_cache_enabled_;
  request.offset = write.range.lba * geometry_.block_bytes;
  request.vectors = command.vectors;
  submit_when_free(command, RangeLock::Mode::write, StoreOperation::write);
}

void LogicalUnit::start_flush(Command& command, bool immediate) {
  if (write_protected_) return answer(command, good());
  if (immediate) {
    background_flush_.start();
    return answer(command, good());
  }
  submit(command, StoreOperation::flush);
}

std::optional<std::uint64_t> LogicalUnit::lba_of(StoreOperation operation,
                                                 std::uint64_t offset) const {
  if (operation == StoreOperation::flush) return std::nullopt;
  return offset / geometry_.block_bytes;
}

void LogicalUnit::count(const Command& command, StoreOperation operation) {
  const std::uint32_t blocks = command.transfer_bytes_ / geometry_.block_bytes;
  if (operation == StoreOperation::read) {
    ++counters_.reads;
    counters_.read_blocks += blocks;
  } else if (operation == StoreOperation::write) {
    ++counters_.writes;
    counters_.written_blocks += blocks;
    wrote(command.transfer_bytes_);
  }
}

void LogicalUnit::store_is_done(Command& command) {
  const StoreRequest& request = command.store_request_;
  const StoreOperation operation = request.operation;
  const bool is_read = std::holds_alternative<scsi::Read>(command.meaning_);
  if (request.error == ECANCELED && command.abort_wanted_) {
    // Given up: no error of the medium's.
  } else if (request.error != 0) {
    ++(is_read ? counters_.read_errors : counters_.write_errors);
    command.outcome = check_condition(
        sense_of_store_error(operation, request.error, lba_of(operation, request.failed_offset)));
  } else if (is_read && operation == StoreOperation::flush && !command.abort_wanted_) {
    return submit(command, StoreOperation::read);
  } else {
    command.outcome = good(is_read ? command.transfer_bytes_ : 0);
    count(command, operation);
  }
  finish(command);
}

}  // namespace holdfast::target
