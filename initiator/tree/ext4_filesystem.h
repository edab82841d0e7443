#pragma once

#include <cstdint>
#include <ext2fs/ext2fs.h>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "initiator/tree/ext4_directories.h"
#include "initiator/tree/ext4_extents.h"
#include "initiator/tree/ext4_inode.h"
#include "initiator/tree/ext4_space.h"
#include "initiator/tree/tree.h"
#include "initiator/tree/write_back_cache.h"

namespace holdfast::initiator {

/// Where a file's data lies, and which blocks hold the tree that says so.
struct FileLayout {
  std::vector<FileExtent> extents;
  std::vector<std::uint64_t> tree_blocks;
};

/// An ext4 filesystem on a cache, synchronous: every call is made on the cache's fiber and may wait
/// there. Metadata only; where file data lies it tells, and others carry the bytes.
class Ext4Filesystem {
 public:
  static Result<std::unique_ptr<Ext4Filesystem>> open(WriteBackCache& cache, bool writable);
  ~Ext4Filesystem();
  Ext4Filesystem(const Ext4Filesystem&) = delete;
  Ext4Filesystem& operator=(const Ext4Filesystem&) = delete;

  std::uint64_t free_bytes() const;

  // Writing; what Tree says of each verb holds. A node that cannot be made leaves nothing behind.
  /// mke2fs makes /lost+found, which no source has; e2fsck makes it again when it needs it.
  Status remove_lost_and_found();
  Result<ext2_ino_t> make_directory(ext2_ino_t parent, const std::string& name,
                                    const Attributes& attributes);
  Result<ext2_ino_t> create_file(ext2_ino_t parent, const std::string& name,
                                 const Attributes& attributes, std::span<const DataRange> ranges,
                                 FileLayout& layout);
  /// What `written` does not cover reads as zeros from now on.
  Status leave_unwritten(ext2_ino_t file, FileLayout& layout, std::span<const BlockRange> written);
  Status link(ext2_ino_t node, ext2_ino_t parent, const std::string& name);
  Result<ext2_ino_t> make_symlink(ext2_ino_t parent, const std::string& name,
                                  const std::string& target, const Attributes& attributes);
  Result<ext2_ino_t> make_special(ext2_ino_t parent, const std::string& name,
                                  const Attributes& attributes);
  Status set_attributes(ext2_ino_t node, const Attributes& attributes);
  /// Hands everything to the cache: directories, bitmaps, descriptors, superblock.
  Status flush();

  // Reading.
  Result<std::vector<DirectoryEntry>> read_directory(ext2_ino_t directory);
  Result<Attributes> read_attributes(ext2_ino_t node);
  Result<std::string> read_link(ext2_ino_t node);
  /// The file's size and its extents from block `from` on, at most `extents_max`.
  Status read_layout(ext2_ino_t file, std::uint64_t from, std::size_t extents_max,
                     std::uint64_t& bytes, std::vector<FileExtent>& extents, bool& complete);

 private:
  struct NewNode;

  explicit Ext4Filesystem(ext2_filsys filesystem);

  errcode_t read_inode(ext2_ino_t number, Ext4Inode& inode);
  errcode_t write_inode(ext2_ino_t number, Ext4Inode& inode);
  Status check_change(const Attributes& attributes) const;
  Status check_new(const std::string& name, const Attributes& attributes) const;
  Status begin_node(NewNode& node, const Attributes& attributes);
  Status finish_node(NewNode& node, ext2_ino_t parent, const std::string& name,
                     const Attributes& attributes);
  void abandon_node(NewNode& node);
  Status lay_out(std::span<const DataRange> ranges, std::uint64_t bytes, NewNode& node,
                 FileLayout& layout);
  Status add_link_to_directory(ext2_ino_t directory);
  Status write_long_target(NewNode& node, const std::string& target);

  ext2_filsys filesystem_;
  std::unique_ptr<Ext4Space> space_;              // when writable
  std::unique_ptr<Ext4Directories> directories_;  // when writable
};

}  // namespace holdfast::initiator
