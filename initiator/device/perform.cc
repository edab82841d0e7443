#include <coroutine>

#include "common/runtime/loop.h"
#include "initiator/device/device.h"

namespace holdfast::initiator {
namespace {

class RequestAwaiter {
 public:
  RequestAwaiter(Device& device, DeviceRequest& request) : device_(device), request_(request) {}

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    request_.owner = this;
    request_.done = [](DeviceRequest& request) {
      Loop::current().ready(static_cast<RequestAwaiter*>(request.owner)->waiter_);
    };
    device_.submit(request_);
  }
  int await_resume() const noexcept { return request_.error; }

 private:
  Device& device_;
  DeviceRequest& request_;
  std::coroutine_handle<> waiter_;
};

}  // namespace

Task<int> perform(Device& device, DeviceRequest& request) {
  RequestAwaiter answer(device, request);
  const int error = co_await answer;
  co_return error;
}

}  // namespace holdfast::initiator
