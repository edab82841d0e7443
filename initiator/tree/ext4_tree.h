#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/base/units.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/device/device.h"
#include "initiator/tree/tree.h"

namespace holdfast::initiator {

struct Ext4Options {
  /// What is to be copied: inodes in all, and the bytes that their data, directories, long symlinks
  /// and xattr blocks take in blocks of 4 KiB. The inode tables are laid out for them, and a device
  /// too small is refused before anything is written to it.
  std::uint64_t nodes = 0;
  std::uint64_t bytes = 0;
  std::string label;  // of the filesystem, at most 16 bytes

  /// The cache's bounds: file data not yet on the device, and metadata blocks, clean or not.
  std::uint64_t dirty_bytes_max = 64 * MiB;
  std::uint64_t metadata_bytes_max = 64 * MiB;
  /// The kernel's rhythm of writing back. Zero: only when asked.
  Duration sync_every = std::chrono::seconds(5);
  /// After this time mke2fs is killed.
  Duration mke2fs_deadline = std::chrono::seconds(60);
};

/// An ext4 filesystem on a block device, made by mke2fs and written with libext2fs through a
/// write-back cache that behaves as the kernel's. Destroy it after `close`, and, where the device
/// was abandoned, only after the device's own `close`: until then the kernel may use its memory.
class Ext4Tree {
 public:
  /// Makes a new filesystem, empty but for its root. What the device held before is neither read
  /// nor believed. Fails with `out_of_space`, naming both sizes, if the device is too small.
  static Task<Result<std::unique_ptr<Tree>>> make(Loop& loop, Device& device,
                                                  const Ext4Options& options);
  /// Opens an existing filesystem for reading. Verbs that write are refused.
  static Task<Result<std::unique_ptr<Tree>>> open(Loop& loop, Device& device,
                                                  const Ext4Options& options);
};

}  // namespace holdfast::initiator
