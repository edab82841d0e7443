#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/buffer.h"
#include "common/runtime/completion.h"
#include "common/runtime/event.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "common/runtime/timer.h"
#include "initiator/device/device.h"

namespace holdfast::initiator {

class BlockPipeline;

/// One operation's request and memory, used again and again.
struct BlockSlot {
  DeviceRequest request;
  iovec vector{};
  std::byte* data = nullptr;
  std::uint32_t session = 0;
  BlockPipeline* pipeline = nullptr;

  // The source's own notes.
  std::uint64_t block = 0;
  std::uint32_t blocks = 0;
  std::uint32_t generation = 0;
  Instant sent{};

  std::span<std::byte> memory() { return {data, request.bytes}; }
};

/// Where a pipeline's operations come from, and where they go when they are done.
class BlockSource {
 public:
  enum class Next : std::uint8_t {
    send,  // the slot's operation, offset, bytes and due are set, and the data of a write
    wait,  // nothing now for this session; ask again after a completion, or when `pause` says
    over,  // nothing any more, for no session
  };

  virtual Next next(BlockSlot& slot, Instant now) = 0;
  /// `slot.request.error` says how it went. After an error nothing more is asked for.
  virtual void finished(BlockSlot& slot, Instant now) = 0;
  /// All that can be sent now was sent. When to ask again though nothing completed.
  virtual std::optional<Instant> pause(Instant now) = 0;

 protected:
  ~BlockSource() = default;
};

/// Keeps up to `depth` operations in flight on each of several sessions with one device: a state
/// machine with all its memory from the beginning. What completes in one turn of the loop is
/// replaced in one go, so that a session sends it together.
///
/// Its memory may be the kernel's until the devices are closed: it is to be kept until then.
class BlockPipeline final : private Deferred, private Timer {
 public:
  BlockPipeline(Loop& loop, std::span<Device* const> sessions, std::uint32_t depth,
                std::uint32_t slot_bytes, BlockSource& source, const std::atomic<bool>& cancelled);
  ~BlockPipeline();

  /// Until the source is over, an operation failed, or it is cancelled; nothing is in flight then.
  /// The failure is the first one, with its place and the peer's words.
  Task<Status> drive();

  /// Every slot, for the source to prepare before `drive`.
  std::deque<BlockSlot>& slots() { return slots_; }
  std::uint32_t in_flight() const { return in_flight_; }

 private:
  void run() override { fill(); }
  void expire() override { ask_soon(); }
  void ask_soon();
  void fill();
  bool send_one(std::uint32_t session);
  static void done(DeviceRequest& request);
  void finished(BlockSlot& slot);

  Loop& loop_;
  const std::vector<Device*> sessions_;
  BlockSource& source_;
  const std::atomic<bool>& cancelled_;
  BufferPool memory_;
  std::deque<BlockSlot> slots_;
  std::vector<std::vector<BlockSlot*>> free_;  // of each session
  std::uint32_t in_flight_ = 0;
  bool over_ = false;
  Status failure_;
  Event idle_;
};

}  // namespace holdfast::initiator
