#include "initiator/tree/ext4_directories.h"

#include <algorithm>
#include <cstring>

#include "common/base/check.h"
#include "common/base/units.h"

namespace holdfast::initiator {
namespace {

/// An entry's head as it lies in the block; the name follows.
struct EntryHead {
  std::uint32_t node;
  std::uint16_t entry_bytes;
  std::uint8_t name_bytes;
  std::uint8_t type;
};
static_assert(sizeof(EntryHead) == 8);

EntryHead head_at(const Buffer& buffer, std::size_t at) {
  EntryHead head;
  std::memcpy(&head, buffer.data() + at, sizeof head);
  return head;
}

void put_head(Buffer& buffer, std::size_t at, const EntryHead& head) {
  std::memcpy(buffer.data() + at, &head, sizeof head);
}

std::size_t bytes_for(std::size_t name_bytes) {
  return round_up(sizeof(EntryHead) + name_bytes, 4);
}

/// What an entry needs at least: one without a node is free whole.
std::size_t bytes_needed(const EntryHead& head) {
  return head.node == 0 ? 0 : bytes_for(head.name_bytes);
}

std::size_t usable_bytes(ext2_filsys filesystem) {
  const bool checksums = ::ext2fs_has_feature_metadata_csum(filesystem->super) != 0;
  return filesystem->blocksize - (checksums ? sizeof(ext2_dir_entry_tail) : 0);
}

}  // namespace

Ext4Directories::Ext4Directories(ext2_filsys filesystem, Ext4Space& space)
    : filesystem_(filesystem), space_(space), usable_(usable_bytes(filesystem)) {
  open_.reserve(open_max);
}

errcode_t Ext4Directories::begin(ext2_ino_t directory, ext2_ino_t parent, std::uint64_t block) {
  Open* open = nullptr;
  if (const errcode_t code = place_for(directory, open); code != 0) return code;
  open->block = block;
  open->logical = 0;
  clear_block(*open);
  const bool fits =
      append(*open, ".", directory, EXT2_FT_DIR) && append(*open, "..", parent, EXT2_FT_DIR);
  CHECK(fits);
  return 0;
}

errcode_t Ext4Directories::add(ext2_ino_t directory, std::string_view name, ext2_ino_t node,
                               std::uint8_t type) {
  Open* opened = nullptr;
  if (const errcode_t code = open(directory, opened); code != 0) return code;
  if (append(*opened, name, node, type)) return 0;
  if (const errcode_t code = write(*opened); code != 0) return code;
  if (const errcode_t code = grow(*opened); code != 0) return code;
  const bool fits = append(*opened, name, node, type);
  CHECK(fits);
  return 0;
}

errcode_t Ext4Directories::write_out() {
  for (Open& open : open_)
    if (const errcode_t code = write(open); code != 0) return code;
  return 0;
}

void Ext4Directories::drop(ext2_ino_t directory) {
  for (Open& open : open_) {
    if (open.directory != directory) continue;
    open.directory = 0;
    open.dirty = false;
    open.used_at = 0;
  }
}

errcode_t Ext4Directories::open(ext2_ino_t directory, Open*& opened) {
  for (Open& open : open_) {
    if (open.directory != directory) continue;
    open.used_at = ++uses_;
    opened = &open;
    return 0;
  }
  if (const errcode_t code = place_for(directory, opened); code != 0) return code;
  const errcode_t code = load_last_block(*opened);
  if (code != 0) drop(directory);
  return code;
}

errcode_t Ext4Directories::place_for(ext2_ino_t directory, Open*& place) {
  if (open_.size() < open_max) {
    place = &open_.emplace_back();
    place->buffer = Buffer(filesystem_->blocksize);
  } else {
    place = &*std::min_element(open_.begin(), open_.end(),
                               [](const Open& a, const Open& b) { return a.used_at < b.used_at; });
    if (const errcode_t code = write(*place); code != 0) return code;
  }
  place->directory = directory;
  place->used_at = ++uses_;
  place->dirty = false;
  return 0;
}

errcode_t Ext4Directories::load_last_block(Open& open) {
  ext2_inode inode{};
  errcode_t code = ::ext2fs_read_inode(filesystem_, open.directory, &inode);
  if (code != 0) return code;
  const std::uint64_t bytes = EXT2_I_SIZE(&inode);
  if (!LINUX_S_ISDIR(inode.i_mode) || bytes < filesystem_->blocksize) return EXT2_ET_NO_DIRECTORY;
  open.logical = bytes / filesystem_->blocksize - 1;
  blk64_t block = 0;
  code = ::ext2fs_bmap2(filesystem_, open.directory, &inode, nullptr, 0, open.logical, nullptr,
                        &block);
  if (code != 0) return code;
  open.block = block;
  code = ::ext2fs_read_dir_block4(filesystem_, block, open.buffer.data(), 0, open.directory);
  if (code != 0) return code;
  std::size_t at = 0;
  for (;;) {
    const EntryHead head = head_at(open.buffer, at);
    if (head.entry_bytes < sizeof head || at + head.entry_bytes > usable_)
      return EXT2_ET_DIR_CORRUPTED;
    if (at + head.entry_bytes == usable_) break;
    at += head.entry_bytes;
  }
  open.last = at;
  return 0;
}

errcode_t Ext4Directories::write(Open& open) {
  if (!open.dirty) return 0;
  errcode_t code = ::ext2fs_dir_block_csum_set(
      filesystem_, open.directory, reinterpret_cast<ext2_dir_entry*>(open.buffer.data()));
  if (code == 0)
    code = ::io_channel_write_blk64(filesystem_->io, open.block, 1, open.buffer.data());
  if (code == 0) open.dirty = false;
  return code;
}

errcode_t Ext4Directories::grow(Open& open) {
  ext2_inode inode{};
  errcode_t code = ::ext2fs_read_inode(filesystem_, open.directory, &inode);
  if (code != 0) return code;
  std::uint64_t taken = 0;
  code = space_.take_metadata_block(taken);
  if (code != 0) return code;
  blk64_t block = taken;
  code = ::ext2fs_bmap2(filesystem_, open.directory, &inode, nullptr, BMAP_SET, open.logical + 1,
                        nullptr, &block);
  if (code == 0) code = ::ext2fs_iblk_add_blocks(filesystem_, &inode, 1);
  if (code == 0)
    code =
        ::ext2fs_inode_size_set(filesystem_, &inode, (open.logical + 2) * filesystem_->blocksize);
  if (code == 0) code = ::ext2fs_write_inode(filesystem_, open.directory, &inode);
  if (code != 0) return code;
  open.block = taken;
  ++open.logical;
  clear_block(open);
  return 0;
}

void Ext4Directories::clear_block(Open& open) {
  std::memset(open.buffer.data(), 0, open.buffer.size());
  put_head(open.buffer, 0, {0, static_cast<std::uint16_t>(usable_), 0, 0});
  open.last = 0;
  open.dirty = true;
  if (usable_ == filesystem_->blocksize) return;
  ::ext2fs_initialize_dirent_tail(
      filesystem_, reinterpret_cast<ext2_dir_entry_tail*>(open.buffer.data() + usable_));
}

bool Ext4Directories::append(Open& open, std::string_view name, ext2_ino_t node,
                             std::uint8_t type) {
  EntryHead last = head_at(open.buffer, open.last);
  const std::size_t kept = bytes_needed(last);
  if (last.entry_bytes < kept + bytes_for(name.size())) return false;
  const std::size_t at = open.last + kept;
  const EntryHead head{node, static_cast<std::uint16_t>(last.entry_bytes - kept),
                       static_cast<std::uint8_t>(name.size()), type};
  if (kept > 0) {
    last.entry_bytes = static_cast<std::uint16_t>(kept);
    put_head(open.buffer, open.last, last);
  }
  put_head(open.buffer, at, head);
  std::memcpy(open.buffer.data() + at + sizeof head, name.data(), name.size());
  open.last = at;
  open.dirty = true;
  return true;
}

}  // namespace holdfast::initiator
