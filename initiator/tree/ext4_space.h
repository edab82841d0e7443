#pragma once

#include <cstdint>
#include <ext2fs/ext2fs.h>
#include <vector>

#include "initiator/tree/write_back_cache.h"

namespace holdfast::initiator {

/// Blocks next to each other.
struct BlockRun {
  std::uint64_t first = 0;
  std::uint64_t blocks = 0;
};

/// Where new inodes and blocks of a filesystem come from. Files follow each other in the order in
/// which they are made, so that what is copied in a row is written in a row; directories and other
/// metadata blocks come from small stretches of their own, so that they do not stand between.
/// What is given out is marked as used in libext2fs's bitmaps and descriptors.
class Ext4Space {
 public:
  /// Blocks that are given back are forgotten by `cache`.
  Ext4Space(ext2_filsys filesystem, WriteBackCache& cache);
  Ext4Space(const Ext4Space&) = delete;
  Ext4Space& operator=(const Ext4Space&) = delete;

  std::uint64_t free_blocks() const;

  /// Appends runs of `blocks` in all, or fails and takes nothing.
  errcode_t take_blocks(std::uint64_t blocks, std::vector<BlockRun>& runs);
  errcode_t take_metadata_block(std::uint64_t& block);
  void give_back(const BlockRun& run);

  errcode_t take_inode(bool directory, ext2_ino_t& number);
  void give_back_inode(ext2_ino_t number, bool directory);

 private:
  void install_hooks();
  errcode_t find_run(std::uint64_t from, std::uint64_t blocks, BlockRun& run) const;
  errcode_t find_metadata_block(std::uint64_t& block);

  ext2_filsys filesystem_;
  WriteBackCache& cache_;
  const std::uint64_t first_block_;
  const std::uint64_t end_block_;
  std::uint64_t next_data_;    // files are laid out from here on
  BlockRun metadata_stretch_;  // metadata blocks are taken from its front
  ext2_ino_t next_inode_;
};

}  // namespace holdfast::initiator
