#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/device/device.h"
#include "initiator/workload/block_pattern.h"
#include "initiator/workload/block_pipeline.h"
#include "initiator/workload/generation_table.h"
#include "initiator/workload/load.h"
#include "initiator/workload/load_plan.h"
#include "initiator/workload/progress.h"

namespace holdfast::initiator {

struct ReadBackResult {
  Status status;
  std::uint64_t blocks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t faults = 0;
};

/// Reads every block that a load wrote, or may have written, in order, and judges it by the table
/// of generations. No write is in flight any more.
class ReadBack final : private BlockSource {
 public:
  /// `lenient`: the connection broke, and the device may have lost what it had acknowledged and not
  /// been told to flush, so an older state is no fault. All of these outlive it; its own memory may
  /// be the kernel's until the device is closed.
  ReadBack(Loop& loop, Device& device, const LoadPlan& plan, const GenerationTable& table,
           bool lenient, Progress& progress, const std::atomic<bool>& cancelled,
           BlockFaultFound found);

  /// All of it, once.
  Task<void> run();
  const ReadBackResult& result() const { return result_; }

 private:
  Next next(BlockSlot& slot, Instant now) override;
  void finished(BlockSlot& slot, Instant now) override;
  std::optional<Instant> pause(Instant) override { return {}; }

  const LoadPlan& plan_;
  const GenerationTable& table_;
  const bool lenient_;
  Progress& progress_;
  const BlockFaultFound found_;
  const std::uint32_t blocks_at_once_;
  BlockPipeline pipeline_;
  std::uint64_t cursor_ = 0;
  ReadBackResult result_;
};

}  // namespace holdfast::initiator
