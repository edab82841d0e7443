#include "target/session/tag_table.h"

#include <bit>

#include "common/base/check.h"

namespace holdfast::target {

TagTable::TagTable(std::size_t tags_max)
    : entries_(std::bit_ceil(2 * tags_max)), tags_max_(tags_max) {}

// Fibonacci hashing: tags are often consecutive or multiples of a power of two, and both spread.
std::size_t TagTable::home(std::uint32_t tag) const {
  const std::uint32_t scattered = tag * 0x9e37'79b9U;
  return (scattered >> 8) & (entries_.size() - 1);
}

Slot* TagTable::find(std::uint32_t tag) const {
  for (std::size_t place = home(tag); entries_[place].slot != nullptr; place = next(place)) {
    if (entries_[place].tag == tag) return entries_[place].slot;
  }
  return nullptr;
}

void TagTable::insert(std::uint32_t tag, Slot& slot) {
  CHECK(size_ < tags_max_);
  std::size_t place = home(tag);
  while (entries_[place].slot != nullptr) {
    CHECK(entries_[place].tag != tag);
    place = next(place);
  }
  entries_[place] = {tag, &slot};
  ++size_;
}

void TagTable::erase(std::uint32_t tag) {
  std::size_t hole = home(tag);
  while (entries_[hole].slot != nullptr && entries_[hole].tag != tag) hole = next(hole);
  CHECK(entries_[hole].slot != nullptr);
  --size_;
  // What follows is moved back unless that would carry it in front of its home: then no search ever
  // meets a hole before its tag, and no tombstones pile up.
  for (std::size_t place = next(hole); entries_[place].slot != nullptr; place = next(place)) {
    const std::size_t mask = entries_.size() - 1;
    const std::size_t from_home = (place - home(entries_[place].tag)) & mask;
    const std::size_t from_hole = (place - hole) & mask;
    if (from_home < from_hole) continue;
    entries_[hole] = entries_[place];
    hole = place;
  }
  entries_[hole] = {};
}

}  // namespace holdfast::target
