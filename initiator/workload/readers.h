#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <random>

#include "common/base/histogram.h"
#include "common/base/units.h"
#include "common/runtime/loop.h"
#include "common/runtime/scope.h"
#include "common/runtime/task.h"
#include "initiator/tree/tree.h"
#include "initiator/workload/bounded_list.h"
#include "initiator/workload/finished_files.h"
#include "initiator/workload/mismatch.h"

namespace holdfast::initiator {

/// What the readers came to.
struct ReadersResult {
  std::uint64_t reads = 0;
  std::uint64_t bytes = 0;
  Histogram latency;  // of reads that succeeded
  /// What came back was not what was written, or did not come back.
  BoundedList<Mismatch> mismatches;
};

/// Tasks that read finished files while a copy goes on, as a web server would: whole small files,
/// and pieces anywhere in large ones. Each asks, waits for the answer, compares it with what was
/// written, and pauses.
class Readers {
 public:
  static constexpr std::uint32_t readers_most = 64;
  static constexpr std::uint64_t whole_bytes_max = 64 * KiB, piece_bytes_max = 128 * KiB;
  static constexpr Duration pause = std::chrono::milliseconds(1);
  /// Told of every read that succeeded, at once.
  using OnRead = std::function<void(Duration latency)>;

  Readers(Loop& loop, Tree& tree, FinishedFiles& files, std::uint64_t seed,
          const std::atomic<bool>& cancelled, ReadersResult& result);

  void start(std::uint32_t count, OnRead on_read);
  /// Returns when the last one has its answer.
  Task<void> stop();

  /// What a reader reads of a file of `bytes`: all of a small one, else between 4 and 128 KiB at a
  /// multiple of 4 KiB.
  static DataRange choose(std::uint64_t bytes, std::mt19937_64& random);

 private:
  Task<void> read_on(std::uint32_t index);
  Task<void> read_once(const FinishedFile& file, DataRange range, std::span<std::byte> memory);
  void judge(const FinishedFile& file, DataRange range, std::span<const std::byte> data);
  bool stopped() const { return stopping_ || given_up_ || cancelled_; }

  Loop& loop_;
  Tree& tree_;
  FinishedFiles& files_;
  const std::uint64_t seed_;
  const std::atomic<bool>& cancelled_;
  ReadersResult& result_;
  OnRead on_read_;
  Scope tasks_;
  bool stopping_ = false;
  bool given_up_ = false;
};

}  // namespace holdfast::initiator
