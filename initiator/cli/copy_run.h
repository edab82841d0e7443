#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/runtime/event.h"
#include "common/runtime/loop.h"
#include "common/runtime/signals.h"
#include "common/runtime/task.h"
#include "initiator/cli/apart.h"
#include "initiator/cli/destination.h"
#include "initiator/cli/guard.h"
#include "initiator/cli/live_display.h"
#include "initiator/report/run_record.h"
#include "initiator/tree/tree.h"
#include "initiator/watch/watch.h"
#include "initiator/watch/watch_timer.h"
#include "initiator/workload/copy.h"
#include "initiator/workload/progress.h"
#include "initiator/workload/verify.h"

namespace holdfast::initiator {

struct CopyRunOptions {
  std::string source;
  Destination destination;
  bool verify = false;
  std::string json_path;  // empty: no record
  Duration stall = std::chrono::seconds(1);
  Duration hang = std::chrono::seconds(10);
  bool quiet = false;
  ExitNotice notice;
};

/// One `holdfast copy`: the work, the watch over it, and its end. However the work goes, the run ends:
/// a hang and a signal give what is in flight up, and if even that does not end it, the guard does.
class CopyRun final : private WatchListener {
 public:
  CopyRun(Loop& loop, Signals& signals, CopyRunOptions options);
  ~CopyRun();

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

 private:
  void event_opened(const PathEvent& event) override;
  void event_ended(const PathEvent& event) override { display_.show(event); }

  Task<void> work();
  Task<void> copy_phase(const SourceEstimate& estimate);
  Task<void> verify_phase(const SourceEstimate& estimate);
  Task<Status> open_device(bool read_only);
  Task<void> close_device();
  Task<void> close_device_under(std::unique_ptr<Tree> tree);
  SourceOptions source_options() const;
  Error too_small(const SourceEstimate& estimate, const Error& error) const;
  void fail_to_start(const Error& error, int code);
  void fail(const Error& error);
  void take(const CopyResult& result);
  void take(const VerifyResult& result);

  Task<void> listen_for_signals();
  Task<void> supervise();
  void end_early(Outcome outcome, Duration grace);
  RunRecord snapshot() const;

  Loop& loop_;
  Signals& signals_;
  const CopyRunOptions options_;
  const Instant began_;
  Watch watch_;
  WatchTimer watch_timer_;
  Progress progress_;
  LiveDisplay display_;
  std::optional<Guard> guard_;

  std::unique_ptr<Device> device_;
  Device* closing_ = nullptr;  // the one that `close_device` has taken
  CopyResult copied_;
  RunRecord record_;
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
