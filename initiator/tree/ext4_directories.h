#pragma once

#include <cstddef>
#include <cstdint>
#include <ext2fs/ext2fs.h>
#include <string_view>
#include <vector>

#include "common/runtime/buffer.h"
#include "initiator/tree/ext4_space.h"

namespace holdfast::initiator {

/// The directories that names are added to. Of each the last block is kept here with the place of
/// its last entry, so that a name costs the same in a directory of ten and of a hundred thousand; a
/// block is written when it is full, when its place here is needed, and by `write_out`. Directories
/// are linear: the kernel and e2fsck take them as they are, indexed or not.
class Ext4Directories {
 public:
  /// As many directories as are held open at once; the least lately used one is written and let go.
  static constexpr std::size_t open_max = 64;

  Ext4Directories(ext2_filsys filesystem, Ext4Space& space);
  Ext4Directories(const Ext4Directories&) = delete;
  Ext4Directories& operator=(const Ext4Directories&) = delete;

  /// Begins a directory whose first block is `block`, with its "." and "..".
  errcode_t begin(ext2_ino_t directory, ext2_ino_t parent, std::uint64_t block);
  /// Adds an entry; `type` is EXT2_FT_…. The name is not there yet. A new block may change the
  /// directory's inode.
  errcode_t add(ext2_ino_t directory, std::string_view name, ext2_ino_t node, std::uint8_t type);
  /// Hands what is kept here to the cache.
  errcode_t write_out();
  /// Lets a directory go that was begun and is not to be.
  void drop(ext2_ino_t directory);

 private:
  struct Open {
    ext2_ino_t directory = 0;
    std::uint64_t block = 0;    // the last one's place
    std::uint64_t logical = 0;  // and its number within the directory
    std::size_t last = 0;       // where its last entry begins
    std::uint64_t used_at = 0;
    bool dirty = false;
    Buffer buffer;
  };

  errcode_t open(ext2_ino_t directory, Open*& opened);
  errcode_t place_for(ext2_ino_t directory, Open*& place);
  errcode_t load_last_block(Open& open);
  errcode_t write(Open& open);
  errcode_t grow(Open& open);
  void clear_block(Open& open);
  bool append(Open& open, std::string_view name, ext2_ino_t node, std::uint8_t type);

  ext2_filsys filesystem_;
  Ext4Space& space_;
  const std::size_t usable_;  // bytes of a block, without the checksum at its end
  std::vector<Open> open_;
  std::uint64_t uses_ = 0;
};

}  // namespace holdfast::initiator
