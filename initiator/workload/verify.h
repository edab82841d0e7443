#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/tree/tree.h"
#include "initiator/workload/bounded_list.h"
#include "initiator/workload/copy.h"
#include "initiator/workload/estimate.h"
#include "initiator/workload/mismatch.h"
#include "initiator/workload/progress.h"
#include "initiator/workload/source_entry.h"

namespace holdfast::initiator {

struct VerifyOptions {
  SourceOptions source;
  NameFile name_file;
  /// From before the copy. Where the source was changed since, a difference is the source's doing.
  SourceMark mark;
  /// Readers read files of the copy meanwhile, and so moved their times of last access.
  bool was_read = false;
  /// What the copy named already is not expected to be there.
  const BoundedList<SourceProblem>* known = nullptr;
};

struct VerifyResult {
  /// Failed: the tree or the source could not be read on, or it was cancelled.
  Status status;
  std::uint64_t entries = 0;
  std::uint64_t data_bytes = 0;
  BoundedList<Mismatch> mismatches;
  /// Differences that are the source's doing, and what could not be read of it.
  BoundedList<SourceProblem> problems;
  /// What the tree cannot carry, and so was not missed.
  std::vector<LeftOut> left_out;
};

/// Reads all of a freshly opened `tree` back beside the source and compares: names, kinds, modes,
/// owners, times, link groups, symlinks' targets, device numbers, holes, extended attributes, and
/// every byte of content. As many reads as the tree likes are in flight. The tree is closed in the
/// end, however it went.
Task<VerifyResult> verify_tree(Loop& loop, Tree& tree, const VerifyOptions& options,
                               const SourceEstimate& estimate, Progress& progress,
                               const std::atomic<bool>& cancelled);

}  // namespace holdfast::initiator
