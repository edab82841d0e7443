// COMPARE AND WRITE, ORWRITE and WRITE ATOMIC: nothing from any nexus comes between their steps, and
// of the first and the last one nothing is ever seen half done.

#include <algorithm>
#include <array>

#include "target/lun/multi_step.h"
#include "target/lun/outcome.h"
#include "target/lun/store_error.h"
#include "target/lun/vectors.h"

namespace holdfast::target {

scsi::Sense LogicalUnit::MultiStep::failure(const LogicalUnit& unit,
                                            const AtomicJournal::Ended& ended) {
  if (ended.intent_failed)
    return {.key = scsi::SenseKey::hardware_error,
            .additional = scsi::additional_sense::internal_target_failure};
  return sense_of_store_error(StoreOperation::write, ended.error,
                              ended.failed_offset / unit.geometry_.block_bytes);
}

Task<Outcome> LogicalUnit::MultiStep::run(LogicalUnit& unit, Command& command,
                                          const scsi::CompareAndWrite& write) {
  const std::uint64_t bytes = std::uint64_t{write.range.blocks} * unit.geometry_.block_bytes;
  const Stretch stretch{.offset = offset_of(unit, write.range), .bytes = bytes};
  RangeHold hold(unit.locks_);
  co_await hold.take(RangeLock::Mode::exclusive, stretch.offset, bytes);
  const Expected expected{.data = command.vectors};
  const std::optional<scsi::Sense> wrong = co_await compare(unit, command, stretch, expected);
  if (wrong) co_return unit.check_condition(*wrong);
  // Until here nothing is changed, so an abort can still be heeded; from here on it comes too late.
  if (given_up(command)) co_return aborted();
  const std::span<iovec> data = without_first_bytes(command.vectors, bytes);
  Task<AtomicJournal::Ended> writing =
      unit.journal_.write(stretch.offset, data, write.force_unit_access);
  const AtomicJournal::Ended ended = co_await writing;
  if (ended.error != 0) co_return unit.check_condition(failure(unit, ended));
  co_return good();
}

Task<Outcome> LogicalUnit::MultiStep::run(LogicalUnit& unit, Command& command,
                                          const scsi::WriteAtomic& write) {
  const std::uint64_t offset = offset_of(unit, write.range);
  RangeHold hold(unit.locks_);
  co_await hold.take(RangeLock::Mode::exclusive, offset, command.transfer_bytes_);
  if (given_up(command)) co_return aborted();
  Task<AtomicJournal::Ended> writing =
      unit.journal_.write(offset, command.vectors, write.force_unit_access);
  const AtomicJournal::Ended ended = co_await writing;
  if (ended.error != 0) co_return unit.check_condition(failure(unit, ended));
  co_return good();
}

/// Puts what the medium has into the command's data, by OR.
Task<std::optional<scsi::Sense>> LogicalUnit::MultiStep::combine(LogicalUnit& unit,
                                                                 Command& command,
                                                                 Stretch stretch) {
  StoreStep step(*unit.store_, command.step_);
  WorkBuffers::Loan loan(unit.buffers_);
  for (std::uint64_t done = 0; done < stretch.bytes && !given_up(command);) {
    const std::size_t now =
        std::min<std::uint64_t>(stretch.bytes - done, WorkBuffers::buffer_bytes);
    co_await loan.take();
    const int error = co_await step.read(stretch.offset + done, loan.vectors(now));
    if (error != 0) co_return failure(unit, step);
    or_into(command.vectors, done, loan.bytes().first(now));
    loan.give_back();
    done += now;
  }
  co_return std::nullopt;
}

Task<Outcome> LogicalUnit::MultiStep::run(LogicalUnit& unit, Command& command,
                                          const scsi::OrWrite& write) {
  const Stretch stretch{.offset = offset_of(unit, write.range), .bytes = command.transfer_bytes_};
  RangeHold hold(unit.locks_);
  co_await hold.take(RangeLock::Mode::exclusive, stretch.offset, stretch.bytes);
  const std::optional<scsi::Sense> wrong = co_await combine(unit, command, stretch);
  if (wrong) co_return unit.check_condition(*wrong);
  if (given_up(command)) co_return aborted();
  StoreStep step(*unit.store_, command.step_);
  const int error =
      co_await step.write(stretch.offset, command.vectors, durable(unit, write.force_unit_access));
  if (error != 0) co_return unit.check_condition(failure(unit, step));
  co_return good();
}

}  // namespace holdfast::target
