#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/runtime/buffer.h"

namespace holdfast::initiator {

/// Cached blocks by their number: a bounded stock of slots, each with the memory of one block,
/// found through an open-addressing table, so that nothing is allocated once the stock exists.
/// Memory is taken from the system a mebibyte at a time, when it is first needed.
class BlockTable {
 public:
  using Slot = std::uint32_t;
  static constexpr Slot none = ~Slot{0};

  BlockTable(std::uint32_t block_bytes, std::uint32_t slots_max);

  /// The slot that holds `block`, marked as lately used, or `none`.
  Slot find(std::uint64_t block);
  /// A slot for a block that is not in the table, its memory undefined: an unused one, or that of a
  /// clean and idle block that was not used lately. `none` if every slot is dirty or busy.
  Slot insert(std::uint64_t block);
  /// Drops a block that is not busy, written or not.
  void erase(Slot slot);

  std::byte* memory(Slot slot);
  std::uint64_t block(Slot slot) const { return entries_[slot].block; }

  /// Not yet on the device.
  bool dirty(Slot slot) const { return entries_[slot].dirty; }
  void set_dirty(Slot slot, bool dirty);
  /// In a request: its memory belongs to the device, and its slot is not given to another block.
  bool busy(Slot slot) const { return entries_[slot].busy; }
  void set_busy(Slot slot, bool busy) { entries_[slot].busy = busy; }

  std::uint32_t slots_max() const { return slots_max_; }
  std::uint32_t dirty_count() const { return dirty_count_; }
  /// How many slots have been in use so far; all that are lie below.
  std::uint32_t slots_end() const { return static_cast<std::uint32_t>(entries_.size()); }

 private:
  struct Entry {
    std::uint64_t block = 0;
    bool used = false;
    bool dirty = false;
    bool busy = false;
    bool touched = false;  // found again since it came or the hand passed
  };

  std::size_t home(std::uint64_t block) const;
  void put_in_index(Slot slot);
  void take_out_of_index(Slot slot);
  Slot recycle();

  const std::uint32_t block_bytes_;
  const std::uint32_t slots_max_;
  const std::uint32_t slots_per_chunk_;
  std::vector<Entry> entries_;
  std::vector<Slot> index_;  // slot, or none; its size is a power of two
  std::vector<Slot> unused_;
  std::vector<Buffer> chunks_;
  std::uint32_t hand_ = 0;
  std::uint32_t dirty_count_ = 0;
};

}  // namespace holdfast::initiator
