#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/task.h"
#include "common/runtime/wakeup.h"
#include "common/runtime/blocking_thread.h"
#include "initiator/workload/source_entry.h"
#include "initiator/workload/source_walk.h"

namespace holdfast::initiator {

/// A file whose content has been read, with what it was when it was opened.
struct ReadFile {
  Fd file;
  std::shared_ptr<const SourceDirectory> parent;
  std::string name;
  std::uint64_t bytes = 0;
  FileTime modified;
  FileTime changed;
};

/// The walk on a thread of its own, so that a slow source never holds up the loop. Entries go to
/// the loop in batches, a few of which may wait; files that were read come back in batches, to be
/// looked at once more (a file that changed under our reading is a problem) and closed.
class SourceFeed {
 public:
  static constexpr std::size_t batch_max = 32;
  static constexpr std::size_t batches_max = 4;

  struct Batch {
    std::vector<SourceEntry> entries;
    std::vector<SourceProblem> problems;
    std::optional<Error> failure;  // the source itself could not be opened
    bool walk_ended = false;       // no entries follow
    bool last = false;             // nothing follows
  };

  static Result<std::unique_ptr<SourceFeed>> start(const SourceOptions& options);
  /// Stops the walk where it is.
  ~SourceFeed();

  // For the loop.
  bool try_take(Batch& batch);
  /// Waits until there may be a batch to take.
  Task<void> wait();
  void give_back(std::vector<ReadFile> files);
  /// Nothing more will be given back: when all is looked at, the last batch comes.
  void finish();

 private:
  SourceFeed(const SourceOptions& options, Wakeup wakeup);

  // On the walk's thread.
  void run();
  bool is_due(const Batch& batch) const;
  void publish(Batch& batch);
  void check_read_files(std::vector<SourceProblem>& problems);
  bool wait_for_finish();

  const SourceOptions options_;
  Wakeup wakeup_;
  std::mutex mutex_;
  std::condition_variable changed_;  // for the walk's thread
  std::deque<Batch> batches_;
  std::vector<ReadFile> read_files_;
  bool finishing_ = false;
  std::atomic<bool> loop_waits_ = false;
  std::atomic<bool> stopped_ = false;
  std::optional<BlockingThread> thread_;
};

}  // namespace holdfast::initiator
