// EXTENDED COPY: blocks of this logical unit to other blocks of it, without a way over the network.

#include <algorithm>
#include <vector>

#include "target/lun/multi_step.h"
#include "target/lun/outcome.h"
#include "target/lun/vectors.h"

namespace holdfast::target {
namespace {

/// Whether a target descriptor names the unit itself, by one of the designators that VPD page 83h
/// has for it.
bool names(const scsi::CopyTarget& target, const scsi::Identity& identity) {
  constexpr std::uint8_t t10_vendor = 1, naa = 3;
  const std::vector<std::uint8_t>& bytes = target.designator;
  if (target.designator_type == naa) return std::ranges::equal(bytes, identity.naa);
  if (target.designator_type != t10_vendor) return false;
  std::string named = identity.vendor;
  named.resize(8, ' ');
  named += identity.scsi_id;
  return !bytes.empty() && bytes.size() <= named.size() &&
         std::equal(bytes.begin(), bytes.end(), named.begin());
}

}  // namespace

Task<std::optional<scsi::Sense>> LogicalUnit::MultiStep::copy_segment(
    LogicalUnit& unit, Command& command, const scsi::CopySegment& segment) {
  const std::uint64_t block_bytes = unit.geometry_.block_bytes;
  const std::uint64_t from = segment.source_lba * block_bytes;
  const std::uint64_t to = segment.destination_lba * block_bytes;
  const std::uint64_t all = segment.blocks * block_bytes;
  StoreStep step(*unit.store_);
  RangeHold hold(unit.locks_);
  WorkBuffers::Loan loan(unit.buffers_);
  for (std::uint64_t done = 0; done < all && !given_up(command);) {
    const std::size_t now = std::min<std::uint64_t>(all - done, WorkBuffers::buffer_bytes);
    co_await hold.take(RangeLock::Mode::read, from + done, now);
    co_await loan.take();
    const int read_error = co_await step.read(from + done, loan.vectors(now));
    hold.release();
    if (read_error != 0) co_return failure(unit, step);
    // Whoever holds a buffer waits for the store alone, so the data moves to memory of its own.
    const std::span<const std::byte> here = loan.bytes().first(now);
    std::vector<std::byte> data(here.begin(), here.end());
    loan.give_back();
    iovec vector{data.data(), now};
    co_await hold.take(RangeLock::Mode::write, to + done, now);
    const int write_error = co_await step.write(to + done, std::span(&vector, 1), false);
    hold.release();
    if (write_error != 0) co_return failure(unit, step);
    done += now;
  }
  co_return std::nullopt;
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
  for (const scsi::CopyTarget& target : wanted.targets)
    if (!names(target, unit.identity_))
      co_return unit.check_condition(
          {.key = scsi::SenseKey::copy_aborted,
           .additional = scsi::additional_sense::copy_target_device_not_reachable});
  if (unit.write_protected() && !wanted.segments.empty())
    co_return unit.check_condition({.key = scsi::SenseKey::data_protect,
                                    .additional = scsi::additional_sense::write_protected});
  CopyResults::Result result{.nexus = command.nexus->index, .list_id = wanted.list_id};
  std::optional<scsi::Sense> wrong;
  for (const scsi::CopySegment& segment : wanted.segments) {
    if (given_up(command)) break;
    const bool fits =
        unit.geometry_.contains({.lba = segment.source_lba, .blocks = segment.blocks}) &&
        unit.geometry_.contains({.lba = segment.destination_lba, .blocks = segment.blocks});
    if (!fits) {
      wrong = scsi::copy_aborted(result.segments);
      break;
    }
    wrong = co_await copy_segment(unit, command, segment);
    if (wrong) break;
    ++result.segments;
    result.bytes += std::uint64_t{segment.blocks} * unit.geometry_.block_bytes;
  }
  StoreStep step(*unit.store_);
  if (!wrong && result.segments > 0 && !unit.write_cache_enabled_) {
    const int error = co_await step.flush();
    if (error != 0) wrong = failure(unit, step);
  }
  result.failed = wrong.has_value();
  if (wanted.list_id_counts) unit.copy_results_.note(result);
  if (wrong) co_return unit.check_condition(*wrong);
  co_return good();
}

}  // namespace holdfast::target
