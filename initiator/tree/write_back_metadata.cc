#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/base/check.h"
#include "initiator/tree/write_back_cache.h"
#include "initiator/tree/write_back_request.h"

// The half of the cache that libext2fs sees: blocks, read and written synchronously on the fiber.
// Only the fiber puts blocks into the table and takes them out, so a slot that it holds stays what
// it is while it waits, as long as it is dirty or busy.

namespace holdfast::initiator {
namespace {

/// How long libext2fs may keep the thread, and after how many calls we look.
constexpr Duration slice = std::chrono::milliseconds(2);
constexpr std::uint32_t calls_between_looks = 32;

}  // namespace

void WriteBackCache::let_others_in() {
  // The bitmaps of a large device are thousands of blocks, written in one go.
  if (++calls_ % calls_between_looks == 0) fiber_.yield_after(slice);
}

void WriteBackCache::wait_on_fiber() {
  CHECK(fiber_.is_running());
  fiber_.suspend();
}

BlockTable::Slot WriteBackCache::insert_or_wait(std::uint64_t block) {
  for (;;) {
    const BlockTable::Slot slot = table_.insert(block);
    if (slot != BlockTable::none || failure_) return slot;
    if (metadata_queue_.empty()) gather_metadata();
    wait_on_fiber();
  }
}

void WriteBackCache::gather_metadata() {
  CHECK(metadata_queue_.empty());
  for (BlockTable::Slot slot = 0; slot < table_.slots_end(); ++slot) {
    if (!table_.dirty(slot) || table_.busy(slot)) continue;
    // From here until it is written nobody may change it: what is sent must be one state of it.
    table_.set_busy(slot, true);
    table_.set_dirty(slot, false);
    ++metadata_unwritten_;
    metadata_queue_.add(WriteItem{.offset = table_.block(slot) * block_bytes_,
                                  .memory = table_.memory(slot),
                                  .bytes = block_bytes_,
                                  .owner = slot,
                                  .file = 0,
                                  .epoch = 0});
  }
  metadata_queue_.begin_batch();
  pump();
}

int WriteBackCache::read(std::uint64_t offset, std::span<std::byte> into) {
  let_others_in();
  while (!into.empty()) {
    const std::uint64_t within = offset % block_bytes_;
    const std::size_t bytes = std::min<std::size_t>(into.size(), block_bytes_ - within);
    BlockTable::Slot slot = BlockTable::none;
    if (int error = fetch(offset / block_bytes_, slot); error != 0) return error;
    std::memcpy(into.data(), table_.memory(slot) + within, bytes);
    into = into.subspan(bytes);
    offset += bytes;
  }
  return 0;
}

int WriteBackCache::write(std::uint64_t offset, std::span<const std::byte> from) {
  let_others_in();
  while (!from.empty()) {
    const std::uint64_t block = offset / block_bytes_;
    const std::uint64_t within = offset % block_bytes_;
    const std::size_t bytes = std::min<std::size_t>(from.size(), block_bytes_ - within);
    if (failure_ || block >= blocks_) return EIO;
    BlockTable::Slot slot = table_.find(block);
    bool known = slot != BlockTable::none;
    if (!known && bytes < block_bytes_) {
      if (int error = fetch(block, slot); error != 0) return error;
      known = true;
    }
    if (!known) slot = insert_or_wait(block);
    if (slot == BlockTable::none) return EIO;
    while (table_.busy(slot) && !failure_) wait_on_fiber();
    if (failure_) return EIO;
    std::byte* memory = table_.memory(slot) + within;
    // libext2fs writes every bitmap in each round, changed or not.
    if (!known || std::memcmp(memory, from.data(), bytes) != 0) {
      std::memcpy(memory, from.data(), bytes);
      table_.set_dirty(slot, true);
      if (blank_) written_.insert(block);
    }
    from = from.subspan(bytes);
    offset += bytes;
  }
  if (table_.dirty_count() > table_.slots_max() / 2 && metadata_queue_.empty()) gather_metadata();
  return 0;
}

int WriteBackCache::forget(std::uint64_t block, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const BlockTable::Slot slot = table_.find(block + i);
    if (slot == BlockTable::none) continue;
    while (table_.busy(slot) && !failure_) wait_on_fiber();
    if (failure_) return EIO;
    table_.erase(slot);
  }
  return 0;
}

int WriteBackCache::fetch(std::uint64_t block, BlockTable::Slot& slot) {
  if (failure_ || block >= blocks_) return EIO;
  slot = table_.find(block);
  if (slot != BlockTable::none) return 0;
  if (blank_ && !written_.contains(block)) {
    slot = insert_or_wait(block);
    if (slot == BlockTable::none) return EIO;
    std::memset(table_.memory(slot), 0, block_bytes_);
    return 0;
  }
  const std::uint32_t ahead = readahead_from(block);
  int error = load(block, ahead);
  // What was only read on the chance must not cost us what was asked for.
  if (error != 0 && ahead > 1 && !failure_) error = load(block, 1);
  if (error != 0) return error;
  slot = table_.find(block);
  CHECK(slot != BlockTable::none);
  return 0;
}

std::uint32_t WriteBackCache::readahead_from(std::uint64_t block) {
  const std::uint32_t most =
      blank_
          ? 1
          : std::max<std::uint32_t>(1, std::min(readahead_bytes, transfer_bytes_) / block_bytes_);
  std::uint32_t count = 1;
  while (count < most && block + count < blocks_ && table_.find(block + count) == BlockTable::none)
    ++count;
  return count;
}

int WriteBackCache::load(std::uint64_t block, std::uint32_t count) {
  // The slots first: whoever held a request while waiting for a slot might hold the only one.
  std::array<BlockTable::Slot, readahead_bytes / 512> slots;
  std::uint32_t got = 0;
  while (got < count) {
    const BlockTable::Slot slot = got == 0 ? insert_or_wait(block) : table_.insert(block + got);
    if (slot == BlockTable::none) break;
    table_.set_busy(slot, true);
    slots[got++] = slot;
  }
  Request* request = nullptr;
  ++readers_waiting_;
  while (got > 0 && !failure_ && (request = take_request()) == nullptr) wait_on_fiber();
  --readers_waiting_;
  int error = EIO;
  if (request != nullptr) {
    for (std::uint32_t i = 0; i < got; ++i)
      request->add_vector(table_.memory(slots[i]), block_bytes_);
    request->kind = Kind::metadata_read;
    submit(*request, DeviceOperation::read, block * block_bytes_, std::uint64_t{got} * block_bytes_,
           0);
    while (!request->answered) wait_on_fiber();
    error = request->device.error;
    if (error != 0) read_error_ = describe(*request);
    release(*request);
    pump();
  }
  for (std::uint32_t i = 0; i < got; ++i) {
    table_.set_busy(slots[i], false);
    if (error != 0) table_.erase(slots[i]);
  }
  return error;
}

}  // namespace holdfast::initiator
