#pragma once

#include <cstddef>
#include <memory>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/loop.h"

namespace holdfast {

/// Work that may block in the kernel, done by a crew. From `submit` until `finished` it belongs to the
/// crew, for ever if a call in it never returns.
class BlockingJob {
 public:
  BlockingJob() = default;
  BlockingJob(const BlockingJob&) = delete;
  BlockingJob& operator=(const BlockingJob&) = delete;

 protected:
  ~BlockingJob() = default;

 private:
  friend class BlockingCrew;

  /// On a thread of the crew.
  virtual void work() = 0;
  /// On the loop, when `work` has returned. The crew does not touch the job after this call.
  virtual void finished() = 0;

  BlockingJob* next_ = nullptr;
};

/// Threads for system calls that io_uring has no operation for, or is slower at. Jobs are taken in
/// order. One thread does what only costs processor time; the longer jobs take, the more of them run
/// side by side; and where none moves at all, threads are added up to the bound, so that jobs which
/// are stuck hold nothing else up.
class BlockingCrew {
 public:
  static Result<std::unique_ptr<BlockingCrew>> create(Loop& loop, unsigned threads_max);
  /// Ends the threads if no job is outstanding. Otherwise they are left behind, with everything that
  /// they use.
  ~BlockingCrew();
  BlockingCrew(const BlockingCrew&) = delete;
  BlockingCrew& operator=(const BlockingCrew&) = delete;

  void submit(BlockingJob& job);
  /// Jobs submitted and not finished.
  std::size_t outstanding() const;

 private:
  struct State;
  explicit BlockingCrew(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

/// How many threads shall work at once where a job typically takes `typical`: one up to 50 µs, which
/// is about what it costs to wake another, and one more for each further 50 µs.
unsigned blocking_threads_wanted(Duration typical, unsigned threads_max);

}  // namespace holdfast
