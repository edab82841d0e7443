#pragma once

#include <memory>
#include <vector>

#include "initiator/device/device.h"
#include "initiator/watch/watch_timer.h"

namespace holdfast::initiator {

/// A layer over any device that tells the watch when each operation was due and when it ended, so
/// that every transport is judged by the same clock in the same place.
class WatchedDevice final : public Device {
 public:
  /// `timer` outlives it.
  WatchedDevice(std::unique_ptr<Device> device, WatchTimer& timer);
  ~WatchedDevice() override;

  std::uint64_t size() const override { return device_->size(); }
  std::uint32_t block_bytes() const override { return device_->block_bytes(); }
  std::uint32_t transfer_bytes_max() const override { return device_->transfer_bytes_max(); }
  std::uint32_t depth_max() const override { return device_->depth_max(); }
  bool read_only() const override { return device_->read_only(); }
  std::string transport() const override { return device_->transport(); }
  std::map<std::string, std::string> negotiated() const override { return device_->negotiated(); }
  std::string last_error() const override { return device_->last_error(); }
  bool lost() const override { return device_->lost(); }
  WireUse wire() const override { return device_->wire(); }
  std::size_t examine(std::span<ConnectionEvidence> into) const override { return device_->examine(into); }
  bool ping() override { return device_->ping(); }
  std::string stuck_in() const override { return device_->stuck_in(); }
  std::optional<PeerDoor> door() const override { return device_->door(); }

  void submit(DeviceRequest& request) override;
  void abandon() override { device_->abandon(); }
  bool drained() const override { return device_->drained(); }
  Task<void> close(Duration deadline) override { return device_->close(deadline); }

 private:
  struct Caller {
    void (*done)(DeviceRequest&) = nullptr;
    void* owner = nullptr;
  };

  static void finished(DeviceRequest& request);

  std::unique_ptr<Device> device_;
  WatchTimer& timer_;
  std::vector<Caller> callers_;  // by the watch's slot
  bool loss_reported_ = false;
};

}  // namespace holdfast::initiator
