#include "initiator/workload/block_pipeline.h"

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>

namespace holdfast::initiator {
namespace {

/// How often at least is looked whether the run was cancelled, while there is nothing to send.
constexpr Duration look_again = std::chrono::milliseconds(100);

const char* name_of(DeviceOperation operation) {
  constexpr const char* names[] = {"read", "write", "flush", "unmap"};
  return names[static_cast<std::size_t>(operation)];
}

}  // namespace

BlockPipeline::BlockPipeline(Loop& loop, std::span<Device* const> sessions, std::uint32_t depth,
                             std::uint32_t slot_bytes, BlockSource& source,
                             const std::atomic<bool>& cancelled)
    : Timer(loop),
      loop_(loop),
      sessions_(sessions.begin(), sessions.end()),
      source_(source),
      cancelled_(cancelled),
      memory_(slot_bytes, sessions.size() * depth),
      free_(sessions.size()) {
  for (std::uint32_t session = 0; session < sessions_.size(); ++session) {
    for (std::uint32_t i = 0; i < depth; ++i) {
      BlockSlot& slot = slots_.emplace_back();
      slot.data = memory_.take();
      slot.session = session;
      slot.request.done = &BlockPipeline::done;
      slot.request.owner = &slot;
      slot.pipeline = this;
      free_[session].push_back(&slot);
    }
  }
}

BlockPipeline::~BlockPipeline() {
  CHECK(in_flight_ == 0);
  for (BlockSlot& slot : slots_) memory_.give_back(slot.data);
}

Task<Status> BlockPipeline::drive() {
  ask_soon();
  co_await idle_.wait();
  co_return failure_;
}

void BlockPipeline::ask_soon() {
  if (!queued()) loop_.defer(*this);
}

void BlockPipeline::fill() {
  disarm();
  if (cancelled_ || !failure_.ok()) over_ = true;
  bool sent = true;
  while (sent && !over_) {
    sent = false;
    // In turns, so that no session is served before the others.
    for (std::uint32_t session = 0; session < sessions_.size() && !over_; ++session)
      sent |= send_one(session);
  }
  if (over_ && in_flight_ == 0) return idle_.set();
  if (over_) return;
  const Instant now = clock_now();
  const Instant latest = now + look_again;
  arm(std::min(latest, source_.pause(now).value_or(latest)));
}

bool BlockPipeline::send_one(std::uint32_t session) {
  if (free_[session].empty()) return false;
  BlockSlot& slot = *free_[session].back();
  const Instant now = clock_now();
  switch (source_.next(slot, now)) {
    case BlockSource::Next::wait:
      return false;
    case BlockSource::Next::over:
      over_ = true;
      return false;
    case BlockSource::Next::send:
      break;
  }
  free_[session].pop_back();
  slot.sent = now;
  slot.vector = {slot.data, slot.request.bytes};
  slot.request.vectors = std::span(&slot.vector, 1);
  slot.request.error = 0;
  ++in_flight_;
  sessions_[session]->submit(slot.request);
  return true;
}

void BlockPipeline::done(DeviceRequest& request) {
  auto& slot = *static_cast<BlockSlot*>(request.owner);
  slot.pipeline->finished(slot);
}

void BlockPipeline::finished(BlockSlot& slot) {
  const DeviceRequest& request = slot.request;
  source_.finished(slot, loop_.now());
  if (request.error != 0 && failure_.ok()) {
    const Device& device = *sessions_[slot.session];
    failure_ = Error::from_errno(request.error,
                                 fmt::format("{} of {} bytes at LBA {}", name_of(request.operation),
                                             request.bytes, request.offset / device.block_bytes()));
  }
  free_[slot.session].push_back(&slot);
  --in_flight_;
  ask_soon();
}

}  // namespace holdfast::initiator
