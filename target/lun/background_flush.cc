#include "target/lun/background_flush.h"

#include <utility>

namespace holdfast::target {

BackgroundFlush::BackgroundFlush(Store& store, std::function<void(int error)> failed)
    : store_(store), failed_(std::move(failed)) {
  request_.operation = StoreOperation::flush;
  request_.owner = this;
  request_.done = [](StoreRequest& request) {
    static_cast<BackgroundFlush*>(request.owner)->flushed();
  };
}

BackgroundFlush::~BackgroundFlush() {
  CHECK(!request_.submitted());
}

void BackgroundFlush::start() {
  if (request_.submitted())
    again_ = true;
  else
    store_.submit(request_);
}

void BackgroundFlush::start_and_tell(std::function<void()> idle) {
  waiting_.push_back(std::move(idle));
  start();
}

void BackgroundFlush::tell_when_idle(std::function<void()> idle) {
  if (!request_.submitted()) return idle();
  waiting_.push_back(std::move(idle));
}

void BackgroundFlush::flushed() {
  if (request_.error != 0) failed_(request_.error);
  if (std::exchange(again_, false)) return store_.submit(request_);
  // One of them may be the last to need us.
  const std::vector<std::function<void()>> waiting = std::exchange(waiting_, {});
  for (const std::function<void()>& idle : waiting) idle();
}

}  // namespace holdfast::target
