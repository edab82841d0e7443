#include "initiator/cli/copy_run.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>

#include "common/runtime/scope.h"
#include "initiator/device/deadline.h"
#include "initiator/report/format.h"
#include "initiator/report/run_json.h"
#include "initiator/report/run_text.h"
#include "initiator/tree/ext4_tree.h"
#include "initiator/watch/watched_device.h"

namespace holdfast::initiator {
namespace {

constexpr int usage_exit_code = 2;
constexpr int start_exit_code = 3;

// A hang is known `hang` after the operation was due, and the whole run ends within two seconds more.
constexpr Duration hang_grace = std::chrono::milliseconds(1500);
// After a signal the copy may come to an orderly end, then it is given up, then the process ends.
constexpr Duration orderly_grace = std::chrono::milliseconds(1500);
constexpr Duration signal_grace = std::chrono::milliseconds(3000);
constexpr Duration close_deadline = std::chrono::seconds(2);
constexpr Duration hasty_close_deadline = std::chrono::milliseconds(500);
// A loop that does not turn for so much longer than a hang is stuck for good.
constexpr Duration stuck_beyond_hang = std::chrono::seconds(20);

WatchOptions watch_options(const CopyRunOptions& options) {
  WatchOptions watch;
  watch.stall = options.stall;
  watch.hang = options.hang;
  return watch;
}

std::string utc_now() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

}  // namespace

CopyRun::CopyRun(Loop& loop, Signals& signals, CopyRunOptions options)
    : loop_(loop),
      signals_(signals),
      options_(std::move(options)),
      began_(clock_now()),
      watch_(watch_options(options_), began_),
      watch_timer_(loop, watch_),
      display_(loop, LiveDisplay::style_for(options_.quiet), progress_, watch_),
      guard_(std::in_place, loop, options_.hang + stuck_beyond_hang, options_.notice) {
  watch_.set_listener(this);
  record_.workload.kind = "copy";
  record_.workload.source = options_.source;
  record_.workload.verify = options_.verify;
  record_.workload.started = utc_now();
  record_.workload.version = HOLDFAST_VERSION;
  record_.destination.url = options_.destination.to_string();
}

CopyRun::~CopyRun() = default;

Task<void> CopyRun::run() {
  Scope scope;
  scope.spawn(listen_for_signals());
  scope.spawn(supervise());
  co_await work();
  over_ = true;
  work_over_.set();
  trouble_.set();
  signals_.stop();
  co_await scope.join();
  display_.end_progress();
  watch_.finish(clock_now());
  record_.take(watch_);
  record_.totals.time = clock_now() - began_;
}

Task<void> CopyRun::work() {
  const SourceOptions source = source_options();
  Result<SourceEstimate> estimate = co_await estimate_source(source, cancelled_);
  if (cancelled_) co_return;
  if (!estimate) {
    fail_to_start(estimate.error(), usage_exit_code);
    co_return;
  }
  Status opened = co_await open_device(false);
  if (cancelled_) {
    co_await close_device();
    co_return;
  }
  if (opened && device_->read_only())
    opened = Error{ErrorKind::refused, EROFS, record_.destination.url + " is read-only"};
  if (!opened) {
    const bool usage = opened.error().kind == ErrorKind::invalid_input;
    fail_to_start(opened.error(), usage ? usage_exit_code : start_exit_code);
    co_await close_device();
    co_return;
  }
  co_await copy_phase(*estimate);
  co_await close_device();
  const bool goes_on = options_.verify && start_failure_.ok() && copied_.status.ok() && !cancelled_;
  if (!goes_on) co_return;
  co_await verify_phase(*estimate);
  co_await close_device();
}

Task<void> CopyRun::copy_phase(const SourceEstimate& estimate) {
  const Instant began = clock_now();
  Ext4Options ext4;
  ext4.nodes = estimate.nodes();
  ext4.bytes = estimate.space_bytes;
  Result<std::unique_ptr<Tree>> tree = co_await Ext4Tree::make(loop_, *device_, ext4);
  Status room = tree ? check_space(estimate, (*tree)->free_bytes()) : Status();
  if (!tree) {
    copied_.status = tree.error();
    if (tree.error().kind == ErrorKind::out_of_space && !cancelled_)
      fail_to_start(too_small(estimate, tree.error()), usage_exit_code);
    else
      fail(tree.error());
    co_return;
  }
  if (!room) {
    Status closed = co_await (*tree)->close();
    static_cast<void>(closed);  // There is nothing in it.
    copied_.status = room;
    fail_to_start(too_small(estimate, room.error()), usage_exit_code);
  } else {
    CopyOptions copy;
    copy.source = source_options();
    copy.name_file = [this](const std::string& path) { return watch_.name_file(path); };
    copied_ = co_await copy_tree(loop_, **tree, copy, estimate, progress_, cancelled_);
    take(copied_);
  }
  record_.totals.copy_time = clock_now() - began;
  co_await close_device_under(std::move(tree).value());
}

Task<void> CopyRun::verify_phase(const SourceEstimate& estimate) {
  const Instant began = clock_now();
  Status opened = co_await open_device(true);
  if (!opened) {
    fail(opened.error());
    co_return;
  }
  const Ext4Options ext4;
  Result<std::unique_ptr<Tree>> tree = co_await Ext4Tree::open(loop_, *device_, ext4);
  if (!tree) {
    fail(tree.error());
    co_return;
  }
  VerifyOptions verify;
  verify.source = source_options();
  verify.name_file = [this](const std::string& path) { return watch_.name_file(path); };
  verify.mark = estimate.mark;
  verify.known = &copied_.problems;
  VerifyResult verified = co_await verify_tree(loop_, **tree, verify, estimate, progress_, cancelled_);
  record_.totals.verify_time = clock_now() - began;
  take(verified);
  co_await close_device_under(std::move(tree).value());
}

Task<Status> CopyRun::open_device(bool read_only) {
  Result<std::unique_ptr<Device>> opened = co_await options_.destination.open(loop_, read_only, options_.hang);
  if (!opened) co_return opened.error();
  device_ = std::make_unique<WatchedDevice>(std::move(opened).value(), watch_timer_);
  record_.destination.transport = device_->transport();
  record_.destination.bytes = device_->size();
  record_.destination.negotiated = device_->negotiated();
  co_return Status();
}

/// Closes the device and then frees `tree`, whose memory the device may use until then.
Task<void> CopyRun::close_device_under(std::unique_ptr<Tree> tree) {
  co_await close_device();
  if (must_not_unwind_) static_cast<void>(tree.release());
}

Task<void> CopyRun::close_device() {
  if (device_ == nullptr) co_return;
  record_.destination.negotiated = device_->negotiated();
  std::unique_ptr<Device> device = std::move(device_);
  closing_ = device.get();
  const Duration deadline = cancelled_ ? hasty_close_deadline : close_deadline;
  co_await device->close(deadline);
  closing_ = nullptr;
  if (device->drained()) co_return;
  must_not_unwind_ = true;
  static_cast<void>(device.release());
}

SourceOptions CopyRun::source_options() const {
  SourceOptions source;
  source.path = options_.source;
  struct stat status {};
  const std::string path = options_.destination.path();
  if (!path.empty() && ::stat(path.c_str(), &status) == 0)
    source.skip.push_back({.device = status.st_dev, .inode = status.st_ino});
  return source;
}

Error CopyRun::too_small(const SourceEstimate& estimate, const Error& error) const {
  return Error{ErrorKind::out_of_space, ENOSPC,
               fmt::format("{} needs {} beside inodes, and {} has {} in all: {}", options_.source,
                           bytes_text(estimate.space_bytes), record_.destination.url,
                           bytes_text(record_.destination.bytes), error.message)};
}

void CopyRun::fail_to_start(const Error& error, int code) {
  start_failure_ = error;
  start_failure_code_ = code;
}

/// The work could not go on. Where we ended it ourselves, that is the reason, and not what followed.
void CopyRun::fail(const Error& error) {
  if (cancelled_) return;
  record_.workload.outcome = Outcome::failed;
  record_.workload.reason = error.message;
  const std::string words = device_ == nullptr ? "" : device_->last_error();
  if (!words.empty() && error.message.find(words) == std::string::npos)
    record_.workload.reason += " (" + words + ")";
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
  if (!result.status) fail(result.status.error());
}

void CopyRun::take(const VerifyResult& result) {
  record_.totals.verified_bytes = result.data_bytes;
  record_.workload.problems += result.problems.count();
  for (const SourceProblem& problem : result.problems.kept())
    record_.workload.problem_list.push_back({problem.path, problem.reason});
  for (const Mismatch& mismatch : result.mismatches.kept()) {
    std::string what = mismatch.what;
    if (mismatch.offset) what += fmt::format(", first at byte {}", *mismatch.offset);
    record_.add_mismatch({mismatch.path, std::move(what)}, clock_now() - began_);
  }
  record_.workload.mismatches = result.mismatches.count();
  if (!result.status) fail(result.status.error());
}

void CopyRun::event_opened(const PathEvent& event) {
  display_.show(event);
  if (event.kind != EventKind::hang) return;
  hung_ = true;
  trouble_.set();
}

Task<void> CopyRun::listen_for_signals() {
  const int number = co_await signals_.next();
  if (number == 0) co_return;
  // The second one ends the process at once, whatever state we are in.
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  signal_ = number;
  display_.say(fmt::format("interrupted by {}: ending in order; once more ends it at once",
                           number == SIGINT ? "SIGINT" : "SIGTERM"));
  trouble_.set();
}

Task<void> CopyRun::supervise() {
  co_await trouble_.wait();
  if (over_) co_return;
  if (!hung_) {
    end_early(Outcome::interrupted, signal_grace);
    Deadline orderly(loop_, work_over_, clock_now() + orderly_grace);
    while (!over_ && !orderly.passed()) {
      work_over_.reset();
      co_await work_over_.wait();
    }
  } else {
    end_early(Outcome::hung, hang_grace);
  }
  Device* device = device_ != nullptr ? device_.get() : closing_;
  if (!over_ && device != nullptr) device->abandon();
}

/// Makes sure that the run ends and is reported even if nothing of ours ever moves again.
void CopyRun::end_early(Outcome outcome, Duration grace) {
  cancelled_ = true;
  record_.workload.outcome = outcome;
  record_.workload.signal = signal_;
  record_.workload.reason = outcome == Outcome::hung
                                ? fmt::format("no answer within the hang limit of {}", duration_text(options_.hang))
                                : fmt::format("signal {}", signal_);
  const RunRecord now = snapshot();
  guard_->arm(grace, now.exit_code(), options_.quiet ? verdict_line(now) + "\n" : to_text(now));
  if (options_.json_path.empty()) return;
  if (Status written = write_record(now, options_.json_path); !written) display_.say(written.error().message);
}

/// The record as it would be if the run ended now.
RunRecord CopyRun::snapshot() const {
  RunRecord record = record_;
  record.take(watch_);
  record.totals.time = clock_now() - began_;
  if (record.totals.copy_time == Duration(0)) {
    record.totals.copy_time = record.totals.time;
    record.totals.files = progress_.entries_done;
    record.totals.bytes = progress_.bytes_done;
  }
  return record;
}

}  // namespace holdfast::initiator
