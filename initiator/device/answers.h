#pragma once

#include <cstdint>
#include <vector>

#include "common/runtime/loop.h"
#include "initiator/device/device.h"

namespace holdfast::initiator {

/// Requests whose answer is known, to be given later in this turn: the promise that `done` is never
/// called from inside `submit` or `abandon`.
class Answers final : public Deferred {
 public:
  Answers(Loop& loop, std::uint32_t depth_max) : loop_(loop) {
    waiting_.reserve(depth_max);
    answering_.reserve(depth_max);
  }
  ~Answers() = default;

  void push(DeviceRequest& request, int error) {
    request.error = error;
    waiting_.push_back(&request);
    if (!queued()) loop_.defer(*this);
  }

 private:
  void run() override {
    answering_.swap(waiting_);
    for (DeviceRequest* request : answering_) request->done(*request);
    answering_.clear();
  }

  Loop& loop_;
  std::vector<DeviceRequest*> waiting_;
  std::vector<DeviceRequest*> answering_;
};

}  // namespace holdfast::initiator
