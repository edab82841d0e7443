#include "initiator/tree/ext4_inode.h"

#include <algorithm>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace holdfast::initiator {
namespace {

constexpr std::int64_t seconds_min = -(std::int64_t{1} << 31);
constexpr std::int64_t seconds_max = (std::int64_t{1} << 34) - (std::int64_t{1} << 31) - 1;

struct TypePair {
  std::uint8_t type;
  std::uint32_t mode;
};
constexpr TypePair type_pairs[] = {
    {EXT2_FT_REG_FILE, S_IFREG}, {EXT2_FT_DIR, S_IFDIR},  {EXT2_FT_CHRDEV, S_IFCHR},
    {EXT2_FT_BLKDEV, S_IFBLK},   {EXT2_FT_FIFO, S_IFIFO}, {EXT2_FT_SOCK, S_IFSOCK},
    {EXT2_FT_SYMLINK, S_IFLNK},
};

}  // namespace

Ext4Time encode_time(const FileTime& time) {
  FileTime nearest = time;
  if (time.seconds < seconds_min) nearest = {seconds_min, 0};
  if (time.seconds > seconds_max) nearest = {seconds_max, 999'999'999};
  // The low word is signed, so the two high bits count from where it left off.
  const auto low = static_cast<std::int32_t>(static_cast<std::uint32_t>(nearest.seconds));
  const auto epoch = static_cast<std::uint32_t>((nearest.seconds - low) >> 32) & EXT4_EPOCH_MASK;
  return {static_cast<std::uint32_t>(low), nearest.nanoseconds << EXT4_EPOCH_BITS | epoch};
}

FileTime decode_time(const Ext4Time& time) {
  const auto low = static_cast<std::int32_t>(time.seconds);
  const std::int64_t epoch = time.extra & EXT4_EPOCH_MASK;
  return {low + (epoch << 32), time.extra >> EXT4_EPOCH_BITS};
}

void encode_attributes(const Attributes& attributes, ext2_inode_large& inode) {
  inode.i_mode = static_cast<std::uint16_t>(attributes.mode);
  inode.i_uid = static_cast<std::uint16_t>(attributes.uid);
  inode.osd2.linux2.l_i_uid_high = static_cast<std::uint16_t>(attributes.uid >> 16);
  inode.i_gid = static_cast<std::uint16_t>(attributes.gid);
  inode.osd2.linux2.l_i_gid_high = static_cast<std::uint16_t>(attributes.gid >> 16);
  const Ext4Time accessed = encode_time(attributes.accessed);
  inode.i_atime = accessed.seconds;
  inode.i_atime_extra = accessed.extra;
  const Ext4Time modified = encode_time(attributes.modified);
  inode.i_mtime = modified.seconds;
  inode.i_mtime_extra = modified.extra;
}

Attributes decode_attributes(const ext2_inode_large& inode) {
  Attributes attributes;
  attributes.mode = inode.i_mode;
  attributes.uid = inode.i_uid | static_cast<std::uint32_t>(inode.osd2.linux2.l_i_uid_high) << 16;
  attributes.gid = inode.i_gid | static_cast<std::uint32_t>(inode.osd2.linux2.l_i_gid_high) << 16;
  attributes.accessed = decode_time({inode.i_atime, inode.i_atime_extra});
  attributes.modified = decode_time({inode.i_mtime, inode.i_mtime_extra});
  attributes.links = inode.i_links_count;
  if (S_ISREG(inode.i_mode))
    attributes.bytes = inode.i_size | static_cast<std::uint64_t>(inode.i_size_high) << 32;
  if (S_ISCHR(inode.i_mode) || S_ISBLK(inode.i_mode)) attributes.device = decode_device(inode);
  return attributes;
}

void stamp(const FileTime& now, bool born, ext2_inode_large& inode) {
  const Ext4Time changed = encode_time(now);
  inode.i_ctime = changed.seconds;
  inode.i_ctime_extra = changed.extra;
  if (!born) return;
  inode.i_crtime = changed.seconds;
  inode.i_crtime_extra = changed.extra;
}

void encode_device(std::uint64_t device, ext2_inode_large& inode) {
  const std::uint32_t high = ::gnu_dev_major(device);
  const std::uint32_t low = ::gnu_dev_minor(device);
  if (high < 256 && low < 256) {
    inode.i_block[0] = high << 8 | low;
    return;
  }
  inode.i_block[1] = (low & 0xFF) | high << 8 | (low & ~0xFFU) << 12;
}

std::uint64_t decode_device(const ext2_inode_large& inode) {
  if (inode.i_block[0] != 0)
    return ::gnu_dev_makedev(inode.i_block[0] >> 8 & 0xFF, inode.i_block[0] & 0xFF);
  const std::uint32_t word = inode.i_block[1];
  return ::gnu_dev_makedev((word & 0xFFF00) >> 8, (word & 0xFF) | (word >> 12 & 0xFFF00));
}

std::uint8_t entry_type(std::uint32_t mode) {
  for (const TypePair& pair : type_pairs)
    if (pair.mode == (mode & S_IFMT)) return pair.type;
  return EXT2_FT_UNKNOWN;
}

std::uint32_t mode_of_entry_type(std::uint8_t type) {
  for (const TypePair& pair : type_pairs)
    if (pair.type == type) return pair.mode;
  return 0;
}

}  // namespace holdfast::initiator
