#pragma once

#include <memory>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "common/base/result.h"
#include "initiator/workload/directory_walk.h"
#include "initiator/workload/link_table.h"
#include "initiator/workload/source_entry.h"
#include "initiator/tree/local_metadata.h"

namespace holdfast::initiator {

struct SourceOptions {
  std::string path;
  /// Files that are left out, each with a problem: the image that the source is copied into.
  std::vector<FileIdentity> skip;
};

/// Opens the source and sees that it is a directory. The last component may be a symlink.
Result<Fd> open_source(const std::string& path, struct stat& status);

/// Walks a source as `cp -a` does: a directory before its entries, these in the order in which the
/// filesystem gives them, and the directory once more after them. Regular files come opened, so
/// that what is told of a file and what is read of it belong to one file, whatever happens to its
/// name. Nothing is followed. What cannot be taken is named among the problems, and the walk goes
/// on. Blocks; runs on a thread of its own.
class SourceWalk {
 public:
  /// See XattrReader for `own_directory`.
  static Result<std::unique_ptr<SourceWalk>> open(const SourceOptions& options, bool own_directory);

  /// Takes the next name: adds an entry or two, some problems, or nothing. False when it was the
  /// last.
  bool step(std::vector<SourceEntry>& entries, std::vector<SourceProblem>& problems);

 private:
  SourceWalk(const SourceOptions& options, bool own_directory, Fd source,
             const struct stat& status);

  void begin();
  void take(const DirectoryWalk::Name& name);
  void take_directory(SourceEntry entry);
  void take_unreadable_directory(SourceEntry entry, int error);
  void take_file(SourceEntry entry);
  void take_node(SourceEntry entry, const struct stat& status);
  /// Makes `entry` a hard link if it is a further name of a file that was taken before.
  bool take_link(SourceEntry& entry, const struct stat& status);
  void remember_link(SourceEntry& entry, const struct stat& status);
  void leave_directory();
  void note(const SourceEntry& entry, const Status& status);
  void problem(const SourceEntry& entry, std::string reason);
  void problem(const SourceEntry& entry, int error);

  const SourceOptions options_;
  XattrReader xattrs_;
  LinkTable links_;
  DirectoryWalk directories_;
  /// The ends of the directories that the walk is inside of.
  std::vector<SourceEntry> inside_;
  bool begun_ = false;
  // Where the step under way puts what it finds.
  std::vector<SourceEntry>* entries_ = nullptr;
  std::vector<SourceProblem>* problems_ = nullptr;
};

}  // namespace holdfast::initiator
