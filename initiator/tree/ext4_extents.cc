#include "initiator/tree/ext4_extents.h"

#include <algorithm>
#include <cstring>

#include "common/runtime/buffer.h"

// The tree of a file that is written once is built from the leaves up: cut the extents into
// entries, fill blocks with them, make an entry for each block, and go on until what is left fits
// into the inode. libext2fs would insert them one at a time and write a block for each.

namespace holdfast::initiator {
namespace {

constexpr std::size_t entry_bytes = sizeof(ext3_extent);
static_assert(sizeof(ext3_extent_idx) == entry_bytes && sizeof(ext3_extent_header) == entry_bytes);
/// In an inode's 60 bytes, after the header.
constexpr std::size_t entries_in_inode = 4;

std::size_t entries_in_block(ext2_filsys filesystem) {
  return (filesystem->blocksize - sizeof(ext3_extent_header) - sizeof(ext3_extent_tail)) /
         entry_bytes;
}

ext3_extent_header make_header(std::size_t entries, std::size_t entries_max, unsigned depth) {
  ext3_extent_header header{};
  header.eh_magic = EXT3_EXT_MAGIC;
  header.eh_entries = static_cast<std::uint16_t>(entries);
  header.eh_max = static_cast<std::uint16_t>(entries_max);
  header.eh_depth = static_cast<std::uint16_t>(depth);
  return header;
}

/// An index entry has an extent's size and begins with the same field, so one vector serves both.
ext3_extent make_index(std::uint32_t logical, std::uint64_t block) {
  ext3_extent_idx index{};
  index.ei_block = logical;
  index.ei_leaf = static_cast<std::uint32_t>(block);
  index.ei_leaf_hi = static_cast<std::uint16_t>(block >> 32);
  ext3_extent entry;
  std::memcpy(&entry, &index, sizeof entry);
  return entry;
}

/// Gives out the file's old tree blocks first, then new ones.
class TreeBlocks {
 public:
  TreeBlocks(Ext4Space& space, std::vector<std::uint64_t>& blocks)
      : space_(space), blocks_(blocks) {}

  errcode_t next(std::uint64_t& block) {
    if (used_ == blocks_.size()) {
      std::uint64_t fresh = 0;
      if (const errcode_t code = space_.take_metadata_block(fresh); code != 0) return code;
      blocks_.push_back(fresh);
    }
    block = blocks_[used_++];
    return 0;
  }
  void free_the_rest() {
    for (std::size_t i = used_; i < blocks_.size(); ++i) space_.give_back({blocks_[i], 1});
    blocks_.resize(used_);
  }

