#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <ext2fs/ext2_fs.h>
#include <ext2fs/ext2fs.h>

#include "initiator/tree/tree.h"

namespace holdfast::initiator {

/// An inode of 256 bytes as it lies on the device; what the structure does not name holds xattrs.
union Ext4Inode {
  ext2_inode_large large;
  ext2_inode small;
  std::array<std::byte, 256> bytes;

  Ext4Inode() : bytes{} {}
};
static_assert(sizeof(Ext4Inode) == 256);

/// Two words of an inode: seconds, and nanoseconds with the two bits that carry the seconds past
/// 2038 to 2446. What lies outside is moved to the nearest end.
struct Ext4Time {
  std::uint32_t seconds = 0;
  std::uint32_t extra = 0;
};
Ext4Time encode_time(const FileTime& time);
FileTime decode_time(const Ext4Time& time);

/// Mode, owner, access and modification time.
void encode_attributes(const Attributes& attributes, ext2_inode_large& inode);
/// The same, and size, links and the device of a device node; not the xattrs.
Attributes decode_attributes(const ext2_inode_large& inode);

/// Sets the time of change, and that of birth if `born`.
void stamp(const FileTime& now, bool born, ext2_inode_large& inode);

/// makedev() numbers, short where they fit and long otherwise, as the kernel stores them.
void encode_device(std::uint64_t device, ext2_inode_large& inode);
std::uint64_t decode_device(const ext2_inode_large& inode);

/// The file type of a directory entry, EXT2_FT_…, and back to S_IFMT bits.
std::uint8_t entry_type(std::uint32_t mode);
std::uint32_t mode_of_entry_type(std::uint8_t type);

}  // namespace holdfast::initiator
