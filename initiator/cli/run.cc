#include "initiator/cli/run.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <csignal>
#include <ctime>
#include <utility>

#include "common/runtime/scope.h"
#include "initiator/cli/run_files.h"
#include "initiator/cli/this_machine.h"
#include "initiator/cli/verbs.h"
#include "initiator/device/deadline.h"
#include "initiator/report/format.h"
#include "initiator/report/run_text.h"

namespace holdfast::initiator {
namespace {

// A hang is known `hang` after the operation was due, and the whole run ends within two seconds more.
constexpr Duration hang_grace = std::chrono::milliseconds(1500);
// After a signal the work may come to an orderly end, then it is given up, then the process ends.
constexpr Duration orderly_grace = std::chrono::milliseconds(1500);
constexpr Duration signal_grace = std::chrono::milliseconds(3000);
// A loop that does not turn for so much longer than a hang is stuck for good.
constexpr Duration stuck_beyond_hang = std::chrono::seconds(20);

WatchOptions watch_options(const RunOptions& options, bool on_files) {
  WatchOptions watch;
  watch.stall = options.stall;
  watch.hang = options.hang;
  watch.on_files = on_files;
  return watch;
}

std::string utc_now() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))); }

}  // namespace

Run::Run(Loop& loop, Signals& signals, const RunOptions& options, bool on_files)
    : loop_(loop),
      watch_(watch_options(options, on_files), clock_now()),
      evidence_(loop, watch_),
      watch_timer_(loop, watch_, &evidence_),
      signals_(signals),
      options_(options),
      began_(watch_.start_of_run()),
      effort_before_(Effort::now()),
      display_(loop, LiveDisplay::style_for(options.quiet), progress_, watch_),
      guard_(std::in_place, loop, options.hang + stuck_beyond_hang, options.notice) {
  watch_.set_listener(this);
  record_.workload.started = utc_now();
  record_.workload.version = HOLDFAST_VERSION;
  record_.machine = this_machine();
  record_.command_line = options_.command_line;
}

Run::~Run() = default;

Task<void> Run::run() {
  Scope scope;
  scope.spawn(listen_for_signals());
  scope.spawn(supervise());
  co_await work();
  over_ = true;
  work_over_.set();
  trouble_.set();
  signals_.stop();
  co_await scope.join();
  co_await evidence_.stop();
  display_.end_progress();
  watch_.finish(clock_now());
  take_stock(record_);
}

void Run::fail_to_start(const Error& error, int code) {
  start_failure_ = error;
  start_failure_code_ = code;
}

void Run::fail_to_start(const Error& error) {
  fail_to_start(error, error.kind == ErrorKind::invalid_input ? exit_usage : exit_not_started);
}

void Run::fail(const Error& error, const std::string& peers_words) {
  if (cancelled_) return;
  record_.workload.outcome = Outcome::failed;
  record_.workload.reason = error.message;
  if (!peers_words.empty() && error.message.find(peers_words) == std::string::npos)
    record_.workload.reason += " (" + peers_words + ")";
}

void Run::event_opened(const PathEvent& event) {
  display_.show(event);
  if (event.kind != EventKind::hang) return;
  hung_ = true;
  trouble_.set();
}

void Run::reconnected(const Reconnection& reconnection) {
  watch_.reconnected(reconnection.lasted, reconnection.words, clock_now());
}

Task<void> Run::listen_for_signals() {
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

Task<void> Run::supervise() {
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
  if (!over_) abandon();
}

/// Makes sure that the run ends and is reported even if nothing of ours ever moves again.
void Run::end_early(Outcome outcome, Duration grace) {
  cancelled_ = true;
  record_.workload.outcome = outcome;
  record_.workload.signal = signal_;
  record_.workload.reason = outcome == Outcome::hung
                                ? fmt::format("no answer within the hang limit of {}", duration_text(options_.hang))
                                : fmt::format("signal {}", signal_);
  const RunRecord now = snapshot();
  guard_->arm(grace, now.exit_code(), options_.quiet ? verdict_line(now) + "\n" : to_text(now));
  if (Status written = write_files(now, options_); !written) display_.say(written.error().message);
}

/// The record as it would be if the run ended now.
RunRecord Run::snapshot() const {
  RunRecord record = record_;
  take_stock(record);
  note_progress(record);
  return record;
}

void Run::take_stock(RunRecord& record) const {
  record.take(watch_);
  record.totals.time = since_start();
  const Effort effort = Effort::now();
  record.generator.time = effort.process - effort_before_.process;
  record.generator.loop_time = effort.thread - effort_before_.thread;
}

}  // namespace holdfast::initiator
