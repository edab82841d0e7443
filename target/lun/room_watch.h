#pragma once

#include <cstdint>
#include <functional>

#include "common/base/clock.h"
#include "common/runtime/task.h"
#include "common/scsi/geometry.h"
#include "common/scsi/thresholds.h"
#include "target/lun/steps.h"
#include "target/store/store.h"

namespace holdfast::target {

/// Watches how much room a thin unit's store has left for it. It looks while the unit is written to,
/// and costs nothing otherwise.
class RoomWatch {
 public:
  /// `reached` is called each time that the room falls below the soft threshold of `geometry`.
  RoomWatch(Store& store, const scsi::Geometry& geometry, std::function<void()> reached);
  /// Idle by then.
  ~RoomWatch();
  RoomWatch(const RoomWatch&) = delete;
  RoomWatch& operator=(const RoomWatch&) = delete;

  /// That many bytes were written.
  void wrote(std::uint64_t bytes);
  /// Looks now: 0, or the errno with which the store could not tell.
  Task<int> look();
  /// As it was when last looked at.
  scsi::ThinResources resources() const;
  /// Calls `idle` when it asks nothing of the store; now, if that is so.
  void tell_when_idle(std::function<void()> idle);

 private:
  Shell look_aside();
  void judge(const StoreRoom& room);

  Store& store_;
  const scsi::Geometry& geometry_;
  std::function<void()> reached_;
  std::function<void()> idle_;
  StoreRoom room_;
  Instant looked_at_{};
  std::uint64_t written_ = 0;  // since it looked
  bool looking_ = false;       // by itself
  bool is_low_ = false;
};

}  // namespace holdfast::target
