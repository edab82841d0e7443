#include "initiator/watch/watched_device.h"

#include <cerrno>
#include <utility>

#include "common/runtime/loop.h"
#include "initiator/watch/evidence.h"

namespace holdfast::initiator {
namespace {

OperationKind kind_of(DeviceOperation operation) {
  switch (operation) {
    case DeviceOperation::read: return OperationKind::read;
    case DeviceOperation::write: return OperationKind::write;
    case DeviceOperation::flush: return OperationKind::flush;
    case DeviceOperation::unmap: return OperationKind::unmap;
  }
  return OperationKind::read;
}

}  // namespace

WatchedDevice::WatchedDevice(std::unique_ptr<Device> device, WatchTimer& timer)
    : device_(std::move(device)), timer_(timer), callers_(timer.watch().options().slots) {
  CHECK(device_->depth_max() <= callers_.size());
  if (timer_.evidence() != nullptr) timer_.evidence()->add(*device_, device_->transport());
}

WatchedDevice::~WatchedDevice() {
  if (timer_.evidence() != nullptr) timer_.evidence()->remove(*device_);
}

void WatchedDevice::submit(DeviceRequest& request) {
  const Instant now = clock_now();
  if (request.due == Instant{}) request.due = now;
  request.watch_slot = timer_.watch().begin(kind_of(request.operation), request.offset / block_bytes(),
                                            request.bytes, request.file, request.due, now);
  timer_.begun();
  callers_[request.watch_slot] = {request.done, request.owner};
  request.done = &WatchedDevice::finished;
  request.owner = this;
  device_->submit(request);
}

void WatchedDevice::finished(DeviceRequest& request) {
  auto& self = *static_cast<WatchedDevice*>(request.owner);
  const Instant now = Loop::current().now();
  if (request.error != 0 && request.error != ECANCELED && !self.loss_reported_ && self.device_->lost()) {
    self.loss_reported_ = true;
    self.timer_.watch().outage(self.device_->last_error(), now);
  }
  self.timer_.watch().end(request.watch_slot, request.error, now);
  const Caller caller = self.callers_[request.watch_slot];
  request.done = caller.done;
  request.owner = caller.owner;
  request.due = Instant{};
  request.done(request);
}

}  // namespace holdfast::initiator
