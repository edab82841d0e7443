#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/tree/tree.h"
#include "initiator/workload/bounded_list.h"
#include "initiator/workload/estimate.h"
#include "initiator/workload/left_out.h"
#include "initiator/workload/pressure.h"
#include "initiator/workload/progress.h"
#include "initiator/workload/source_entry.h"
#include "initiator/workload/source_walk.h"

namespace holdfast::initiator {

/// Gives a file its number for the watch (`Watch::name_file`).
using NameFile = std::function<std::uint32_t(const std::string& path)>;

struct CopyOptions {
  SourceOptions source;
  NameFile name_file;
  PressureOptions pressure;
};

/// What a copy came to. What was done is counted whether it came to its end or not.
struct CopyResult {
  /// Failed: the tree gave up, the source itself could not be read, or it was cancelled. What could
  /// not be copied of the source is no failure, but a problem.
  Status status;
  std::uint64_t directories = 0;
  std::uint64_t files = 0;
  std::uint64_t others = 0;  // symlinks, fifos, sockets, devices
  std::uint64_t links = 0;   // further names
  std::uint64_t data_bytes = 0;
  BoundedList<SourceProblem> problems;
  /// What the tree cannot carry: no problem, but to be said.
  std::vector<LeftOut> left_out;
  PressureResult pressure;
};

/// Whether what `estimate` found fits into `free_bytes`. Says both sizes if not.
Status check_space(const SourceEstimate& estimate, std::uint64_t free_bytes);

/// Copies the source into an empty `tree` as `cp -a SOURCE/. TREE` does, and syncs. As many nodes are
/// under way at once as the tree likes. Too small a tree is refused before anything is written. When
/// `cancelled` becomes true it stops at the next step. The tree is closed in the end, however it
/// went.
Task<CopyResult> copy_tree(Loop& loop, Tree& tree, const CopyOptions& options,
                           const SourceEstimate& estimate, Progress& progress,
                           const std::atomic<bool>& cancelled);

}  // namespace holdfast::initiator
