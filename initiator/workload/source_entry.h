#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <sys/types.h>
#include <vector>

#include "common/runtime/event.h"
#include "common/runtime/fd.h"
#include "initiator/tree/tree.h"

namespace holdfast::initiator {

/// Which file it is, whatever its names.
struct FileIdentity {
  dev_t device = 0;
  ino_t inode = 0;
  auto operator<=>(const FileIdentity&) const = default;
};

inline FileIdentity identity_of(const struct stat& status) {
  return {.device = status.st_dev, .inode = status.st_ino};
}

struct FileIdentityHash {
  std::size_t operator()(const FileIdentity& id) const {
    return std::hash<std::uint64_t>()(id.inode * 0x9e3779b97f4a7c15u ^ id.device);
  }
};

/// A directory of the source, as a place in a path. Paths are put together when somebody wants to
/// read them, since a tree may be deeper than any one path may be long.
class SourceDirectory {
 public:
  SourceDirectory(std::shared_ptr<const SourceDirectory> parent, std::string name)
      : parent_(std::move(parent)), name_(std::move(name)) {}
  SourceDirectory(const SourceDirectory&) = delete;
  SourceDirectory& operator=(const SourceDirectory&) = delete;
  ~SourceDirectory();

  const std::shared_ptr<const SourceDirectory>& parent() const { return parent_; }
  const std::string& name() const { return name_; }
  /// From the source as the user spelled it down to here.
  std::string path() const;
  std::string path_of(const std::string& entry) const;

 private:
  std::shared_ptr<const SourceDirectory> parent_;  // null: the source itself
  std::string name_;
};

/// The names of one file with several. Made by the walk; what follows belongs to whoever takes the
/// entries, who notes there where the file went.
struct LinkGroup {
  std::uint64_t links = 0;  // by st_nlink, names outside the source included
  NodeId node{};
  bool placed = false;
  bool left_out = false;  // the tree cannot hold such nodes
  Event settled;          // with its first name: placed or not
  std::uint64_t names_over = 0;
};

enum class EntryKind {
  directory,      // its entries follow, up to its directory_end
  directory_end,  // with the directory's attributes again
  file,
  symlink,
  special,    // a fifo, a socket, a device
  hard_link,  // another name of an entry that came before
};

/// One step of the walk.
struct SourceEntry {
  EntryKind kind = EntryKind::file;
  std::string name;                               // of the source itself: as the user spelled it
  std::shared_ptr<const SourceDirectory> parent;  // null for the source itself
  Attributes attributes;
  FileTime changed;  // st_ctim
  FileIdentity identity;
  std::string target;               // of a symlink
  std::shared_ptr<LinkGroup> link;  // when it has more than one name
  Fd file;                          // of a file, open for reading; none when it is not to be read
  std::vector<DataRange> ranges;    // of a file: starts at multiples of 4096, within its bytes

  std::string path() const;
};

/// A path of the source that could not be taken as it is, and why.
struct SourceProblem {
  std::string path;
  std::string reason;
  /// All of it was taken but its extended attributes.
  bool only_xattrs = false;
};

}  // namespace holdfast::initiator
