#include "initiator/tree/ext4_space.h"

#include <algorithm>
#include <cerrno>

namespace holdfast::initiator {
namespace {

/// How much is set aside for metadata blocks at a time. It stays free until it is used, and files
/// get it if nothing else is left.
constexpr std::uint64_t metadata_stretch_blocks = 64;
/// What libext2fs marks in one call is counted in 32 bits.
constexpr std::uint64_t run_blocks_max = std::uint64_t{1} << 30;

}  // namespace

Ext4Space::Ext4Space(ext2_filsys filesystem, WriteBackCache& cache)
    : filesystem_(filesystem),
      cache_(cache),
      first_block_(filesystem->super->s_first_data_block),
      end_block_(::ext2fs_blocks_count(filesystem->super)),
      next_data_(first_block_),
      next_inode_(EXT2_FIRST_INODE(filesystem->super)) {
  install_hooks();
}

void Ext4Space::install_hooks() {
  filesystem_->priv_data = this;
  // What libext2fs takes by itself, for xattrs and for extents of directories, comes from us too.
  filesystem_->get_alloc_block2 = [](ext2_filsys fs, blk64_t, blk64_t* found, blk_alloc_ctx*) {
    std::uint64_t block = 0;
    const errcode_t code = static_cast<Ext4Space*>(fs->priv_data)->find_metadata_block(block);
    *found = block;
    return code;
  };
  // A failure shows in the next call; the cache does not forget that it has failed.
  filesystem_->block_alloc_stats = [](ext2_filsys fs, blk64_t block, int inuse) {
    if (inuse < 0) static_cast<Ext4Space*>(fs->priv_data)->cache_.forget(block, 1);
  };
  filesystem_->block_alloc_stats_range = [](ext2_filsys fs, blk64_t block, blk_t count, int inuse) {
    if (inuse < 0) static_cast<Ext4Space*>(fs->priv_data)->cache_.forget(block, count);
  };
}

std::uint64_t Ext4Space::free_blocks() const {
  return ::ext2fs_free_blocks_count(filesystem_->super);
}

errcode_t Ext4Space::find_run(std::uint64_t from, std::uint64_t blocks, BlockRun& run) const {
  const ext2fs_block_bitmap map = filesystem_->block_map;
  blk64_t first = 0;
  errcode_t code = ENOENT;
  if (from < end_block_)
    code = ::ext2fs_find_first_zero_block_bitmap2(map, from, end_block_ - 1, &first);
  if (code == ENOENT)
    code = ::ext2fs_find_first_zero_block_bitmap2(map, first_block_, end_block_ - 1, &first);
  if (code == ENOENT) return EXT2_ET_BLOCK_ALLOC_FAIL;
  if (code != 0) return code;
  const blk64_t last = std::min<blk64_t>(end_block_, first + blocks) - 1;
  blk64_t used = last + 1;
  code = ::ext2fs_find_first_set_block_bitmap2(map, first, last, &used);
  if (code == ENOENT)
    used = last + 1;
  else if (code != 0)
    return code;
  run = BlockRun{first, used - first};
  return 0;
}

errcode_t Ext4Space::take_blocks(std::uint64_t blocks, std::vector<BlockRun>& runs) {
  if (blocks > free_blocks()) return EXT2_ET_BLOCK_ALLOC_FAIL;
  while (blocks > 0) {
    BlockRun run;
    const std::uint64_t most = std::min(blocks, run_blocks_max);
    if (const errcode_t code = find_run(next_data_, most, run); code != 0) return code;
    ::ext2fs_block_alloc_stats_range(filesystem_, run.first, static_cast<blk_t>(run.blocks), +1);
    next_data_ = run.first + run.blocks;
    blocks -= run.blocks;
    runs.push_back(run);
  }
  return 0;
}

errcode_t Ext4Space::find_metadata_block(std::uint64_t& block) {
  for (;;) {
    while (metadata_stretch_.blocks > 0) {
      if (::ext2fs_test_block_bitmap2(filesystem_->block_map, metadata_stretch_.first) == 0) {
        block = metadata_stretch_.first;
        return 0;
      }
      ++metadata_stretch_.first;
      --metadata_stretch_.blocks;
    }
    if (const errcode_t code = find_run(next_data_, metadata_stretch_blocks, metadata_stretch_);
        code != 0)
      return code;
    next_data_ = metadata_stretch_.first + metadata_stretch_.blocks;
  }
}

errcode_t Ext4Space::take_metadata_block(std::uint64_t& block) {
  if (const errcode_t code = find_metadata_block(block); code != 0) return code;
  ::ext2fs_block_alloc_stats2(filesystem_, block, +1);
  return 0;
}

void Ext4Space::give_back(const BlockRun& run) {
  ::ext2fs_block_alloc_stats_range(filesystem_, run.first, static_cast<blk_t>(run.blocks), -1);
}

errcode_t Ext4Space::take_inode(bool directory, ext2_ino_t& number) {
  const ext2fs_inode_bitmap map = filesystem_->inode_map;
  const ext2_ino_t last = filesystem_->super->s_inodes_count;
  errcode_t code = ENOENT;
  if (next_inode_ <= last)
    code = ::ext2fs_find_first_zero_inode_bitmap2(map, next_inode_, last, &number);
  if (code == ENOENT)
    code = ::ext2fs_find_first_zero_inode_bitmap2(map, EXT2_FIRST_INODE(filesystem_->super), last,
                                                  &number);
  if (code == ENOENT) return EXT2_ET_INODE_ALLOC_FAIL;
  if (code != 0) return code;
  const dgrp_t group = ::ext2fs_group_of_ino(filesystem_, number);
  // A group in use has a bitmap of its blocks on the device; the kernel sees to it in the same way.
  if (::ext2fs_bg_flags_test(filesystem_, group, EXT2_BG_BLOCK_UNINIT) != 0) {
    ::ext2fs_bg_flags_clear(filesystem_, group, EXT2_BG_BLOCK_UNINIT);
    ::ext2fs_mark_bb_dirty(filesystem_);
  }
  ::ext2fs_inode_alloc_stats2(filesystem_, number, +1, directory ? 1 : 0);
  next_inode_ = number + 1;
  return 0;
}

void Ext4Space::give_back_inode(ext2_ino_t number, bool directory) {
  ::ext2fs_inode_alloc_stats2(filesystem_, number, -1, directory ? 1 : 0);
}

}  // namespace holdfast::initiator
