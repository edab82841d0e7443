#include "target/store/store.h"

#include <utility>

#include "common/base/check.h"
#include "common/runtime/loop.h"

namespace holdfast::target {

std::uint64_t StoreRequest::length() const {
  if (operation == StoreOperation::flush) return 0;
  if (operation != StoreOperation::read && operation != StoreOperation::write) return bytes;
  std::uint64_t sum = 0;
  for (const iovec& vector : vectors) sum += vector.iov_len;
  return sum;
}

void StoreRequest::complete(std::int32_t result, bool) {
  store_->step(*this, result);
}

void StoreRequest::aside() {
  const Store::Moved moved = store_->move(*this);
  error = moved.error;
  failed_offset = moved.failed_offset;
}

void StoreRequest::run() {
  Store::finish(*this, error, failed_offset);
}

Store::~Store() {
  CHECK(in_flight_ == 0);
}

void Store::submit(StoreRequest& request) {
  CHECK(request.store_ == nullptr && request.done != nullptr);
  if (request.operation != StoreOperation::flush) {
    CHECK(request.offset <= size());
    CHECK(request.length() <= size() - request.offset);
  }
  request.store_ = this;
  request.progress_ = 0;
  request.stage_ = 0;
  request.retries_ = 0;
  request.given_up_ = false;
  request.error = 0;
  request.failed_offset = 0;
  ++in_flight_;
  if (request.changes() && read_only()) return finish_later(request, EROFS, request.offset);
  if (guard_ != nullptr && !request.past_guard)
    if (const std::optional<std::uint64_t> stopped = guard_->stops(request))
      return finish_later(request, EIO, *stopped);
  start(request);
}

void Store::give_up(StoreRequest& request) {
  if (!request.submitted() || std::exchange(request.given_up_, true)) return;
  request.store_->let_go(request);
}

void Store::finish(StoreRequest& request, int error, std::uint64_t failed_offset) {
  --request.store_->in_flight_;
  request.store_ = nullptr;
  request.error = error;
  request.failed_offset = failed_offset;
  request.done(request);
}

void Store::finish_later(StoreRequest& request, int error, std::uint64_t failed_offset) {
  request.error = error;
  request.failed_offset = failed_offset;
  Loop::current().defer(request);
}

void Store::move_aside(StoreRequest& request) { Loop::current().do_aside(request); }

void Store::map_all(StoreRequest& request) {
  request.extents_found = 0;
  if (request.extents.empty() || request.bytes == 0) return;
  request.extents[0] = {request.offset, request.bytes, StoreExtentState::mapped};
  request.extents_found = 1;
}

void Store::pass_on(StoreRequest& request, Store& below) {
  --request.store_->in_flight_;
  request.store_ = nullptr;
  below.submit(request);
}

Store::Moved Store::move(StoreRequest&) {
  CHECK(!"this store moves nothing aside");
  return {};
}

void Store::step(StoreRequest&, std::int32_t) {
  CHECK(!"this store starts no kernel operation");
}

}  // namespace holdfast::target
