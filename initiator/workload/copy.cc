#include "initiator/workload/copy.h"

#include <fmt/core.h>
#include <memory>
#include <utility>

#include "common/base/units.h"
#include "initiator/workload/copier.h"
#include "initiator/workload/source_stream.h"

namespace holdfast::initiator {
namespace {

/// The pass itself, from an open source to a synced tree.
Task<Status> copy_into(Loop& loop, Tree& tree, const CopyOptions& options, Progress& progress,
                       const std::atomic<bool>& cancelled, CopyResult& result) {
  Result<std::unique_ptr<SourceStream>> stream = SourceStream::open(loop, options.source);
  if (!stream) co_return stream.error();
  progress.phase = Progress::Phase::copying;
  Pressure pressure(loop, tree, options.pressure, cancelled, result.pressure);
  pressure.start();
  Copier copier(**stream, tree, options, progress, cancelled, pressure.files(), result);
  Status status = co_await copier.run();
  co_await (*stream)->close();
  result.problems.add_all((*stream)->problems());
  progress.problems = result.problems.count();
  if (status) {
    progress.phase = Progress::Phase::syncing;
    Status synced = co_await tree.sync();
    status = std::move(synced);
  }
  co_await pressure.stop();
  co_return status;
}

}  // namespace

Status check_space(const SourceEstimate& estimate, std::uint64_t free_bytes) {
  if (estimate.space_bytes <= free_bytes) return {};
  return Error{ErrorKind::out_of_space, 0,
               fmt::format("the source needs {} MiB, but the destination has room for {} MiB",
                           (estimate.space_bytes + MiB - 1) / MiB, free_bytes / MiB)};
}

Task<CopyResult> copy_tree(Loop& loop, Tree& tree, const CopyOptions& options,
                           const SourceEstimate& estimate, Progress& progress,
                           const std::atomic<bool>& cancelled) {
  CopyResult result;
  progress.entries_total = estimate.entries();
  progress.bytes_total = estimate.data_bytes;
  Status status = check_space(estimate, tree.free_bytes());
  if (status) {
    Status copied = co_await copy_into(loop, tree, options, progress, cancelled, result);
    status = std::move(copied);
  }
  Status closed = co_await tree.close();
  if (status) status = std::move(closed);
  result.status = std::move(status);
  progress.phase = Progress::Phase::over;
  co_return result;
}

}  // namespace holdfast::initiator
