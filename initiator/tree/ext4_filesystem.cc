#include "initiator/tree/ext4_filesystem.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sys/stat.h>
#include <time.h>
#include <utility>

#include "common/base/check.h"
#include "initiator/tree/ext4_channel.h"
#include "initiator/tree/ext4_library.h"
#include "initiator/tree/ext4_xattrs.h"

namespace holdfast::initiator {
namespace {

/// The kernel's EXT4_LINK_MAX; a directory beyond it says 1, for "many" (feature dir_nlink).
constexpr std::uint32_t links_max = 65000;
/// A shorter target lies in the inode.
constexpr std::size_t fast_target_bytes = sizeof(ext2_inode::i_block);
/// A file's blocks are numbered with 32 bits, and the last number is not used.
constexpr std::uint64_t file_blocks_max = 0xFFFF'FFFF;

FileTime now() {
  timespec time{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &time);
  return {time.tv_sec, static_cast<std::uint32_t>(time.tv_nsec)};
}

}  // namespace

/// A node in the making, with what it has taken so far.
struct Ext4Filesystem::NewNode {
  ext2_ino_t number = 0;
  bool directory = false;
  Ext4Inode inode;
  std::vector<BlockRun> runs;              // of data
  std::vector<std::uint64_t> tree_blocks;  // of extents
};

Result<std::unique_ptr<Ext4Filesystem>> Ext4Filesystem::open(WriteBackCache& cache, bool writable) {
  ext2_filsys filesystem = nullptr;
  const int flags = EXT2_FLAG_64BITS | (writable ? EXT2_FLAG_RW : 0);
  errcode_t code = open_through_cache(cache, flags, &filesystem);
  if (code != 0) return ext4_error(code, "open the filesystem");
  std::unique_ptr<Ext4Filesystem> opened(new Ext4Filesystem(filesystem));
  const ext2_super_block* super = filesystem->super;
  if (!::ext2fs_has_feature_extents(filesystem->super) ||
      EXT2_INODE_SIZE(super) != sizeof(Ext4Inode) || filesystem->blocksize != cache.block_bytes() ||
      ::ext2fs_has_feature_bigalloc(filesystem->super) ||
      ::ext2fs_has_feature_inline_data(filesystem->super))
    return Error{ErrorKind::refused, EOPNOTSUPP,
                 "open the filesystem: it is not of the kind that this program makes"};
  if (!writable) return opened;
  // Trees of ranges: a new filesystem has few, and a search passes a full group in one step.
  filesystem->default_bitmap_type = EXT2FS_BMAP64_RBTREE;
  code = ::ext2fs_read_bitmaps(filesystem);
  if (code != 0) return ext4_error(code, "read the bitmaps");
  opened->space_ = std::make_unique<Ext4Space>(filesystem, cache);
  opened->directories_ = std::make_unique<Ext4Directories>(filesystem, *opened->space_);
  return opened;
}

Ext4Filesystem::Ext4Filesystem(ext2_filsys filesystem) : filesystem_(filesystem) {
}

Ext4Filesystem::~Ext4Filesystem() {
  if (filesystem_ != nullptr) ::ext2fs_free(filesystem_);
}

std::uint64_t Ext4Filesystem::free_bytes() const {
  return ::ext2fs_free_blocks_count(filesystem_->super) * filesystem_->blocksize;
}

errcode_t Ext4Filesystem::read_inode(ext2_ino_t number, Ext4Inode& inode) {
  return ::ext2fs_read_inode_full(filesystem_, number, &inode.small, sizeof inode);
}

errcode_t Ext4Filesystem::write_inode(ext2_ino_t number, Ext4Inode& inode) {
  return ::ext2fs_write_inode_full(filesystem_, number, &inode.small, sizeof inode);
}

// Making nodes.

Status Ext4Filesystem::check_change(const Attributes& attributes) const {
  if (directories_ == nullptr)
    return Error{ErrorKind::refused, EROFS, "the filesystem was opened for reading"};
  for (const auto& [key, value] : attributes.xattrs)
    if (Status allowed = check_xattr_name(key); !allowed) return allowed;
  return {};
}

Status Ext4Filesystem::check_new(const std::string& name, const Attributes& attributes) const {
  if (name.size() > EXT2_NAME_LEN)
    return Error{ErrorKind::refused, ENAMETOOLONG, "the name is longer than 255 bytes"};
  if (name.empty() || name.find('/') != std::string::npos || name.find('\0') != std::string::npos)
    return Error{ErrorKind::invalid_input, EINVAL, "the name is not that of an entry"};
  return check_change(attributes);
}

Status Ext4Filesystem::begin_node(NewNode& node, const Attributes& attributes) {
  node.directory = S_ISDIR(attributes.mode);
  if (const errcode_t code = space_->take_inode(node.directory, node.number); code != 0) {
    node.number = 0;
    return ext4_error(code, "find a free inode");
  }
  ext2_inode_large& inode = node.inode.large;
  inode.i_extra_isize = sizeof(ext2_inode_large) - EXT2_GOOD_OLD_INODE_SIZE;
  inode.i_links_count = node.directory ? 2 : 1;
  encode_attributes(attributes, inode);
  stamp(now(), true, inode);
  return {};
}

Status Ext4Filesystem::finish_node(NewNode& node, ext2_ino_t parent, const std::string& name,
                                   const Attributes& attributes) {
  errcode_t code = write_inode(node.number, node.inode);
  if (code != 0) return ext4_error(code, "write an inode");
  if (!attributes.xattrs.empty())
    if (Status written = write_xattrs(filesystem_, node.number, attributes.xattrs); !written)
      return written;
  code = directories_->add(parent, name, node.number, entry_type(attributes.mode));
  if (code != 0) return ext4_error(code, "add an entry to the directory");
  return {};
}

void Ext4Filesystem::abandon_node(NewNode& node) {
  if (node.number == 0) return;
  if (node.directory) directories_->drop(node.number);
  // What write_xattrs took is in the inode on the device, not in ours.
  Ext4Inode inode;
  if (read_inode(node.number, inode) == 0)
    if (const std::uint64_t block = ::ext2fs_file_acl_block(filesystem_, &inode.small); block != 0)
      space_->give_back({block, 1});
  for (const BlockRun& run : node.runs) space_->give_back(run);
  for (const std::uint64_t block : node.tree_blocks) space_->give_back({block, 1});
  Ext4Inode gone;
  gone.large.i_dtime = static_cast<std::uint32_t>(now().seconds);
  static_cast<void>(write_inode(node.number, gone));
  space_->give_back_inode(node.number, node.directory);
}

Result<ext2_ino_t> Ext4Filesystem::make_directory(ext2_ino_t parent, const std::string& name,
                                                  const Attributes& attributes) {
  if (Status allowed = check_new(name, attributes); !allowed) return allowed.error();
  NewNode node;
  const auto make = [&]() -> Status {
    if (Status begun = begin_node(node, attributes); !begun) return begun;
    std::uint64_t block = 0;
    errcode_t code = space_->take_metadata_block(block);
    if (code != 0) return ext4_error(code, "find a free block");
    node.runs.push_back({block, 1});
    const FileExtent extent{0, block, 1, true};
    node.inode.large.i_flags = EXT4_EXTENTS_FL;
    node.inode.large.i_size = filesystem_->blocksize;
    code = write_extents(filesystem_, *space_, node.number, std::span(&extent, 1), node.inode,
                         node.tree_blocks);
    if (code == 0) code = directories_->begin(node.number, parent, block);
    if (code != 0) return ext4_error(code, "begin the directory");
    if (Status finished = finish_node(node, parent, name, attributes); !finished) return finished;
    return add_link_to_directory(parent);
  };
  if (Status made = make(); !made) {
    abandon_node(node);
    return made.error();
  }
  return node.number;
}

Status Ext4Filesystem::add_link_to_directory(ext2_ino_t directory) {
  Ext4Inode inode;
  errcode_t code = read_inode(directory, inode);
  if (code == 0 && inode.large.i_links_count != 1) {
    if (++inode.large.i_links_count >= links_max) inode.large.i_links_count = 1;
    code = write_inode(directory, inode);
  }
  if (code != 0) return ext4_error(code, "count the directory's links");
  return {};
}

Result<ext2_ino_t> Ext4Filesystem::create_file(ext2_ino_t parent, const std::string& name,
                                               const Attributes& attributes,
                                               std::span<const DataRange> ranges,
                                               FileLayout& layout) {
  if (Status allowed = check_new(name, attributes); !allowed) return allowed.error();
  NewNode node;
  const auto make = [&]() -> Status {
    if (Status begun = begin_node(node, attributes); !begun) return begun;
    if (Status laid_out = lay_out(ranges, attributes.bytes, node, layout); !laid_out)
      return laid_out;
    return finish_node(node, parent, name, attributes);
  };
  if (Status made = make(); !made) {
    abandon_node(node);
    return made.error();
  }
  layout.tree_blocks = std::move(node.tree_blocks);
  return node.number;
}

Status Ext4Filesystem::lay_out(std::span<const DataRange> ranges, std::uint64_t bytes,
                               NewNode& node, FileLayout& layout) {
  const std::uint64_t block_size = filesystem_->blocksize;
  if (bytes > file_blocks_max * block_size)
    return Error{ErrorKind::refused, EFBIG, "the file is larger than ext4 allows"};
  std::uint64_t blocks = 0;
  std::uint64_t end = 0;
  for (const DataRange& range : ranges) {
    if (range.offset % block_size != 0 || range.offset < end || range.bytes > bytes ||
        range.offset > bytes - range.bytes)
      return Error{ErrorKind::invalid_input, EINVAL, "the data ranges do not fit the file"};
    blocks += (range.bytes + block_size - 1) / block_size;
    end = range.offset + range.bytes;
  }
  errcode_t code = space_->take_blocks(blocks, node.runs);
  if (code != 0) return ext4_error(code, "lay out the file");

  layout.extents.clear();
  std::size_t run = 0;
  std::uint64_t run_used = 0;
  for (const DataRange& range : ranges) {
    std::uint64_t logical = range.offset / block_size;
    std::uint64_t left = (range.bytes + block_size - 1) / block_size;
    while (left > 0) {
      const std::uint64_t take = std::min(left, node.runs[run].blocks - run_used);
      layout.extents.push_back({logical, node.runs[run].first + run_used, take, true});
      logical += take;
      left -= take;
      run_used += take;
      if (run_used < node.runs[run].blocks) continue;
      ++run;
      run_used = 0;
    }
  }
  node.inode.large.i_flags = EXT4_EXTENTS_FL;
  code = ::ext2fs_inode_size_set(filesystem_, &node.inode.small, static_cast<ext2_off64_t>(bytes));
  if (code == 0)
    code = write_extents(filesystem_, *space_, node.number, layout.extents, node.inode,
                         node.tree_blocks);
  if (code != 0) return ext4_error(code, "lay out the file");
  return {};
}

Status Ext4Filesystem::leave_unwritten(ext2_ino_t file, FileLayout& layout,
                                       std::span<const BlockRange> written) {
  Ext4Inode inode;
  errcode_t code = read_inode(file, inode);
  const std::vector<FileExtent> extents = with_unwritten(layout.extents, written);
  if (code == 0)
    code = write_extents(filesystem_, *space_, file, extents, inode, layout.tree_blocks);
  if (code == 0) code = write_inode(file, inode);
  if (code != 0) return ext4_error(code, "mark what was not written");
  return {};
}

Status Ext4Filesystem::link(ext2_ino_t node, ext2_ino_t parent, const std::string& name) {
  if (Status allowed = check_new(name, {}); !allowed) return allowed;
  Ext4Inode inode;
  errcode_t code = read_inode(node, inode);
  if (code != 0) return ext4_error(code, "read the inode");
  if (inode.large.i_links_count >= links_max)
    return Error{ErrorKind::refused, EMLINK, "the file has as many names as ext4 allows"};
  code = directories_->add(parent, name, node, entry_type(inode.large.i_mode));
  if (code != 0) return ext4_error(code, "add an entry to the directory");
  ++inode.large.i_links_count;
  stamp(now(), false, inode.large);
  code = write_inode(node, inode);
  if (code != 0) return ext4_error(code, "write the inode");
  return {};
}

Result<ext2_ino_t> Ext4Filesystem::make_symlink(ext2_ino_t parent, const std::string& name,
                                                const std::string& target,
                                                const Attributes& attributes) {
  if (Status allowed = check_new(name, attributes); !allowed) return allowed.error();
  // A NUL follows the target in its block.
  if (target.empty() || target.size() >= filesystem_->blocksize)
    return Error{ErrorKind::refused, ENAMETOOLONG, "the symlink's target has an impossible length"};
  NewNode node;
  const auto make = [&]() -> Status {
    if (Status begun = begin_node(node, attributes); !begun) return begun;
    node.inode.large.i_size = static_cast<std::uint32_t>(target.size());
    if (target.size() < fast_target_bytes)
      std::memcpy(node.inode.large.i_block, target.data(), target.size());
    else if (Status written = write_long_target(node, target); !written)
      return written;
    return finish_node(node, parent, name, attributes);
  };
  if (Status made = make(); !made) {
    abandon_node(node);
    return made.error();
  }
  return node.number;
}

Status Ext4Filesystem::write_long_target(NewNode& node, const std::string& target) {
  std::uint64_t block = 0;
  errcode_t code = space_->take_metadata_block(block);
  if (code != 0) return ext4_error(code, "find a free block");
  node.runs.push_back({block, 1});
  std::vector<char> bytes(filesystem_->blocksize);
  std::copy(target.begin(), target.end(), bytes.begin());
  code = ::io_channel_write_blk64(filesystem_->io, block, 1, bytes.data());
  const FileExtent extent{0, block, 1, true};
  node.inode.large.i_flags = EXT4_EXTENTS_FL;
  if (code == 0)
    code = write_extents(filesystem_, *space_, node.number, std::span(&extent, 1), node.inode,
                         node.tree_blocks);
  if (code != 0) return ext4_error(code, "write the symlink's target");
  return {};
}

Result<ext2_ino_t> Ext4Filesystem::make_special(ext2_ino_t parent, const std::string& name,
                                                const Attributes& attributes) {
  if (Status allowed = check_new(name, attributes); !allowed) return allowed.error();
  NewNode node;
  const auto make = [&]() -> Status {
    if (Status begun = begin_node(node, attributes); !begun) return begun;
    if (S_ISCHR(attributes.mode) || S_ISBLK(attributes.mode))
      encode_device(attributes.device, node.inode.large);
    return finish_node(node, parent, name, attributes);
  };
  if (Status made = make(); !made) {
    abandon_node(node);
    return made.error();
  }
  return node.number;
}

Status Ext4Filesystem::set_attributes(ext2_ino_t node, const Attributes& attributes) {
  if (Status allowed = check_change(attributes); !allowed) return allowed;
  Ext4Inode inode;
  errcode_t code = read_inode(node, inode);
  if (code != 0) return ext4_error(code, "read the inode");
  Attributes kept = attributes;
  kept.mode =
      (attributes.mode & ~static_cast<std::uint32_t>(S_IFMT)) | (inode.large.i_mode & S_IFMT);
  encode_attributes(kept, inode.large);
  stamp(now(), false, inode.large);
  code = write_inode(node, inode);
  if (code != 0) return ext4_error(code, "write the inode");
  return write_xattrs(filesystem_, node, attributes.xattrs);
}

Status Ext4Filesystem::remove_lost_and_found() {
  ext2_ino_t number = 0;
  constexpr char name[] = "lost+found";
  errcode_t code =
      ::ext2fs_lookup(filesystem_, EXT2_ROOT_INO, name, sizeof name - 1, nullptr, &number);
  if (code == EXT2_ET_FILE_NOT_FOUND) return {};
  Ext4Inode inode;
  if (code == 0) code = ::ext2fs_unlink(filesystem_, EXT2_ROOT_INO, name, number, 0);
  if (code == 0) code = read_inode(number, inode);
  if (code == 0) code = ::ext2fs_punch(filesystem_, number, &inode.small, nullptr, 0, ~0ULL);
  if (code == 0) {
    Ext4Inode gone;
    gone.large.i_dtime = static_cast<std::uint32_t>(now().seconds);
    code = write_inode(number, gone);
    ::ext2fs_inode_alloc_stats2(filesystem_, number, -1, 1);
  }
  if (code == 0) code = read_inode(EXT2_ROOT_INO, inode);
  if (code == 0) {
    --inode.large.i_links_count;
    code = write_inode(EXT2_ROOT_INO, inode);
  }
  if (code != 0) return ext4_error(code, "remove lost+found");
  return {};
}

Status Ext4Filesystem::flush() {
  if (directories_ == nullptr) return {};
  errcode_t code = directories_->write_out();
  // It would put the time into the superblock even if nothing else has changed.
  constexpr int changed = EXT2_FLAG_DIRTY | EXT2_FLAG_BB_DIRTY | EXT2_FLAG_IB_DIRTY;
  if (code == 0 && (filesystem_->flags & changed) != 0)
    code = ::ext2fs_flush2(filesystem_, EXT2_FLAG_FLUSH_NO_SYNC);
  if (code != 0) return ext4_error(code, "write the filesystem's bitmaps and descriptors");
  return {};
}

}  // namespace holdfast::initiator
