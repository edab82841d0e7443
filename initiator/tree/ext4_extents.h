#pragma once

#include <cstddef>
#include <cstdint>
#include <ext2fs/ext2fs.h>
#include <ext2fs/ext3_extents.h>
#include <span>
#include <vector>

#include "initiator/tree/ext4_inode.h"
#include "initiator/tree/ext4_space.h"

namespace holdfast::initiator {

/// Blocks of a file that lie together on the device, however many. `written` is false where space
/// is laid out but reads as zeros.
struct FileExtent {
  std::uint64_t logical = 0;
  std::uint64_t physical = 0;
  std::uint64_t blocks = 0;
  bool written = true;
  bool operator==(const FileExtent&) const = default;
};

/// Cuts extents into what one entry on the device can say: 32768 blocks, one less if unwritten.
/// Appends to `entries`.
void cut_extents(std::span<const FileExtent> extents, std::vector<ext3_extent>& entries);

/// The part of `extents` that `ranges` of blocks do not cover becomes unwritten. Both ascend.
struct BlockRange {
  std::uint64_t first = 0;
  std::uint64_t blocks = 0;
};
std::vector<FileExtent> with_unwritten(std::span<const FileExtent> extents,
                                       std::span<const BlockRange> ranges);

/// Writes a file's extents, all at once and from the leaves up, into `inode` and into as many tree
/// blocks as they need; the inode's count of blocks is set to theirs and the data's. `tree_blocks`
/// are those that the file has from before: they are used again, and those left over are freed.
errcode_t write_extents(ext2_filsys filesystem, Ext4Space& space, ext2_ino_t number,
                        std::span<const FileExtent> extents, Ext4Inode& inode,
                        std::vector<std::uint64_t>& tree_blocks);

/// Reads a file's extents from the one that holds or follows `from`, at most `extents_max` of them,
/// neighbours joined. `complete` says that none follow.
errcode_t read_extents(ext2_filsys filesystem, ext2_ino_t number, Ext4Inode& inode,
                       std::uint64_t from, std::size_t extents_max,
                       std::vector<FileExtent>& extents, bool& complete);

}  // namespace holdfast::initiator
