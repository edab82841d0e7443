#include "initiator/workload/verify.h"

#include <memory>
#include <utility>

#include "initiator/workload/source_stream.h"
#include "initiator/workload/verifier.h"

namespace holdfast::initiator {

Task<VerifyResult> verify_tree(Loop& loop, Tree& tree, const VerifyOptions& options,
                               const SourceEstimate& estimate, Progress& progress,
                               const std::atomic<bool>& cancelled) {
  VerifyResult result;
  progress = Progress();
  progress.phase = Progress::Phase::verifying;
  progress.entries_total = estimate.entries();
  progress.bytes_total = estimate.data_bytes;
  Result<std::unique_ptr<SourceStream>> stream = SourceStream::open(loop, options.source);
  Status status;
  if (!stream) {
    status = stream.error();
  } else {
    Verifier verifier(**stream, tree, options, progress, cancelled, result);
    Status verified = co_await verifier.run();
    status = std::move(verified);
    co_await (*stream)->close();
    verifier.take_problems((*stream)->problems());
  }
  Status closed = co_await tree.close();
  if (status) status = std::move(closed);
  result.status = std::move(status);
  progress.problems = result.mismatches.count() + result.problems.count();
  progress.phase = Progress::Phase::over;
  co_return result;
}

}  // namespace holdfast::initiator
