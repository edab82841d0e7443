#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "initiator/tree/ext4_extents.h"

namespace holdfast::initiator {

/// A window onto a file's extents, for reading: those from block `from` on, as many as were asked
/// for. What lies between two of them is a hole.
struct LayoutWindow {
  ext2_ino_t number = 0;
  std::uint64_t bytes = 0;  // of the file
  std::uint64_t from = 0;
  std::uint64_t end = 0;  // blocks before it are known
  std::vector<FileExtent> extents;
  std::uint64_t used_at = 0;

  bool knows(std::uint64_t block) const { return block >= from && block < end; }
};

/// The windows of the files that are read now, so that the extents of a file that is read piece by
/// piece are not fetched for every piece. A bounded number, each of bounded size.
class LayoutCache {
 public:
  static constexpr std::size_t windows_max = 64;
  static constexpr std::size_t extents_max = 4096;

  /// The window of `number` that knows `block`, or nullptr.
  LayoutWindow* find(ext2_ino_t number, std::uint64_t block);
  /// A window to be filled, that of the same file or the one that was not used longest.
  LayoutWindow& place(ext2_ino_t number);

 private:
  std::array<LayoutWindow, windows_max> windows_;
  std::uint64_t uses_ = 0;
};

}  // namespace holdfast::initiator
