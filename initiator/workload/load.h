#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "common/base/histogram.h"
#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/device/device.h"
#include "initiator/workload/access_sequence.h"
#include "initiator/workload/block_pattern.h"
#include "initiator/workload/block_pipeline.h"
#include "initiator/workload/generation_table.h"
#include "initiator/workload/load_plan.h"
#include "initiator/workload/load_schedule.h"
#include "initiator/workload/progress.h"

namespace holdfast::initiator {

/// Told of every block that is not what it should be, as it is found.
using BlockFaultFound = std::function<void(const BlockFault&)>;

struct LoadResult {
  struct Direction {
    std::uint64_t operations = 0;
    std::uint64_t bytes = 0;
    /// From when an operation was sent, which in an open loop may be long after it was due.
    Histogram service;
  };

  /// Failed: an operation did, with its place and the peer's words.
  Status status;
  Duration time{};  // from the first operation sent to the last one answered
  Direction reads;
  Direction writes;

  // Open loop: what was due and could not be sent yet, since the queue was full.
  std::uint64_t waiting_most = 0;
  Duration waited_longest{};
  std::uint64_t never_sent = 0;  // when the time was over

  // With verification.
  std::uint64_t checked_blocks = 0;     // read and judged while the load ran
  std::uint64_t unlabelled_blocks = 0;  // of those of a load that only reads: nobody's
  std::uint64_t faults = 0;
};

/// One load: reads and writes of equal blocks on one or several sessions with one device, as many
/// in flight as the depth says (closed loop), or each when it is due by the clock (open loop).
///
/// With a table of generations every write carries a pattern and every read is judged by what the
/// block may hold. A block that a write is in flight to may be read, and counts as right in its old
/// state and in its new one, sector by sector; it is not written a second time meanwhile, so what
/// is acknowledged last is what must be there.
class Load final : private BlockSource {
 public:
  /// `table`: for a load that writes and verifies. All of these outlive it; its own memory may be
  /// the kernel's until the devices are closed.
  Load(Loop& loop, std::span<Device* const> sessions, const LoadPlan& plan, GenerationTable* table,
       Progress& progress, const std::atomic<bool>& cancelled, BlockFaultFound found);

  /// All of it, once.
  Task<void> run();
  /// So far, or in the end.
  const LoadResult& result() const { return result_; }

 private:
  Next next(BlockSlot& slot, Instant now) override;
  void finished(BlockSlot& slot, Instant now) override;
  std::optional<Instant> pause(Instant now) override;

  bool find_free_block(AccessSequence& sequence) const;
  void prepare(BlockSlot& slot, const AccessSequence::Step& step);
  void stamp(BlockSlot& slot);
  void judge(const BlockSlot& slot);
  void note_waiting(Instant now);

  const LoadPlan& plan_;
  GenerationTable* table_;
  Progress& progress_;
  const BlockFaultFound found_;
  std::vector<AccessSequence> sequences_;  // of each session
  std::optional<LoadSchedule> schedule_;
  BlockPipeline pipeline_;
  Instant start_;
  Instant end_;
  Instant last_;
  std::uint64_t stamps_ = 0;
  LoadResult result_;
};

}  // namespace holdfast::initiator
