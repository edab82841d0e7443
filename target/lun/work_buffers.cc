#include "target/lun/work_buffers.h"

#include <utility>

#include "common/base/check.h"

namespace holdfast::target {

WorkBuffers::~WorkBuffers() {
  CHECK(lent_ == 0);
}

bool WorkBuffers::lend(Loan& loan) {
  if (lent_ == buffers_max) return false;
  ++lent_;
  if (free_.empty()) {
    loan.buffer_ = Buffer(buffer_bytes);
  } else {
    loan.buffer_ = std::move(free_.back());
    free_.pop_back();
  }
  return true;
}

void WorkBuffers::Loan::wait(std::coroutine_handle<> waiter) {
  waiter_ = waiter;
  next_ = nullptr;
  (buffers_.first_waiting_ == nullptr ? buffers_.first_waiting_ : buffers_.last_waiting_->next_) =
      this;
  buffers_.last_waiting_ = this;
}

void WorkBuffers::Loan::give_back() {
  if (!buffer_) return;
  if (Loan* waiting = buffers_.first_waiting_) {
    buffers_.first_waiting_ = waiting->next_;
    waiting->buffer_ = std::move(buffer_);
    Loop::current().ready(waiting->waiter_);
    return;
  }
  --buffers_.lent_;
  // One is kept for the next command; more than that only while there is work for them.
  if (buffers_.free_.empty()) buffers_.free_.push_back(std::move(buffer_));
  buffer_ = Buffer();
}

std::span<iovec> WorkBuffers::Loan::vectors(std::size_t count) {
  CHECK(buffer_ && count <= buffer_bytes);
  vector_ = iovec{buffer_.data(), count};
  return std::span(&vector_, 1);
}

}  // namespace holdfast::target
