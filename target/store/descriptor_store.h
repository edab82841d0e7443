#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/blocking_crew.h"
#include "common/runtime/fd.h"
#include "target/store/file_view.h"
#include "target/store/store.h"

namespace holdfast::target {

/// Which file or device a path led to, whatever the path was: two stores of the same identity write
/// over each other.
struct StoreIdentity {
  bool is_device = false;
  std::uint64_t device = 0;  // of a file: the filesystem's st_dev; of a device: its own st_rdev
  std::uint64_t inode = 0;   // of a file

  friend auto operator<=>(const StoreIdentity&, const StoreIdentity&) = default;
};

/// How to do what a kernel or filesystem may refuse. A test turns the better way off to try the
/// fallback where the better way would work.
struct DescriptorStoreOptions {
  bool dsync_writes = true;  // RWF_DSYNC (4.7); else each durable write is followed by fdatasync
  bool punch_hole = true;    // FALLOC_FL_PUNCH_HOLE; else FALLOC_FL_ZERO_RANGE
  bool zero_range = true;    // FALLOC_FL_ZERO_RANGE; else zeros are written
  bool view = true;          // a file on tmpfs is mapped; else each read and write is a system call
};

/// What is known of an open file or device.
struct DescriptorFacts {
  std::string description;  // "file /srv/a.img"
  StoreIdentity identity;
  std::uint64_t size = 0;
  std::uint32_t logical_block_bytes = 512;
  std::uint32_t physical_block_bytes = 512;
  bool read_only = false;
  /// Its bytes are kept in memory alone (tmpfs, ramfs, hugetlbfs): what is moved to or from them is
  /// copied, and waits for no medium.
  bool in_memory = false;
};

/// A second descriptor of the same file or device, past the page cache, and what it wants of a request
/// that goes this way (statx, STATX_DIOALIGN).
struct DirectWay {
  Fd fd;  // none: there is no such way
  std::uint32_t memory_alignment = 4096;
  std::uint32_t offset_alignment = 4096;

  /// Whether a read or write of `vectors` at `offset` can go this way.
  bool takes(std::span<const iovec> vectors, std::uint64_t offset) const;
};

/// A store behind a file descriptor: a regular file or a block device. They take the same system calls
/// and differ only in how they are opened and measured, which `open_file_store` and `open_block_store`
/// do. It goes through the page cache; where it has a direct way, what is aligned goes by that one, and
/// the kernel keeps both the same.
class DescriptorStore final : public Store {
 public:
  DescriptorStore(Fd fd, DirectWay direct, DescriptorFacts facts, DescriptorStoreOptions options);
  ~DescriptorStore() override;

  std::uint64_t size() const override { return facts_.size; }
  Result<std::uint64_t> measure() const override;
  void set_size(std::uint64_t bytes) override { facts_.size = bytes; }
  bool read_only() const override { return facts_.read_only; }
  bool has_volatile_cache() const override { return true; }
  std::uint32_t physical_block_bytes() const override { return facts_.physical_block_bytes; }
  std::uint32_t logical_block_bytes() const override { return facts_.logical_block_bytes; }
  bool tells_room() const override { return !facts_.identity.is_device; }
  std::string describe() const override { return facts_.description; }
  const StoreIdentity& identity() const { return facts_.identity; }

 private:
  enum Stage : int { transfer, sync, punch_hole, zero_range, write_zeros };
  static constexpr int copied = -1;  // the stage of a read in which the kernel has no part
  class Question;

  void start(StoreRequest& request) override;
  void step(StoreRequest& request, std::int32_t result) override;
  Moved move(StoreRequest& request) override;
  void let_go(StoreRequest& request) override;

  Stage first_stage_of_unmap() const;
  void move_at_once(StoreRequest& request);
  void issue(StoreRequest& request);
  void enter(StoreRequest& request, Stage next);
  bool try_another_way(StoreRequest& request, int error);
  void moved(StoreRequest& request, std::uint64_t bytes);
  void moved_all(StoreRequest& request);
  void ask(StoreRequest& request);
  void answered(const Question& question);

  Fd fd_;
  DirectWay direct_;
  DescriptorFacts facts_;
  DescriptorStoreOptions options_;
  /// Of what is in memory, where it can be had: as large as the file was at first, since reads may be under way in
  /// it aside when the file has grown. What came behind it is a matter of system calls.
  std::unique_ptr<FileView> view_;
  /// For what io_uring has no operation for, and what may wait for the medium; made when needed.
  std::unique_ptr<BlockingCrew> crew_;
  std::vector<std::unique_ptr<Question>> questions_;  // asked and not answered
};

}  // namespace holdfast::target
