#include "initiator/workload/read_back.h"

#include <algorithm>
#include <utility>

#include "common/base/units.h"

namespace holdfast::initiator {
namespace {

/// Neighbours are read together, up to this.
constexpr std::uint32_t read_bytes = 128 * KiB;

std::uint32_t depth_for(const Device& device) {
  return std::min(16U, device.depth_max());
}

std::uint32_t blocks_in_one_read(const Device& device, std::uint32_t block_bytes) {
  return std::max(1U, std::min(read_bytes, device.transfer_bytes_max()) / block_bytes);
}

std::uint64_t written_blocks(const GenerationTable& table) {
  std::uint64_t written = 0;
  for (std::uint64_t block = 0; block < table.blocks(); ++block)
    if (table.newest(block) > 0) ++written;
  return written;
}

}  // namespace

ReadBack::ReadBack(Loop& loop, Device& device, const LoadPlan& plan, const GenerationTable& table,
                   bool lenient, Progress& progress, const std::atomic<bool>& cancelled,
                   BlockFaultFound found)
    : plan_(plan),
      table_(table),
      lenient_(lenient),
      progress_(progress),
      found_(std::move(found)),
      blocks_at_once_(blocks_in_one_read(device, plan.options.block_bytes)),
      pipeline_(loop, std::initializer_list<Device*>{&device}, depth_for(device),
                blocks_at_once_ * plan.options.block_bytes, *this, cancelled) {
  progress_.entries_total = written_blocks(table);
  progress_.bytes_total = progress_.entries_total * plan.options.block_bytes;
  progress_.entries_done = progress_.bytes_done = 0;
}

Task<void> ReadBack::run() {
  result_.status = co_await pipeline_.drive();
}

BlockSource::Next ReadBack::next(BlockSlot& slot, Instant) {
  while (cursor_ < table_.blocks() && table_.newest(cursor_) == 0) ++cursor_;
  if (cursor_ == table_.blocks()) return Next::over;
  slot.block = cursor_;
  slot.blocks = 0;
  while (cursor_ < table_.blocks() && slot.blocks < blocks_at_once_ && table_.newest(cursor_) > 0) {
    ++cursor_;
    ++slot.blocks;
  }
  slot.request.operation = DeviceOperation::read;
  slot.request.offset = slot.block * plan_.options.block_bytes;
  slot.request.bytes = std::uint64_t{slot.blocks} * plan_.options.block_bytes;
  return Next::send;
}

void ReadBack::finished(BlockSlot& slot, Instant) {
  if (slot.request.error != 0) return;
  const std::uint32_t block_bytes = plan_.options.block_bytes;
  for (std::uint32_t i = 0; i < slot.blocks; ++i) {
    const std::uint64_t block = slot.block + i;
    const std::span<const std::byte> content(slot.data + std::size_t{i} * block_bytes, block_bytes);
    const BlockExpectation expected{.run = plan_.run,
                                    .sector = block * block_bytes / sector_bytes,
                                    .oldest = lenient_ ? 0 : table_.oldest(block),
                                    .newest = table_.newest(block)};
    const std::optional<BlockFault> fault = judge_block(content, expected);
    if (!fault) continue;
    ++result_.faults;
    found_(*fault);
  }
  result_.blocks += slot.blocks;
  result_.bytes += slot.request.bytes;
  progress_.entries_done += slot.blocks;
  progress_.bytes_done += slot.request.bytes;
}

}  // namespace holdfast::initiator
