#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace holdfast::initiator {

/// A piece of memory that has its place on the device.
struct WriteItem {
  std::uint64_t offset = 0;
  std::byte* memory = nullptr;
  std::uint32_t bytes = 0;
  std::uint32_t owner = 0;  // whose memory it is: the queue's user knows
  std::uint32_t file = 0;   // for the watch
  std::uint32_t epoch = 0;  // of the sync that waits for it
};

/// What waits to be written, as an elevator takes it: items gather until a batch begins, a batch is
/// sorted by address, and from it come runs of neighbours, each fit for one request.
class WriteQueue {
 public:
  /// Adds an item; one that continues the last in address, memory, owner and epoch makes it longer.
  void add(const WriteItem& item);

  /// Makes all that has gathered the next batch. The last one must be exhausted.
  void begin_batch();
  /// Takes the next run of neighbours out of the batch, at most `bytes_max` in all, into `items`.
  /// Returns how many items it filled; 0 when the batch is exhausted. `bytes_max` is a multiple of
  /// the block, and so is every piece.
  std::size_t take_run(std::uint32_t bytes_max, std::span<WriteItem> items);

  bool batch_exhausted() const { return next_ == batch_.size(); }
  /// Bytes that have gathered outside the batch.
  std::uint64_t gathered_bytes() const { return gathered_bytes_; }
  bool empty() const { return gathered_.empty() && batch_exhausted(); }
  void clear();

 private:
  std::vector<WriteItem> gathered_;
  std::vector<WriteItem> batch_;
  std::size_t next_ = 0;
  std::uint64_t gathered_bytes_ = 0;
};

}  // namespace holdfast::initiator
