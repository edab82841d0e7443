#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace holdfast::initiator {

/// A set of block numbers below a bound, as a bitmap whose pages exist only where a block is in it:
/// 4 KiB for every 128 MiB of the device that have been written to.
class BlockSet {
 public:
  explicit BlockSet(std::uint64_t blocks);

  bool contains(std::uint64_t block) const;
  void insert(std::uint64_t block);
  void erase(std::uint64_t block);

 private:
  static constexpr std::uint64_t blocks_per_page = 32768;
  using Page = std::array<std::uint64_t, blocks_per_page / 64>;

  std::vector<std::unique_ptr<Page>> pages_;
};

}  // namespace holdfast::initiator
