#pragma once

#include <memory>
#include <vector>

#include "initiator/cli/destination.h"
#include "initiator/cli/effort.h"
#include "initiator/cli/run.h"
#include "initiator/watch/watched_device.h"
#include "initiator/workload/generation_table.h"
#include "initiator/workload/load.h"
#include "initiator/workload/load_plan.h"
#include "initiator/workload/read_back.h"

namespace holdfast::initiator {

struct LoadRunOptions {
  RunOptions run;
  Destination destination;
  LoadOptions load;
};

/// One `holdfast load`: reads and writes on one or several sessions with a device, and what was written
/// read back in a session of its own. Where the connection breaks, what was acknowledged until then
/// is read back as soon as the peer is there again.
class LoadRun final : public Run {
 public:
  LoadRun(Loop& loop, Signals& signals, LoadRunOptions options);
  ~LoadRun() override;

 private:
  Task<void> work() override;
  void abandon() override;
  void note_progress(RunRecord& record) const override;

  Task<Status> open_sessions(std::uint32_t count, bool read_only);
  Task<void> close_sessions(WireUse& wire);
  Task<void> load_phase();
  Task<void> read_back_phase(bool broke);
  Task<Status> open_again(bool broke);
  void found(const BlockFault& fault);
  /// What was done so far.
  LoadFigures figures() const;
  std::vector<Device*> devices() const;
  bool any_lost() const;
  bool any_came_back() const;
  std::string last_error() const;

  const LoadRunOptions options_;
  std::vector<std::unique_ptr<WatchedDevice>> sessions_;
  LoadPlan plan_;
  std::unique_ptr<GenerationTable> table_;
  // Their memory may be the kernel's until the sessions are closed.
  std::unique_ptr<Load> load_;
  std::unique_ptr<ReadBack> read_back_;
  Effort effort_before_;
  std::uint64_t shown_faults_ = 0;
};

}  // namespace holdfast::initiator
