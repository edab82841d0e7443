// UNMAP, WRITE SAME and GET LBA STATUS: commands about where there is data and where there is none.

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <variant>
#include <vector>

#include "common/scsi/lba_status.h"
#include "common/scsi/unmap_list.h"
#include "target/lun/multi_step.h"
#include "target/lun/outcome.h"
#include "target/lun/vectors.h"

namespace holdfast::target {
namespace {

scsi::ProvisioningStatus status_of(StoreExtentState state) {
  switch (state) {
    case StoreExtentState::mapped:
      return scsi::ProvisioningStatus::mapped;
    case StoreExtentState::deallocated:
      return scsi::ProvisioningStatus::deallocated;
    case StoreExtentState::anchored:
      return scsi::ProvisioningStatus::anchored;
  }
  return scsi::ProvisioningStatus::mapped;
}

/// Extents as blocks, from `lba` on. A block of which a part is mapped is mapped.
std::vector<scsi::LbaStatus> in_blocks(std::span<const StoreExtent> extents, std::uint64_t lba,
                                       std::uint32_t block_bytes) {
  std::vector<scsi::LbaStatus> statuses;
  for (const StoreExtent& extent : extents) {
    const bool mapped = extent.state == StoreExtentState::mapped;
    const std::uint64_t end = extent.offset + extent.bytes;
    const std::uint64_t stop = mapped ? (end + block_bytes - 1) / block_bytes : end / block_bytes;
    while (lba < stop && statuses.size() < scsi::lba_statuses_max) {
      constexpr std::uint64_t blocks_max = std::numeric_limits<std::uint32_t>::max();
      const auto blocks = static_cast<std::uint32_t>(std::min(stop - lba, blocks_max));
      statuses.push_back({lba, blocks, status_of(extent.state)});
      lba += blocks;
    }
  }
  return statuses;
}

bool all_zero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

Task<Outcome> LogicalUnit::MultiStep::run(LogicalUnit& unit, Command& command,
                                          const scsi::GetLbaStatus& asked) {
  const std::uint64_t block_bytes = unit.geometry_.block_bytes;
  std::array<StoreExtent, scsi::lba_statuses_max> extents;
  StoreStep step(*unit.store_, command.step_);
  StoreRequest& request = step.request();
  request.operation = StoreOperation::map;
  request.offset = asked.lba * block_bytes;
  request.bytes = (unit.geometry_.blocks - asked.lba) * block_bytes;
  request.extents = extents;
  if (unit.thin_) {
    const int error = co_await step.submit();
    if (error != 0) co_return unit.check_condition(failure(unit, step));
  } else {  // Fully provisioned: every block is mapped, whatever the store made of it.
    extents[0] = {request.offset, request.bytes, StoreExtentState::mapped};
    request.extents_found = 1;
  }
  const std::vector<scsi::LbaStatus> statuses = in_blocks(
      std::span(extents).first(request.extents_found), asked.lba, unit.geometry_.block_bytes);
  const scsi::ParameterData data = scsi::lba_status(statuses);
  const std::size_t room = std::min<std::size_t>(data.size(), command.transfer_bytes_);
  const std::size_t copied = copy_into(command.vectors, data.bytes().first(room));
  co_return good(static_cast<std::uint32_t>(copied));
}

Task<Outcome> LogicalUnit::MultiStep::run(LogicalUnit& unit, Command& command,
                                          const scsi::Unmap& unmap) {
  const std::vector<std::uint8_t> list = gathered(command.vectors, command.data_out_bytes);
  if (list.size() < unmap.parameter_bytes)
    co_return unit.check_condition(
        illegal_request(scsi::additional_sense::parameter_list_length_error));
  const auto read = scsi::read_unmap_list(list, unit.geometry_);
  if (const auto* wrong = std::get_if<scsi::Sense>(&read)) co_return unit.check_condition(*wrong);
  const auto& ranges = std::get<std::vector<scsi::BlockRange>>(read);
  const StoreOperation operation = unmap.anchor ? StoreOperation::anchor : StoreOperation::unmap;
  StoreStep step(*unit.store_, command.step_);
  for (const scsi::BlockRange& range : ranges) {
    if (given_up(command)) co_return aborted();
    const std::uint64_t offset = offset_of(unit, range);
    const std::uint64_t bytes = std::uint64_t{range.blocks} * unit.geometry_.block_bytes;
    RangeHold hold(unit.locks_);
    co_await hold.take(RangeLock::Mode::write, offset, bytes);
    const int error = co_await step.change(operation, offset, bytes, false);
    if (error != 0) co_return unit.check_condition(failure(unit, step));
  }
  if (!ranges.empty() && !unit.write_cache_enabled_) {
    const int error = co_await step.flush();
    if (error != 0) co_return unit.check_condition(failure(unit, step));
  }
  co_return good();
}

/// Writes `block` again and again.
Task<std::optional<scsi::Sense>> LogicalUnit::MultiStep::fill(LogicalUnit& unit, Command& command,
                                                              Stretch stretch,
                                                              std::span<const std::byte> block) {
  StoreStep step(*unit.store_, command.step_);
  RangeHold hold(unit.locks_);
  WorkBuffers::Loan loan(unit.buffers_);
  for (std::uint64_t done = 0; done < stretch.bytes && !given_up(command);) {
    const std::size_t now =
        std::min<std::uint64_t>(stretch.bytes - done, WorkBuffers::buffer_bytes);
    co_await hold.take(RangeLock::Mode::write, stretch.offset + done, now);
    co_await loan.take();
    for (std::size_t at = 0; at < now; at += block.size())
      std::memcpy(loan.bytes().data() + at, block.data(), block.size());
    const int error = co_await step.write(stretch.offset + done, loan.vectors(now), false);
    loan.give_back();
    hold.release();
    if (error != 0) co_return failure(unit, step);
    done += now;
  }
  co_return std::nullopt;
}

Task<Outcome> LogicalUnit::MultiStep::run(LogicalUnit& unit, Command& command,
                                          const scsi::WriteSame& write) {
  const std::uint64_t blocks = unit.geometry_.all_or_named(write.range);
  const Stretch stretch{.offset = offset_of(unit, write.range),
                        .bytes = blocks * unit.geometry_.block_bytes};
  std::vector<std::byte> block(unit.geometry_.block_bytes);
  if (!write.no_data_out) {
    if (command.data_out_bytes < block.size() || command.data_out_expected != block.size())
      co_return unit.check_condition(
          illegal_request(scsi::additional_sense::invalid_field_in_command_information_unit));
    copy_out_of(command.vectors, block);
  }
  StoreStep step(*unit.store_, command.step_);
  // Zeros need not be written, and unmapped blocks read as zeros (LBPRZ=1); so other data than
  // zeros cannot be had by unmapping, and is written (SBC-3 5.40).
  if (all_zero(block)) {
    const StoreOperation operation =
        write.unmap && !write.anchor ? StoreOperation::unmap : StoreOperation::anchor;
    RangeHold hold(unit.locks_);
    co_await hold.take(RangeLock::Mode::write, stretch.offset, stretch.bytes);
    const int error = co_await step.change(operation, stretch.offset, stretch.bytes, false);
    if (error != 0) co_return unit.check_condition(failure(unit, step));
  } else {
    const std::optional<scsi::Sense> wrong = co_await fill(unit, command, stretch, block);
    if (wrong) co_return unit.check_condition(*wrong);
  }
  if (!unit.write_cache_enabled_) {
    const int error = co_await step.flush();
    if (error != 0) co_return unit.check_condition(failure(unit, step));
  }
  co_return good();
}

}  // namespace holdfast::target
