// VERIFY, WRITE AND VERIFY and PRE-FETCH: commands that read the medium for its own sake.

#include <algorithm>

#include "target/lun/multi_step.h"
#include "target/lun/outcome.h"
#include "target/lun/store_error.h"
#include "target/lun/vectors.h"

namespace holdfast::target {

scsi::Sense LogicalUnit::MultiStep::failure(const LogicalUnit& unit, StoreStep& step) {
  const StoreRequest& request = step.request();
  return sense_of_store_error(request.operation, request.error,
                              unit.lba_of(request.operation, request.failed_offset));
}

/// Reads a stretch of the medium piece by piece, and tells of the first byte that is not as
/// expected, counted from the start of the stretch.
Task<std::optional<scsi::Sense>> LogicalUnit::MultiStep::compare(LogicalUnit& unit,
                                                                 Command& command, Stretch stretch,
                                                                 Expected expected) {
  StoreStep step(*unit.store_, command.step_);
  RangeHold hold(unit.locks_);
  WorkBuffers::Loan loan(unit.buffers_);
  for (std::uint64_t done = 0; done < stretch.bytes && !given_up(command);) {
    const std::size_t now =
        std::min<std::uint64_t>(stretch.bytes - done, WorkBuffers::buffer_bytes);
    const std::uint64_t at = stretch.offset + done;
    if (stretch.lock) co_await hold.take(RangeLock::Mode::read, at, now);
    co_await loan.take();
    const int error = co_await step.read(at, loan.vectors(now));
    hold.release();
    if (error != 0) co_return failure(unit, step);
    if (!expected.data.empty()) {
      const std::span<const std::byte> found = loan.bytes().first(now);
      const std::size_t same =
          expected.repeats_after == 0
              ? first_difference(expected.data, done, found)
              : first_difference_from_block(expected.data, expected.repeats_after, found);
      if (same < now)
        co_return scsi::Sense{.key = scsi::SenseKey::miscompare,
                              .additional = scsi::additional_sense::miscompare_during_verify,
                              .information = done + same};
    }
    loan.give_back();
    done += now;
  }
  co_return std::nullopt;
}

Task<Outcome> LogicalUnit::MultiStep::run(LogicalUnit& unit, Command& command,
                                          const scsi::Verify& verify) {
  const std::uint64_t block_bytes = unit.geometry_.block_bytes;
  Stretch stretch{.offset = offset_of(unit, verify.range),
                  .bytes = verify.range.blocks * block_bytes,
                  .lock = true};
  Expected expected;
  if (verify.byte_check != scsi::ByteCheck::none) {
    expected.data = command.vectors;
    if (verify.byte_check == scsi::ByteCheck::one_block)
      expected.repeats_after = block_bytes;
    else
      stretch.bytes = command.transfer_bytes_;  // An initiator that has less verifies less.
  }
  const std::optional<scsi::Sense> wrong = co_await compare(unit, command, stretch, expected);
  if (wrong) co_return unit.check_condition(*wrong);
  co_return good();
}

Task<Outcome> LogicalUnit::MultiStep::run(LogicalUnit& unit, Command& command,
                                          const scsi::WriteAndVerify& write) {
  const Stretch stretch{.offset = offset_of(unit, write.range), .bytes = command.transfer_bytes_};
  // The store uses entries up, and the data is needed again.
  std::vector<iovec> entries(command.vectors.begin(), command.vectors.end());
  RangeHold hold(unit.locks_);
  co_await hold.take(RangeLock::Mode::exclusive, stretch.offset, stretch.bytes);
  StoreStep step(*unit.store_, command.step_);
  // What is verified is what the medium has, whatever cache there is.
  const int error = co_await step.write(stretch.offset, entries, true);
  if (error != 0) co_return unit.check_condition(failure(unit, step));
  Expected expected;
  if (write.byte_check != scsi::ByteCheck::none) expected.data = command.vectors;
  const std::optional<scsi::Sense> wrong = co_await compare(unit, command, stretch, expected);
  if (wrong) co_return unit.check_condition(*wrong);
  co_return good();
}

Task<Outcome> LogicalUnit::MultiStep::run(LogicalUnit& unit, Command& command,
                                          const scsi::PreFetch& fetch) {
  const std::uint64_t blocks = unit.geometry_.all_or_named(fetch.range);
  StoreStep step(*unit.store_, command.step_);
  // It is only begun, with IMMED and without: the store's cache may have no room for all of it, so
  // that CONDITION MET would promise too much.
  const int error = co_await step.change(StoreOperation::read_ahead, offset_of(unit, fetch.range),
                                         blocks * unit.geometry_.block_bytes, false);
  if (error != 0) co_return unit.check_condition(failure(unit, step));
  co_return good();
}

}  // namespace holdfast::target
