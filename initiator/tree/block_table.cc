#include "initiator/tree/block_table.h"

#include <algorithm>
#include <bit>

#include "common/base/check.h"
#include "common/base/units.h"

namespace holdfast::initiator {

BlockTable::BlockTable(std::uint32_t block_bytes, std::uint32_t slots_max)
    : block_bytes_(block_bytes),
      slots_max_(slots_max),
      slots_per_chunk_(std::max<std::uint32_t>(1, static_cast<std::uint32_t>(MiB / block_bytes))),
      index_(std::bit_ceil(std::size_t{2} * slots_max), none) {
  entries_.reserve(slots_max);
  unused_.reserve(slots_max);
}

std::size_t BlockTable::home(std::uint64_t block) const {
  // Fibonacci hashing: neighbours are spread, and the high bits are the good ones.
  const int bits = std::countr_zero(index_.size());
  return static_cast<std::size_t>((block * 0x9E37'79B9'7F4A'7C15U) >> (64 - bits));
}

BlockTable::Slot BlockTable::find(std::uint64_t block) {
  for (std::size_t at = home(block);; at = (at + 1) & (index_.size() - 1)) {
    const Slot slot = index_[at];
    if (slot == none) return none;
    if (entries_[slot].block != block) continue;
    entries_[slot].touched = true;
    return slot;
  }
}

BlockTable::Slot BlockTable::insert(std::uint64_t block) {
  Slot slot = none;
  if (!unused_.empty()) {
    slot = unused_.back();
    unused_.pop_back();
  } else if (entries_.size() < slots_max_) {
    slot = static_cast<Slot>(entries_.size());
    entries_.emplace_back();
    if (slot % slots_per_chunk_ == 0)
      chunks_.emplace_back(std::size_t{slots_per_chunk_} * block_bytes_);
  } else {
    slot = recycle();
    if (slot == none) return none;
  }
  entries_[slot] =
      Entry{.block = block, .used = true, .dirty = false, .busy = false, .touched = false};
  put_in_index(slot);
  return slot;
}

void BlockTable::erase(Slot slot) {
  CHECK(entries_[slot].used && !entries_[slot].busy);
  set_dirty(slot, false);
  take_out_of_index(slot);
  entries_[slot].used = false;
  unused_.push_back(slot);
}

std::byte* BlockTable::memory(Slot slot) {
  return chunks_[slot / slots_per_chunk_].data() +
         std::size_t{slot % slots_per_chunk_} * block_bytes_;
}

void BlockTable::set_dirty(Slot slot, bool dirty) {
  Entry& entry = entries_[slot];
  if (entry.dirty == dirty) return;
  entry.dirty = dirty;
  dirty_count_ += dirty ? 1 : -1U;
}

void BlockTable::put_in_index(Slot slot) {
  std::size_t at = home(entries_[slot].block);
  while (index_[at] != none) at = (at + 1) & (index_.size() - 1);
  index_[at] = slot;
}

void BlockTable::take_out_of_index(Slot slot) {
  const std::size_t mask = index_.size() - 1;
  std::size_t hole = home(entries_[slot].block);
  while (index_[hole] != slot) hole = (hole + 1) & mask;
  // Later members of the same run move up, so that no search ends at the hole before it finds them.
  for (std::size_t at = (hole + 1) & mask; index_[at] != none; at = (at + 1) & mask) {
    const std::size_t wanted = home(entries_[index_[at]].block);
    if (((at - wanted) & mask) < ((at - hole) & mask)) continue;
    index_[hole] = index_[at];
    hole = at;
  }
  index_[hole] = none;
}

BlockTable::Slot BlockTable::recycle() {
  // The first round takes the mark of late use away, so the second finds every clean block.
  for (std::uint64_t step = 0; step < 2 * std::uint64_t{slots_max_}; ++step) {
    const Slot slot = hand_;
    hand_ = (hand_ + 1) % slots_max_;
    Entry& entry = entries_[slot];
    if (!entry.used || entry.dirty || entry.busy) continue;
    if (entry.touched) {
      entry.touched = false;
      continue;
    }
    take_out_of_index(slot);
    return slot;
  }
  return none;
}

}  // namespace holdfast::initiator
