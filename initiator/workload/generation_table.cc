#include "initiator/workload/generation_table.h"

#include <new>

#include "common/base/check.h"

namespace holdfast::initiator {

GenerationTable::GenerationTable(std::uint64_t blocks)
    : blocks_(blocks),
      // calloc, since the system gives such memory page by page as it is written.
      entries_(static_cast<std::uint32_t*>(std::calloc(blocks, sizeof(std::uint32_t)))) {
  CHECK(blocks > 0 && blocks <= blocks_max);
  if (entries_ == nullptr) throw std::bad_alloc();
}

std::uint32_t GenerationTable::oldest(std::uint64_t block) const {
  const std::uint32_t entry = entries_[block];
  if ((entry & unsure_bit) != 0) return unsure_.at(block);
  return (entry & generation_mask) - ((entry & writing_bit) != 0 ? 1 : 0);
}

std::uint32_t GenerationTable::begin_write(std::uint64_t block) {
  std::uint32_t& entry = entries_[block];
  CHECK((entry & writing_bit) == 0 && (entry & generation_mask) < generation_max);
  ++entry;
  entry |= writing_bit;
  return entry & generation_mask;
}

void GenerationTable::end_write(std::uint64_t block, bool acknowledged) {
  std::uint32_t& entry = entries_[block];
  CHECK((entry & writing_bit) != 0);
  const std::uint32_t before = oldest(block);
  entry &= generation_mask;
  if (acknowledged) {
    unsure_.erase(block);
    return;
  }
  unsure_[block] = before;
  entry |= unsure_bit;
}

}  // namespace holdfast::initiator
