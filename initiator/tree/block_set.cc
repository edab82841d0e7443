#include "initiator/tree/block_set.h"

#include "common/base/check.h"

namespace holdfast::initiator {

BlockSet::BlockSet(std::uint64_t blocks)
    : pages_(static_cast<std::size_t>((blocks + blocks_per_page - 1) / blocks_per_page)) {
}

bool BlockSet::contains(std::uint64_t block) const {
  const std::uint64_t page = block / blocks_per_page;
  const std::uint64_t bit = block % blocks_per_page;
  if (page >= pages_.size() || pages_[page] == nullptr) return false;
  return ((*pages_[page])[bit / 64] >> (bit % 64) & 1) != 0;
}

void BlockSet::insert(std::uint64_t block) {
  const std::uint64_t page = block / blocks_per_page;
  const std::uint64_t bit = block % blocks_per_page;
  CHECK(page < pages_.size());
  if (pages_[page] == nullptr) pages_[page] = std::make_unique<Page>();
  (*pages_[page])[bit / 64] |= std::uint64_t{1} << (bit % 64);
}

void BlockSet::erase(std::uint64_t block) {
  const std::uint64_t page = block / blocks_per_page;
  const std::uint64_t bit = block % blocks_per_page;
  if (page >= pages_.size() || pages_[page] == nullptr) return;
  (*pages_[page])[bit / 64] &= ~(std::uint64_t{1} << (bit % 64));
}

}  // namespace holdfast::initiator
