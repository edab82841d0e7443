#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace holdfast::target {

class Slot;

/// The open commands of a session by Initiator Task Tag. The peer chooses the tags, so they are
/// scattered by a hash before use: a table with open addressing, half empty, whose size is fixed
/// when it is made. Finding, adding and removing cost O(1) and no memory.
class TagTable {
 public:
  explicit TagTable(std::size_t tags_max);

  /// The command with that tag, or nullptr.
  Slot* find(std::uint32_t tag) const;
  /// Adds a tag that is not there, with fewer than `tags_max` in it.
  void insert(std::uint32_t tag, Slot& slot);
  /// Removes a tag that is there.
  void erase(std::uint32_t tag);
  std::size_t size() const { return size_; }

 private:
  struct Entry {
    std::uint32_t tag = 0;
    Slot* slot = nullptr;
  };
  std::size_t home(std::uint32_t tag) const;
  std::size_t next(std::size_t place) const { return (place + 1) & (entries_.size() - 1); }

  std::vector<Entry> entries_;
  std::size_t tags_max_;
  std::size_t size_ = 0;
};

}  // namespace holdfast::target
