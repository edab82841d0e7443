#pragma once

#include <utility>

#include "common/runtime/loop.h"

namespace holdfast {

/// Something that lives on a thread of the loop: it counts there until it goes.
class Seat {
 public:
  Seat(Loop& loop, unsigned thread) : loop_(&loop), thread_(thread) { ++loop.seats_[thread]; }
  Seat(Seat&& other) noexcept : loop_(std::exchange(other.loop_, nullptr)), thread_(other.thread_) {}
  Seat& operator=(Seat&&) = delete;
  ~Seat() { leave(); }

  void leave() {
    if (loop_ != nullptr) --loop_->seats_[thread_];
    loop_ = nullptr;
  }
  unsigned thread() const { return thread_; }

 private:
  Loop* loop_;
  unsigned thread_;
};

}  // namespace holdfast
