#pragma once

#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/event.h"
#include "common/runtime/loop.h"
#include "common/runtime/signals.h"
#include "common/runtime/task.h"
#include "initiator/cli/apart.h"
#include "initiator/cli/effort.h"
#include "initiator/cli/guard.h"
#include "initiator/cli/live_display.h"
#include "initiator/device/iscsi_login.h"
#include "initiator/device/reconnecting_device.h"
#include "initiator/report/run_record.h"
#include "initiator/watch/evidence.h"
#include "initiator/watch/watch.h"
#include "initiator/watch/watch_timer.h"
#include "initiator/workload/progress.h"

namespace holdfast::initiator {

/// What the verbs that watch a path have in common on the command line.
struct RunOptions {
  std::vector<std::string> command_line;  // for the record, without passwords
  std::string json_path;  // empty: no record
  std::string html_path;  // empty: no page
  IscsiEngine engine = engine_default;
  Duration stall = std::chrono::seconds(1);
  Duration hang = std::chrono::seconds(10);
  /// How long a connection that broke is sought again; 0: the run ends.
  Duration reconnect{};
  bool quiet = false;
  Duration poll{};  // how long the loop asks for answers before it sleeps
  ExitNotice notice;
};

/// One run of a workload under the watch, and its end: a hang and a signal give what is in flight up,
/// and if even that does not end the work, the guard ends the process. What the work is, a derived
/// class says.
class Run : private WatchListener, public ReconnectListener {
 public:
  /// `on_files`: what is watched are calls on files and not on blocks.
  Run(Loop& loop, Signals& signals, const RunOptions& options, bool on_files);
  virtual ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// All of it.
  Task<void> run();

  /// Why nothing was started, with the exit code that goes with it: 2 or 3.
  const Status& start_failure() const { return start_failure_; }
  int start_failure_code() const { return start_failure_code_; }
  const RunRecord& record() const { return record_; }
  /// The report may take as long as its reader does.
  void stop_guarding() { guard_.reset(); }
  /// The kernel still uses memory of ours: the process must end without freeing it.
  bool must_not_unwind() const { return must_not_unwind_; }

 protected:
  /// The workload. It fills the record's workload, destination and totals, looks at `cancelled`
  /// between its steps, and ends soon after `abandon`.
  virtual Task<void> work() = 0;
  /// Gives everything in flight up, at once.
  virtual void abandon() = 0;
  /// Puts into a record how far the work has come, for one that is written while it runs.
  virtual void note_progress(RunRecord& record) const = 0;

  void fail_to_start(const Error& error, int code);
  /// The same, with the code that fits the error: what the user said wrongly, or the world's failure.
  void fail_to_start(const Error& error);
  /// The work could not go on. Where we ended it ourselves, that is the reason, and not what followed.
  void fail(const Error& error, const std::string& peers_words);
  /// Tells of an event that the watch does not know of.
  void show(const PathEvent& event) { display_.show(event); }
  void leave_memory_to_the_kernel() { must_not_unwind_ = true; }
  const std::atomic<bool>& cancelled() const { return cancelled_; }
  Duration since_start() const { return clock_now() - began_; }

  Loop& loop_;
  Watch watch_;
  Evidence evidence_;
  WatchTimer watch_timer_;
  Progress progress_;
  RunRecord record_;

 private:
  void event_opened(const PathEvent& event) override;
  void event_ended(const PathEvent& event) override { display_.show(event); }
  void event_explained(const PathEvent& event) override { display_.explain(event); }
  void reconnected(const Reconnection& reconnection) override;

  Task<void> listen_for_signals();
  Task<void> supervise();
  void end_early(Outcome outcome, Duration grace);
  RunRecord snapshot() const;
  /// What the watch saw, and how long and hard we worked, up to now.
  void take_stock(RunRecord& record) const;

  Signals& signals_;
  const RunOptions options_;
  const Instant began_;
  const Effort effort_before_;
  LiveDisplay display_;
  std::optional<Guard> guard_;
  Status start_failure_;
  int start_failure_code_ = 0;
  bool must_not_unwind_ = false;

  std::atomic<bool> cancelled_ = false;
  Event trouble_;
  bool hung_ = false;
  int signal_ = 0;
  bool over_ = false;
  Event work_over_;
};

}  // namespace holdfast::initiator
