#include "target/lun/room_watch.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <utility>

#include "common/base/log.h"
#include "common/base/units.h"

namespace holdfast::target {
namespace {

// Others may fill what the store is on, so it is looked at again after a while, however little this
// unit wrote.
constexpr Duration interval = std::chrono::seconds(1);
constexpr std::uint64_t step_bytes_max = 16 * MiB;

std::uint64_t threshold_bytes(const scsi::Geometry& geometry) {
  return std::uint64_t{scsi::soft_threshold_sets(geometry)} * scsi::threshold_set_bytes;
}

std::uint32_t in_sets(std::uint64_t bytes) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(bytes / scsi::threshold_set_bytes, 0xffff'ffff));
}

}  // namespace

RoomWatch::RoomWatch(Store& store, const scsi::Geometry& geometry, std::function<void()> reached)
    : store_(store), geometry_(geometry), reached_(std::move(reached)) {
}

RoomWatch::~RoomWatch() {
  CHECK(!looking_);
}

void RoomWatch::wrote(std::uint64_t bytes) {
  written_ += bytes;
  if (looking_) return;
  const std::uint64_t step = std::min(step_bytes_max, threshold_bytes(geometry_) / 4);
  if (written_ < step && clock_now() - looked_at_ < interval) return;
  looking_ = true;
  look_aside();
}

Shell RoomWatch::look_aside() {
  Task<int> look_once = look();
  co_await look_once;
  looking_ = false;
  if (idle_) std::exchange(idle_, nullptr)();
}

Task<int> RoomWatch::look() {
  written_ = 0;
  looked_at_ = clock_now();
  StoreStep step(store_);
  step.request().operation = StoreOperation::room;
  step.request().bytes = store_.size();
  const int error = co_await step.submit();
  if (error == 0) judge(step.request().room);
  co_return error;
}

void RoomWatch::judge(const StoreRoom& room) {
  room_ = room;
  const bool was_low = std::exchange(is_low_, room.available_bytes < threshold_bytes(geometry_));
  if (!is_low_ || was_low) return;
  log(LogLevel::warning, "{}: {} MiB are left for it, fewer than its soft threshold of {}",
      store_.describe(), room.available_bytes / MiB, threshold_bytes(geometry_) / MiB);
  reached_();
}

scsi::ThinResources RoomWatch::resources() const {
  return {.available_sets = in_sets(room_.available_bytes), .used_sets = in_sets(room_.used_bytes)};
}

void RoomWatch::tell_when_idle(std::function<void()> idle) {
  if (!looking_) return idle();
  idle_ = [others = std::move(idle_), idle = std::move(idle)] {
    if (others) others();
    idle();
  };
}

}  // namespace holdfast::target
