#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/buffer.h"
#include "common/runtime/event.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/workload/bounded_list.h"
#include "initiator/workload/source_entry.h"
#include "initiator/workload/source_feed.h"

namespace holdfast::initiator {

class SourceStream;

/// A piece of a source file's data, lent: its memory goes back to the stream when it is destroyed,
/// and the stream reads on into it. Empty after a file's last piece.
class SourcePiece {
 public:
  SourcePiece() = default;
  SourcePiece(SourcePiece&& other) noexcept
      : stream_(std::exchange(other.stream_, nullptr)),
        offset_(other.offset_),
        data_(std::exchange(other.data_, {})) {}
  SourcePiece& operator=(SourcePiece&& other) = delete;
  ~SourcePiece();

  explicit operator bool() const { return stream_ != nullptr; }
  std::uint64_t offset() const { return offset_; }
  std::span<const std::byte> data() const { return data_; }

 private:
  friend class SourceStream;
  SourcePiece(SourceStream& stream, std::uint64_t offset, std::span<std::byte> data)
      : stream_(&stream), offset_(offset), data_(data) {}

  SourceStream* stream_ = nullptr;
  std::uint64_t offset_ = 0;
  std::span<std::byte> data_;
};

/// A source as a stream of entries, and of pieces of data inside its files, in the order of the
/// walk. It reads ahead across files as far as its memory goes (12 MiB): many small files, or
/// several pieces of a large one, are in flight at once. Files that shrink or cannot be read give
/// zeros for what is missing, and a problem. One consumer, on the loop.
class SourceStream {
 public:
  static constexpr std::size_t small_bytes = 64 * 1024, small_buffers = 64;
  static constexpr std::size_t large_bytes = 1024 * 1024, large_buffers = 8;
  static constexpr std::size_t entries_ahead_max = 128;

  static Result<std::unique_ptr<SourceStream>> open(Loop& loop, const SourceOptions& options);
  /// Closed by then.
  ~SourceStream();

  /// The next entry, valid until the next call; null at the end, or when `failure` says why not.
  /// What was not taken of the current file's pieces is dropped.
  Task<SourceEntry*> next();
  /// The next piece of the current entry's data; an empty one after the last.
  Task<SourcePiece> next_piece();
  /// Ends the walk and every read, whether the stream is at its end or not. All pieces are back.
  Task<void> close();

  const BoundedList<SourceProblem>& problems() const { return problems_; }
  /// Why the source could not be walked at all, if so.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  friend class SourcePiece;
  struct Item;
  class Read;

  SourceStream(Loop& loop, std::unique_ptr<SourceFeed> feed);
  void read_ahead();
  bool take_batch();
  bool plan_read(Item& item);
  bool has_piece(const Item& item) const;
  Task<void> retire();
  void account_for(Item& item);
  void give_back(std::span<std::byte> data);

  Loop& loop_;
  std::unique_ptr<SourceFeed> feed_;
  BufferPool small_{small_bytes, small_buffers};
  BufferPool large_{large_bytes, large_buffers};
  std::deque<std::unique_ptr<Item>> ahead_;  // the front one is the consumer's once it has it
  std::size_t planned_ = 0;                  // of `ahead_`, the items whose reads all are under way
  std::deque<Read*> reads_;                  // under way or done, in the order of the stream
  std::vector<std::unique_ptr<Read>> idle_reads_;
  Event progress_;  // pulsed when a read is done
  std::vector<ReadFile> read_files_;
  BoundedList<SourceProblem> problems_;
  std::optional<Error> failure_;
  bool front_is_current_ = false;
  bool walk_ended_ = false;
  bool last_taken_ = false;
  bool closing_ = false;
};

}  // namespace holdfast::initiator