 private:
  Ext4Space& space_;
  std::vector<std::uint64_t>& blocks_;
  std::size_t used_ = 0;
};

/// Fills blocks with one level's entries and replaces them by the entries of the level above.
errcode_t write_level(ext2_filsys filesystem, ext2_ino_t number, unsigned depth, TreeBlocks& blocks,
                      std::vector<ext3_extent>& entries) {
  const std::size_t most = entries_in_block(filesystem);
  Buffer buffer(filesystem->blocksize);
  std::size_t written = 0;
  for (std::size_t at = 0; at < entries.size(); at += most) {
    const std::size_t count = std::min(most, entries.size() - at);
    std::uint64_t block = 0;
    if (const errcode_t code = blocks.next(block); code != 0) return code;
    std::memset(buffer.data(), 0, buffer.size());
    const ext3_extent_header header = make_header(count, most, depth);
    std::memcpy(buffer.data(), &header, sizeof header);
    std::memcpy(buffer.data() + sizeof header, entries.data() + at, count * entry_bytes);
    errcode_t code = ::ext2fs_extent_block_csum_set(
        filesystem, number, reinterpret_cast<ext3_extent_header*>(buffer.data()));
    if (code == 0) code = ::io_channel_write_blk64(filesystem->io, block, 1, buffer.data());
    if (code != 0) return code;
    entries[written++] = make_index(entries[at].ee_block, block);
  }
  entries.resize(written);
  return 0;
}

}  // namespace

void cut_extents(std::span<const FileExtent> extents, std::vector<ext3_extent>& entries) {
  for (const FileExtent& extent : extents) {
    const std::uint64_t most = extent.written ? EXT_INIT_MAX_LEN : EXT_UNINIT_MAX_LEN;
    for (std::uint64_t at = 0; at < extent.blocks; at += most) {
      const std::uint64_t blocks = std::min(most, extent.blocks - at);
      const std::uint64_t physical = extent.physical + at;
      ext3_extent entry{};
      entry.ee_block = static_cast<std::uint32_t>(extent.logical + at);
      entry.ee_len =
          static_cast<std::uint16_t>(extent.written ? blocks : blocks | EXT_INIT_MAX_LEN);
      entry.ee_start = static_cast<std::uint32_t>(physical);
      entry.ee_start_hi = static_cast<std::uint16_t>(physical >> 32);
      entries.push_back(entry);
    }
  }
}

std::vector<FileExtent> with_unwritten(std::span<const FileExtent> extents,
                                       std::span<const BlockRange> ranges) {
  std::vector<FileExtent> all;
  for (const FileExtent& extent : extents) {
    std::uint64_t at = 0;  // blocks of this extent that are dealt with
    const auto cover = [&](std::uint64_t upto, bool written) {
      if (upto <= at) return;
      all.push_back({extent.logical + at, extent.physical + at, upto - at, written});
      at = upto;
    };
    for (const BlockRange& range : ranges) {
      const std::uint64_t end = range.first + range.blocks;
      if (end <= extent.logical || range.first >= extent.logical + extent.blocks) continue;
      cover(std::max(range.first, extent.logical) - extent.logical, false);
      cover(std::min(end - extent.logical, extent.blocks), true);
    }
    cover(extent.blocks, false);
  }
  return all;
}

errcode_t write_extents(ext2_filsys filesystem, Ext4Space& space, ext2_ino_t number,
                        std::span<const FileExtent> extents, Ext4Inode& inode,
                        std::vector<std::uint64_t>& tree_blocks) {
  std::vector<ext3_extent> entries;
  cut_extents(extents, entries);
  TreeBlocks blocks(space, tree_blocks);
  unsigned depth = 0;
  for (; entries.size() > entries_in_inode; ++depth)
    if (const errcode_t code = write_level(filesystem, number, depth, blocks, entries); code != 0)
      return code;
  blocks.free_the_rest();

  std::memset(inode.large.i_block, 0, sizeof inode.large.i_block);
  auto* root = reinterpret_cast<std::byte*>(inode.large.i_block);
  const ext3_extent_header header = make_header(entries.size(), entries_in_inode, depth);
  std::memcpy(root, &header, sizeof header);
  if (!entries.empty())
    std::memcpy(root + sizeof header, entries.data(), entries.size() * entry_bytes);
  std::uint64_t count = tree_blocks.size();
  for (const FileExtent& extent : extents) count += extent.blocks;
  if (::ext2fs_file_acl_block(filesystem, &inode.small) != 0) ++count;
  return ::ext2fs_iblk_set(filesystem, &inode.small, count);
}

errcode_t read_extents(ext2_filsys filesystem, ext2_ino_t number, Ext4Inode& inode,
                       std::uint64_t from, std::size_t extents_max,
                       std::vector<FileExtent>& extents, bool& complete) {
  extents.clear();
  complete = false;
  ext2_extent_handle_t handle = nullptr;
  errcode_t code = ::ext2fs_extent_open2(filesystem, number, &inode.small, &handle);
  if (code != 0) return code;
  ext2fs_extent found{};
  // `goto` may stand on the extent before a hole, and after it "next" visits once more what lies
  // below each node on the way: only what goes further than all before counts.
  code = ::ext2fs_extent_goto(handle, from);
  if (code == EXT2_ET_EXTENT_NOT_FOUND || code == 0)
    code = ::ext2fs_extent_get(handle, EXT2_EXTENT_CURRENT, &found);
  while (code == 0) {
    const bool leaf = (found.e_flags & EXT2_EXTENT_FLAGS_LEAF) != 0;
    const bool second_visit = (found.e_flags & EXT2_EXTENT_FLAGS_SECOND_VISIT) != 0;
    if (leaf && !second_visit && found.e_lblk + found.e_len > from) {
      const std::uint64_t end = found.e_lblk + found.e_len;
      const bool written = (found.e_flags & EXT2_EXTENT_FLAGS_UNINIT) == 0;
      FileExtent* last = extents.empty() ? nullptr : &extents.back();
      if (last != nullptr && last->logical + last->blocks == found.e_lblk &&
          last->physical + last->blocks == found.e_pblk && last->written == written) {
        last->blocks += found.e_len;
      } else {
        if (extents.size() == extents_max) break;
        extents.push_back({found.e_lblk, found.e_pblk, found.e_len, written});
      }
      from = end;
    }
    code = ::ext2fs_extent_get(handle, EXT2_EXTENT_NEXT, &found);
  }
  ::ext2fs_extent_free(handle);
  complete = code == EXT2_ET_EXTENT_NO_NEXT || code == EXT2_ET_NO_CURRENT_NODE;
  return complete ? 0 : code;
}

}  // namespace holdfast::initiator
