#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/fd.h"
#include "initiator/workload/source_entry.h"

namespace holdfast::initiator {

/// Where a walk stands: the directories from the source down, each with how far it has been read.
/// Every step is relative to an open directory, so paths may be longer than PATH_MAX and a rename
/// above does no harm. Only the innermost directories stay open; the others are found again on the
/// way back, by ".." or by name, and must be the same ones. Descriptors and buffers are bounded so,
/// whatever the depth; what remains per level is its name.
class DirectoryWalk {
 public:
  static constexpr std::size_t open_max = 32;
  static constexpr std::size_t buffer_bytes = 32 * 1024;

  struct Name {
    const char* name = nullptr;  // valid until the next call; null when the directory is exhausted
    unsigned char type = 0;      // DT_…, DT_UNKNOWN included
  };

  /// `source` is open at `directory`.
  DirectoryWalk(Fd directory, FileIdentity identity, std::string source);
  ~DirectoryWalk();

  /// The next name of the innermost directory, without "." and "..". An error ends that directory:
  /// what follows is as if it were exhausted.
  Result<Name> next();
  /// Goes down into `directory`, which was opened as `name` of the innermost one.
  void enter(Fd directory, FileIdentity identity, std::string name);
  /// Goes back up. There must be a level to leave.
  void leave();

  bool done() const { return levels_.empty(); }
  std::size_t depth() const { return levels_.size(); }
  /// The innermost directory.
  int fd() const { return levels_.back().fd.get(); }
  const std::shared_ptr<const SourceDirectory>& directory() const {
    return levels_.back().directory;
  }

 private:
  struct Level {
    std::shared_ptr<const SourceDirectory> directory;
    FileIdentity identity;
    Fd fd;
    off_t position = 0;  // after the entry handed out last, as the filesystem counts
    std::vector<std::byte> buffer;
    std::size_t at = 0;
    std::size_t filled = 0;
    bool ended = false;
  };

  Status fill(Level& level);
  Status reopen(std::size_t index);

  std::vector<Level> levels_;
  Fd left_;  // the directory left last, whose ".." is the next to be opened again
};

/// openat, with O_NOATIME where we may: reading the source should not mark it as read. Fails with
/// -errno.
int open_quietly(int directory, const char* name, int flags);

}  // namespace holdfast::initiator
