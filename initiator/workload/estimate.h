#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/task.h"
#include "initiator/workload/source_walk.h"

namespace holdfast::initiator {

/// Where the source's clocks stood before the copy. What carries a later stamp was touched since:
/// later than anything that was there, or later than our own clock at the start. Either may be
/// misled alone, by a file stamped in the future or by a file server whose clock is behind.
struct SourceMark {
  FileTime newest_change;
  FileTime newest_access;
  FileTime started;

  bool changed_since(const FileTime& change) const;
  bool accessed_since(const FileTime& access) const;
};

/// What a first pass over the source found, without opening files.
struct SourceEstimate {
  std::uint64_t directories = 0;
  std::uint64_t files = 0;
  std::uint64_t others = 0;      // symlinks, fifos, sockets, devices
  std::uint64_t links = 0;       // further names of files that are counted already
  std::uint64_t data_bytes = 0;  // of files' data, without holes
  std::uint64_t xattr_bytes = 0;
  /// What an ext4 filesystem with blocks of 4 KiB needs for it beside its inodes.
  std::uint64_t space_bytes = 0;
  SourceMark mark;

  /// Inodes, as a filesystem counts them.
  std::uint64_t nodes() const { return directories + files + others; }
  /// Steps of a copy: every name once.
  std::uint64_t entries() const { return nodes() + links; }
};

/// Walks the source on a thread of its own, beside the loop. Fails when the source itself cannot be
/// read or `cancelled` becomes true; what cannot be read further down is for the copy to name.
Task<Result<SourceEstimate>> estimate_source(const SourceOptions& options,
                                             const std::atomic<bool>& cancelled);

// How much room ext4 takes with blocks of 4 KiB. Upper bounds, but close ones.
std::uint64_t file_space(const std::vector<DataRange>& ranges);
/// `name_bytes` is the sum over a directory's entries of `directory_entry_bytes`.
std::uint64_t directory_space(std::uint64_t name_bytes);
std::uint64_t directory_entry_bytes(std::size_t name_length);
std::uint64_t symlink_space(std::uint64_t target_bytes);
std::uint64_t xattr_space(std::uint64_t xattr_bytes);

}  // namespace holdfast::initiator
