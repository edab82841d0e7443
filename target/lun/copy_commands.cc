// EXTENDED COPY: blocks of a target's units to blocks of its units, without a way over the network.
// Who has the one unit of a target may have all of them, so nobody gets by a copy what READ and
// WRITE would not give; units of other targets are not reachable for it.

#include <algorithm>
#include <vector>

#include "target/lun/multi_step.h"
#include "target/lun/outcome.h"
#include "target/lun/scsi_target.h"
#include "target/lun/vectors.h"

namespace holdfast::target {
namespace {

namespace additional_sense = scsi::additional_sense;

scsi::Sense third_party_failure(std::size_t segment) {
  return scsi::copy_aborted(segment, additional_sense::third_party_device_failure);
}

}  // namespace

/// Finds the units that the list names, and comes to those that are others than `unit`.
std::optional<scsi::Sense> LogicalUnit::MultiStep::find_parties(LogicalUnit& unit, Command& command,
                                                                const scsi::CopyList& list,
                                                                CopyParties& parties) {
  for (const scsi::CopyTarget& target : list.targets) {
    LogicalUnit* const named = unit.target_->find(target);
    if (named == nullptr)
      return scsi::Sense{.key = scsi::SenseKey::copy_aborted,
                         .additional = additional_sense::copy_target_device_not_reachable};
    constexpr std::uint16_t block_length_at = 29;
    if (target.block_bytes != named->geometry_.block_bytes)
      return scsi::invalid_field_in_parameter_list(
          static_cast<std::uint16_t>(target.at + block_length_at));
    parties.units.push_back(named);
    if (named != &unit)
      parties.visits.push_back(std::make_unique<UnitVisit>(*named, *command.nexus, command.step_));
  }
  constexpr std::uint16_t blocks_at = 10;
  for (const scsi::CopySegment& segment : list.segments)
    if (parties.bytes_of(segment) > scsi::copy_limits::segment_bytes_max)
      return scsi::invalid_field_in_parameter_list(
          static_cast<std::uint16_t>(segment.at + blocks_at));
  return std::nullopt;
}

/// Why a segment cannot be copied, if it cannot: the reasons that the unit's own READ or WRITE would
/// have.
std::optional<scsi::Sense> LogicalUnit::MultiStep::check_segment(
    const LogicalUnit& unit, const Command& command, const CopyParties& parties,
    const scsi::CopySegment& segment, std::size_t number) {
  LogicalUnit& from = *parties.units[segment.source];
  LogicalUnit& to = *parties.units[segment.destination];
  const std::uint64_t bytes = parties.bytes_of(segment);
  if (bytes % from.geometry_.block_bytes != 0 || bytes % to.geometry_.block_bytes != 0)
    return scsi::copy_aborted(number, additional_sense::unexpected_inexact_segment);
  const auto fits = [bytes](const LogicalUnit& end, std::uint64_t lba) {
    const auto blocks = static_cast<std::uint32_t>(bytes / end.geometry_.block_bytes);
    return end.geometry_.contains({.lba = lba, .blocks = blocks});
  };
  if (!fits(from, segment.source_lba) || !fits(to, segment.destination_lba))
    return scsi::copy_aborted(number);
  const auto lets_in = [&](LogicalUnit& end, scsi::ReservationClass use) {
    if (&end == &unit || end.reservations_.none_stands()) return true;
    return end.reservations_.may_run(use, command.cdb, end.state_of(*command.nexus));
  };
  if (!lets_in(from, scsi::ReservationClass::reads) || !lets_in(to, scsi::ReservationClass::writes))
    return third_party_failure(number);
  if (!from.is_ready_for(*command.nexus) || !to.is_ready_for(*command.nexus))
    return scsi::copy_aborted(number, additional_sense::copy_target_device_not_reachable);
  if (!to.write_protected()) return std::nullopt;
  if (&to != &unit) return third_party_failure(number);
  return scsi::Sense{.key = scsi::SenseKey::data_protect,
                     .additional = additional_sense::write_protected};
}

/// False where a step failed, or where a party would have no more of it.
Task<bool> LogicalUnit::MultiStep::copy_segment(Command& command, const CopyParties& parties,
                                                const scsi::CopySegment& segment) {
  LogicalUnit& source = *parties.units[segment.source];
  LogicalUnit& destination = *parties.units[segment.destination];
  const std::uint64_t from = segment.source_lba * source.geometry_.block_bytes;
  const std::uint64_t to = segment.destination_lba * destination.geometry_.block_bytes;
  const std::uint64_t all = parties.bytes_of(segment);
  StoreStep read(*source.store_, command.step_), write(*destination.store_, command.step_);
  RangeHold read_hold(source.locks_), write_hold(destination.locks_);
  WorkBuffers::Loan loan(source.buffers_);
  for (std::uint64_t done = 0; done < all && !given_up(command);) {
    const std::size_t now = std::min<std::uint64_t>(all - done, WorkBuffers::buffer_bytes);
    co_await read_hold.take(RangeLock::Mode::read, from + done, now);
    co_await loan.take();
    const int read_error = co_await read.read(from + done, loan.vectors(now));
    read_hold.release();
    if (read_error != 0) co_return false;
    // Whoever holds a buffer waits for the store alone, so the data moves to memory of its own.
    const std::span<const std::byte> here = loan.bytes().first(now);
    std::vector<std::byte> data(here.begin(), here.end());
    loan.give_back();
    iovec vector{data.data(), now};
    co_await write_hold.take(RangeLock::Mode::write, to + done, now);
    const bool ready =
        source.is_ready_for(*command.nexus) && destination.is_ready_for(*command.nexus);
    if (parties.turned_away() || !ready) co_return false;
    const int write_error = co_await write.write(to + done, std::span(&vector, 1), false);
    write_hold.release();
    if (write_error != 0) co_return false;
    destination.wrote(now);
    done += now;
  }
  co_return true;
}

/// What was copied is on the medium, where the unit promises that of what is written.
Task<bool> LogicalUnit::MultiStep::make_durable(Command& command, const CopyParties& parties) {
  for (LogicalUnit* const written : parties.units) {
    if (written->write_cache_enabled_ || written->write_protected()) continue;
    StoreStep step(*written->store_, command.step_);
    const int error = co_await step.flush();
    if (error != 0) co_return false;
  }
  co_return true;
}

Task<Outcome> LogicalUnit::MultiStep::run(LogicalUnit& unit, Command& command,
                                          const scsi::ExtendedCopy& copy) {
  const std::uint64_t bytes = std::min(command.data_out_bytes, command.transfer_bytes_);
  const std::vector<std::uint8_t> list = gathered(command.vectors, bytes);
  if (bytes < copy.parameter_bytes)
    co_return unit.check_condition(
        illegal_request(scsi::additional_sense::parameter_list_length_error));
  const auto read = scsi::read_copy_list(list);
  if (const auto* wrong = std::get_if<scsi::Sense>(&read)) co_return unit.check_condition(*wrong);
  const auto& wanted = std::get<scsi::CopyList>(read);
  CopyParties parties;
  if (const std::optional<scsi::Sense> refused = find_parties(unit, command, wanted, parties))
    co_return unit.check_condition(*refused);
  CopyResults::Result result{.nexus = command.nexus->index, .list_id = wanted.list_id};
  std::optional<scsi::Sense> wrong;
  for (const scsi::CopySegment& segment : wanted.segments) {
    if (given_up(command)) break;
    wrong = check_segment(unit, command, parties, segment, result.segments);
    if (wrong) break;
    const bool copied = co_await copy_segment(command, parties, segment);
    if (!copied) {
      wrong = third_party_failure(result.segments);
      break;
    }
    ++result.segments;
    result.bytes += parties.bytes_of(segment);
  }
  if (!wrong && result.segments > 0) {
    const bool durable = co_await make_durable(command, parties);
    if (!durable) wrong = third_party_failure(result.segments);
  }
  result.failed = wrong.has_value();
  if (wanted.list_id_counts) unit.copy_results_.note(result);
  if (wrong) co_return unit.check_condition(*wrong);
  co_return good();
}

}  // namespace holdfast::target
