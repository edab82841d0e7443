#include "initiator/cli/copy_run.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <utility>

#include "initiator/cli/verbs.h"
#include "initiator/report/format.h"

namespace holdfast::initiator {
namespace {

constexpr Duration close_deadline = std::chrono::seconds(2);
constexpr Duration hasty_close_deadline = std::chrono::milliseconds(500);

/// A tree that is copied into itself never ends. A mounted directory's path, as the kernel spells it, is
/// among its facts.
Status check_not_inside(const std::string& source, const RunRecord::Destination& place) {
  const auto path = place.negotiated.find("path");
  if (place.transport != "dir" || path == place.negotiated.end()) return {};
  const std::unique_ptr<char, decltype(&std::free)> canonical(::realpath(source.c_str(), nullptr), &std::free);
  if (canonical == nullptr) return {};
  std::string below = canonical.get();
  if (below.back() != '/') below += '/';
  if (!(path->second + '/').starts_with(below)) return {};
  return Error{ErrorKind::invalid_input, EINVAL,
               fmt::format("{} lies inside {}: a tree cannot be copied into itself", place.url, source)};
}

}  // namespace

CopyRun::CopyRun(Loop& loop, Signals& signals, CopyRunOptions options)
    : Run(loop, signals, options.run, !options.destination.is_device()),
      options_(std::move(options)),
      place_(make_copy_place(loop, options_.destination, watch_timer_, Reconnect{options_.run.reconnect, this})) {
  record_.workload.kind = "copy";
  record_.workload.source = options_.source;
  record_.workload.verify = options_.verify;
  record_.destination = place_->facts();
  record_.pressure.readers = options_.readers;
  record_.pressure.locks = options_.locks;
}

Task<void> CopyRun::work() {
  const SourceOptions source = source_options();
  Result<SourceEstimate> estimate = co_await estimate_source(source, cancelled());
  if (cancelled()) co_return;
  if (!estimate) {
    fail_to_start(estimate.error(), exit_usage);
    co_return;
  }
  Status opened = co_await open_place(false);
  if (!opened && !cancelled()) fail_to_start(opened.error());
  if (opened && !cancelled()) co_await copy_phase(*estimate);
  co_await close_place(record_.totals.wire);
  const bool goes_on = options_.verify && start_failure().ok() && copied_.status.ok() && !cancelled();
  if (!goes_on) co_return;
  co_await verify_phase(*estimate);
  co_await close_place(record_.totals.verify_wire);
}

Task<void> CopyRun::copy_phase(const SourceEstimate& estimate) {
  const Instant began = clock_now();
  Result<Tree*> tree = co_await place_->make_tree(estimate);
  Status room = tree ? check_space(estimate, (*tree)->free_bytes()) : Status();
  if (!tree) {
    copied_.status = tree.error();
    if (tree.error().kind == ErrorKind::out_of_space && !cancelled())
      fail_to_start(too_small(estimate, tree.error()), exit_usage);
    else if (tree.error().kind == ErrorKind::invalid_input && !cancelled())
      fail_to_start(tree.error());
    else
      fail(tree.error(), place_->last_error());
    co_return;
  }
  const Status apart = check_not_inside(options_.source, place_->facts());
  if (!apart) {
    Status closed = co_await (*tree)->close();
    static_cast<void>(closed);  // There is nothing in it.
    copied_.status = apart;
    fail_to_start(apart.error());
  } else if (!room) {
    Status closed = co_await (*tree)->close();
    static_cast<void>(closed);  // There is nothing in it.
    copied_.status = room;
    fail_to_start(too_small(estimate, room.error()), exit_usage);
  } else {
    CopyOptions copy;
    copy.source = source_options();
    copy.name_file = [this](const std::string& path) { return watch_.name_file(path); };
    copy.pressure.readers = options_.readers;
    copy.pressure.locks = options_.locks;
    copy.pressure.on_read = [this](Duration latency) { watch_.completed_for_reader(latency); };
    copied_ = co_await copy_tree(loop_, **tree, copy, estimate, progress_, cancelled());
    take(copied_);
  }
  record_.totals.copy_time = clock_now() - began;
}

Task<void> CopyRun::verify_phase(const SourceEstimate& estimate) {
  const Instant began = clock_now();
  Status opened = co_await open_place(true);
  if (!opened) {
    fail(opened.error(), "");
    co_return;
  }
  Result<Tree*> tree = co_await place_->open_tree();
  if (!tree) {
    fail(tree.error(), place_->last_error());
    co_return;
  }
  VerifyOptions verify;
  verify.source = source_options();
  verify.name_file = [this](const std::string& path) { return watch_.name_file(path); };
  verify.mark = estimate.mark;
  verify.known = &copied_.problems;
  verify.was_read = options_.readers > 0;
  VerifyResult verified = co_await verify_tree(loop_, **tree, verify, estimate, progress_, cancelled());
  record_.totals.verify_time = clock_now() - began;
  take(verified);
}

Task<Status> CopyRun::open_place(bool read_only) {
  Status opened = co_await place_->open(read_only, options_.run.hang);
  record_.destination = place_->facts();
  co_return opened;
}

Task<void> CopyRun::close_place(WireUse& wire) {
  const Duration deadline = cancelled() ? hasty_close_deadline : close_deadline;
  co_await place_->close(deadline);
  record_.destination = place_->facts();
  wire = place_->wire();
  if (!place_->drained()) leave_memory_to_the_kernel();
}

SourceOptions CopyRun::source_options() const {
  SourceOptions source;
  source.path = options_.source;
  struct stat status {};
  const std::string path = options_.destination.path();
  // A mounted directory is never asked from this thread; that it is not inside the source is seen later.
  if (options_.destination.is_device() && !path.empty() && ::stat(path.c_str(), &status) == 0)
    source.skip.push_back({.device = status.st_dev, .inode = status.st_ino});
  return source;
}

Error CopyRun::too_small(const SourceEstimate& estimate, const Error& error) const {
  return Error{ErrorKind::out_of_space, ENOSPC,
               fmt::format("copy {} to {}: that needs {} beside inodes, and it has {} in all: {}; make it larger",
                           options_.source, record_.destination.url, bytes_text(estimate.space_bytes),
                           bytes_text(record_.destination.bytes), error.message)};
}

void CopyRun::take(const CopyResult& result) {
  RunRecord::Totals& totals = record_.totals;
  totals.files = result.files;
  totals.directories = result.directories;
  totals.others = result.others;
  totals.links = result.links;
  totals.bytes = result.data_bytes;
  record_.workload.problems += result.problems.count();
  for (const SourceProblem& problem : result.problems.kept())
    record_.workload.problem_list.push_back({problem.path, problem.reason});
  note_left_out(result.left_out);
  take(result.pressure);
  if (!result.status) fail(result.status.error(), place_->last_error());
}

void CopyRun::take(const PressureResult& result) {
  RunRecord::Pressure& pressure = record_.pressure;
  pressure.reads = result.readers.reads;
  pressure.bytes = result.readers.bytes;
  pressure.read_latency = LatencySummary::of(result.readers.latency);
  pressure.locks_shared = result.locks.shared;
  pressure.locks_exclusive = result.locks.exclusive;
  pressure.lock_waits = LatencySummary::of(result.locks.waits);
  pressure.locks_refused = result.locks.refusal;
  for (const Mismatch& mismatch : result.readers.mismatches.kept()) take(mismatch);
  record_.workload.mismatches = result.readers.mismatches.count();
  if (result.locks.refusal.empty()) return;
  ++record_.workload.problems;
  record_.workload.problem_list.push_back({record_.destination.url, "locks were refused: " + result.locks.refusal});
}

void CopyRun::take(const Mismatch& mismatch) {
  std::string what = mismatch.what;
  if (mismatch.offset) what += fmt::format(", first at byte {}", *mismatch.offset);
  record_.add_mismatch({mismatch.path, std::move(what)}, since_start());
}

void CopyRun::take(const VerifyResult& result) {
  record_.totals.verified_bytes = result.data_bytes;
  record_.workload.problems += result.problems.count();
  for (const SourceProblem& problem : result.problems.kept())
    record_.workload.problem_list.push_back({problem.path, problem.reason});
  for (const Mismatch& mismatch : result.mismatches.kept()) take(mismatch);
  record_.workload.mismatches = copied_.pressure.readers.mismatches.count() + result.mismatches.count();
  note_left_out(result.left_out);
  if (!result.status) fail(result.status.error(), place_->last_error());
}

/// The copy knows what it did not hand over, and the verification what the tree made its own.
void CopyRun::note_left_out(const std::vector<LeftOut>& left_out) {
  for (const LeftOut& one : left_out) {
    const auto noted = std::find_if(record_.left_out.begin(), record_.left_out.end(),
                                    [&one](const RunRecord::LeftOut& other) { return other.what == one.what; });
    if (noted == record_.left_out.end())
      record_.left_out.push_back({one.what, one.why, one.nodes});
    else
      noted->nodes = std::max(noted->nodes, one.nodes);
  }
}

void CopyRun::note_progress(RunRecord& record) const {
  if (record.totals.copy_time != Duration(0)) return;
  record.totals.copy_time = record.totals.time;
  record.totals.wire = place_->wire();
  record.totals.files = progress_.entries_done;
  record.totals.bytes = progress_.bytes_done;
}

}  // namespace holdfast::initiator
