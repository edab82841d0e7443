#include <cerrno>
#include <cstring>
#include <sys/stat.h>

#include "initiator/tree/ext4_filesystem.h"
#include "initiator/tree/ext4_library.h"
#include "initiator/tree/ext4_xattrs.h"

// The half of Ext4Filesystem that reads back.

namespace holdfast::initiator {
namespace {

int collect_entry(ext2_dir_entry* entry, int, int, char*, void* into) {
  const auto bytes = static_cast<std::size_t>(::ext2fs_dirent_name_len(entry));
  const std::string_view name(entry->name, bytes);
  if (entry->inode == 0 || name == "." || name == "..") return 0;
  const auto type = static_cast<std::uint8_t>(::ext2fs_dirent_file_type(entry));
  static_cast<std::vector<DirectoryEntry>*>(into)->push_back(
      {std::string(name), NodeId{entry->inode}, mode_of_entry_type(type)});
  return 0;
}

}  // namespace

Result<std::vector<DirectoryEntry>> Ext4Filesystem::read_directory(ext2_ino_t directory) {
  if (directories_ != nullptr)
    if (const errcode_t code = directories_->write_out(); code != 0)
      return ext4_error(code, "write the open directories");
  std::vector<DirectoryEntry> entries;
  std::vector<char> buffer(filesystem_->blocksize);
  const errcode_t code =
      ::ext2fs_dir_iterate(filesystem_, directory, 0, buffer.data(), &collect_entry, &entries);
  if (code != 0) return ext4_error(code, "read the directory");
  return entries;
}

Result<Attributes> Ext4Filesystem::read_attributes(ext2_ino_t node) {
  Ext4Inode inode;
  const errcode_t code = read_inode(node, inode);
  if (code != 0) return ext4_error(code, "read the inode");
  if (inode.large.i_links_count == 0)
    return Error{ErrorKind::invalid_input, ENOENT, "read the inode: it is not in use"};
  Attributes attributes = decode_attributes(inode.large);
  if (Status read = read_xattrs(filesystem_, node, attributes.xattrs); !read) return read.error();
  return attributes;
}

Result<std::string> Ext4Filesystem::read_link(ext2_ino_t node) {
  Ext4Inode inode;
  errcode_t code = read_inode(node, inode);
  if (code != 0) return ext4_error(code, "read the inode");
  const std::size_t bytes = inode.large.i_size;
  if (!S_ISLNK(inode.large.i_mode) || bytes >= filesystem_->blocksize)
    return Error{ErrorKind::invalid_input, EINVAL, "read the symlink: it is none"};
  if (::ext2fs_is_fast_symlink(&inode.small) != 0)
    return std::string(reinterpret_cast<const char*>(inode.large.i_block),
                       std::min(bytes, sizeof inode.large.i_block));
  blk64_t block = 0;
  code = ::ext2fs_bmap2(filesystem_, node, &inode.small, nullptr, 0, 0, nullptr, &block);
  std::string target(filesystem_->blocksize, '\0');
  if (code == 0) code = ::io_channel_read_blk64(filesystem_->io, block, 1, target.data());
  if (code != 0) return ext4_error(code, "read the symlink");
  target.resize(bytes);
  return target;
}

Status Ext4Filesystem::read_layout(ext2_ino_t file, std::uint64_t from, std::size_t extents_max,
                                   std::uint64_t& bytes, std::vector<FileExtent>& extents,
                                   bool& complete) {
  Ext4Inode inode;
  errcode_t code = read_inode(file, inode);
  if (code != 0) return ext4_error(code, "read the inode");
  if (!S_ISREG(inode.large.i_mode) || (inode.large.i_flags & EXT4_EXTENTS_FL) == 0)
    return Error{ErrorKind::invalid_input, EINVAL, "read the file: it is no regular file of ours"};
  bytes = EXT2_I_SIZE(&inode.small);
  code = read_extents(filesystem_, file, inode, from, extents_max, extents, complete);
  if (code != 0) return ext4_error(code, "read the file's extents");
  const std::uint64_t end = ::ext2fs_blocks_count(filesystem_->super);
  for (const FileExtent& extent : extents)
    if (extent.physical >= end || extent.blocks > end - extent.physical)
      return ext4_error(EXT2_ET_EXTENT_LEAF_BAD, "read the file's extents");
  return {};
}

}  // namespace holdfast::initiator
