#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/units.h"
#include "common/runtime/buffer.h"
#include "common/runtime/event.h"
#include "common/runtime/fiber.h"
#include "common/runtime/task.h"
#include "initiator/device/device.h"
#include "initiator/tree/block_set.h"
#include "initiator/tree/block_table.h"
#include "initiator/tree/write_queue.h"

namespace holdfast::initiator {

struct WriteBackCacheOptions {
  std::uint32_t block_bytes = 4096;             // of the filesystem
  std::uint64_t dirty_bytes_max = 64 * MiB;     // file data that is not yet on the device
  std::uint64_t metadata_bytes_max = 64 * MiB;  // metadata kept, dirty or clean
  /// The filesystem is new: blocks that were never written through here read as zeros, whatever
  /// the device holds.
  bool blank = false;
};

/// What a filesystem reads and writes through: a page cache of its own over a Device. Metadata lies
/// in blocks that are found again; file data passes through large buffers on its way out. Writing
/// starts long before the bound is reached, so that the wire and the source are busy at once, and
/// whoever fills the cache waits. `sync` is the kernel's: all data, then all metadata, then a
/// flush.
///
/// A write that the device fails is for good: nothing is written any more, and every call says so.
class WriteBackCache {
 public:
  /// The most that one request carries.
  static constexpr std::uint32_t request_bytes_max = 1 * MiB;
  static constexpr std::size_t vectors_max = 256;
  static constexpr std::uint32_t requests_max = 32;
  /// What a metadata miss reads at once, as the kernel does for inode tables.
  static constexpr std::uint32_t readahead_bytes = 128 * KiB;
  /// File data lies in pieces of memory of this size.
  static constexpr std::uint32_t slab_bytes = 1 * MiB;

  WriteBackCache(Device& device, Fiber& fiber, const WriteBackCacheOptions& options);
  /// No call is under way and nothing is in flight. What is dirty goes unwritten.
  ~WriteBackCache();
  WriteBackCache(const WriteBackCache&) = delete;
  WriteBackCache& operator=(const WriteBackCache&) = delete;

  // Metadata: synchronous, called on the fiber, any offset and length. Return 0 or an errno.
  int read(std::uint64_t offset, std::span<std::byte> into);
  int write(std::uint64_t offset, std::span<const std::byte> from);
  /// Drops metadata blocks that the filesystem has freed, before they become somebody's data.
  int forget(std::uint64_t block, std::uint64_t count);

  // File data, which is never looked for among the metadata. Offsets are the device's, in whole
  // blocks; a write's last block is filled up with zeros.
  /// Copies as much of `data` as there is room for, in whole blocks, and returns how much: 0 when
  /// the cache is full or has failed.
  std::size_t put_data(std::uint64_t offset, std::span<const std::byte> data, std::uint32_t file);
  /// Waits until `put_data` may be tried again.
  Task<Status> wait_for_room();

  /// A run of bytes of one file that lie together on the device.
  struct ReadPiece {
    std::uint64_t offset = 0;
    std::span<std::byte> into;
  };
  /// Reads all pieces, side by side as far as the device's depth allows.
  Task<Status> read_data(std::span<const ReadPiece> pieces, std::uint32_t file);

  /// Everything written before is on the medium after.
  Task<Status> sync();

  const std::optional<Error>& failure() const { return failure_; }
  /// What the last metadata read that failed since this was last asked had to say, in words that an
  /// errno cannot carry.
  std::optional<Error> take_read_error() { return std::exchange(read_error_, std::nullopt); }
  std::uint32_t block_bytes() const { return block_bytes_; }
  std::uint32_t depth() const { return static_cast<std::uint32_t>(requests_.size()); }

 private:
  struct Request;
  struct ReadJoin;
  enum class Kind : std::uint8_t { data, metadata, flush, metadata_read, data_read };

  struct Slab {
    std::byte* memory = nullptr;
    std::uint32_t used = 0;
    std::uint32_t unwritten = 0;
  };

  // Requests.
  Request* take_request();
  void release(Request& request);
  void submit(Request& request, DeviceOperation operation, std::uint64_t offset,
              std::uint64_t bytes, std::uint32_t file);
  static void on_done(DeviceRequest& device_request);
  void finished(Request& request);
  void data_written(const Request& request);
  void pump();
  bool send_from(WriteQueue& queue, Kind kind, Request& request);
  void fail(const Request& request);
  Error describe(const Request& request) const;
  void progressed();

  // Metadata.
  BlockTable::Slot insert_or_wait(std::uint64_t block);
  int fetch(std::uint64_t block, BlockTable::Slot& slot);
  int load(std::uint64_t block, std::uint32_t count);
  std::uint32_t readahead_from(std::uint64_t block);
  void gather_metadata();
  void wait_on_fiber();
  void let_others_in();

  // Data.
  Slab* room_in_slab();
  Task<Request*> take_request_or_wait();
  void start_read(Request& request, const ReadPiece& piece, ReadJoin& join, std::uint32_t file);
  bool is_unwritten(const ReadPiece& piece) const;
  Task<void> write_data_out();
  Task<void> write_metadata_out();
  Task<void> flush_device();

  Device& device_;
  Fiber& fiber_;
  const std::uint32_t block_bytes_;
  const std::uint64_t blocks_;
  const std::uint32_t transfer_bytes_;  // of one request
  const std::uint64_t background_bytes_;
  const bool blank_;

  BlockTable table_;
  BlockSet written_;  // only kept while `blank_`
  WriteQueue metadata_queue_;
  std::uint32_t calls_ = 0;               // of read and write
  std::uint64_t metadata_unwritten_ = 0;  // blocks gathered and not yet written

  BufferPool slab_pool_;
  std::vector<Slab> slabs_;
  std::uint32_t filling_ = 0;  // the slab that takes new data
  bool has_filling_ = false;
  WriteQueue data_queue_;
  bool data_wanted_ = false;  // out, however little has gathered
  std::uint32_t epoch_ = 0;
  std::uint64_t data_unwritten_[2] = {0, 0};  // bytes, of each epoch
  BlockSet unwritten_;                        // the same, block by block

  std::vector<std::unique_ptr<Request>> requests_;
  Request* free_ = nullptr;
  std::uint32_t in_flight_ = 0;
  std::uint32_t readers_waiting_ = 0;
  bool writers_turn_ = false;  // though readers wait

  Event progress_;
  bool syncing_ = false;
  bool unflushed_ = false;  // something was written since the last flush
  std::optional<Error> failure_;
  std::optional<Error> read_error_;
};

}  // namespace holdfast::initiator
