#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <string>

#include "common/base/histogram.h"
#include "common/runtime/loop.h"
#include "common/runtime/scope.h"
#include "common/runtime/task.h"
#include "initiator/tree/tree.h"
#include "initiator/workload/finished_files.h"

namespace holdfast::initiator {

/// What the lockers came to.
struct LocksResult {
  std::uint64_t shared = 0;     // locks taken, and released again
  std::uint64_t exclusive = 0;
  Histogram waits;  // from asking for a lock until it was granted
  /// Why there are no more of them, if the tree refused one.
  std::string refusal;
};

/// Tasks that take and release byte-range locks on a few finished files while a copy goes on. They
/// use the same files at the same time, but each another range: whoever grants the locks knows only
/// one session, and would merge what overlaps.
class Lockers {
 public:
  static constexpr std::uint32_t lockers = 4;
  static constexpr std::size_t files_used = 4;
  static constexpr std::uint64_t range_bytes = 4096;
  /// How long a lock is held, and the pause after it.
  static constexpr Duration hold = std::chrono::milliseconds(1);

  Lockers(Loop& loop, Tree& tree, FinishedFiles& files, std::uint64_t seed,
          const std::atomic<bool>& cancelled, LocksResult& result);

  void start();
  /// Returns when the last lock is released.
  Task<void> stop();

 private:
  Task<void> lock_on(std::uint32_t index);
  Task<void> lock_once(FinishedFile& file, std::uint32_t range, bool exclusive);
  void refused(const Error& error);
  bool stopped() const { return stopping_ || given_up_ || cancelled_; }

  Loop& loop_;
  Tree& tree_;
  FinishedFiles& files_;
  const std::uint64_t seed_;
  const std::atomic<bool>& cancelled_;
  LocksResult& result_;
  Scope tasks_;
  bool stopping_ = false;
  bool given_up_ = false;
};

}  // namespace holdfast::initiator
