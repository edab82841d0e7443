#include "common/runtime/timer.h"

#include <utility>

#include "common/base/check.h"
#include "common/runtime/loop.h"

namespace holdfast {

void Timer::arm(Instant when) {
  disarm();
  loop_.timers().insert(*this, when);
}

void Timer::disarm() {
  if (armed()) queue_->remove(*this);
}

void TimerQueue::insert(Timer& timer, Instant when) {
  CHECK(!timer.armed());
  timer.when_ = when;
  timer.queue_ = this;
  heap_.push_back(&timer);
  timer.slot_ = heap_.size() - 1;
  sift_up(timer.slot_);
}

void TimerQueue::remove(Timer& timer) {
  const std::size_t slot = timer.slot_;
  CHECK(slot < heap_.size() && heap_[slot] == &timer);
  Timer* last = heap_.back();
  heap_.pop_back();
  timer.slot_ = Timer::unarmed;
  if (last == &timer) return;
  place(slot, last);
  sift_up(slot);
  sift_down(last->slot_);
}

bool TimerQueue::expire_one(Instant now) {
  if (heap_.empty() || heap_.front()->when_ > now) return false;
  Timer& timer = *heap_.front();
  remove(timer);
  timer.expire();
  return true;
}

void TimerQueue::place(std::size_t slot, Timer* timer) {
  heap_[slot] = timer;
  timer->slot_ = slot;
}

void TimerQueue::sift_up(std::size_t slot) {
  Timer* timer = heap_[slot];
  while (slot > 0) {
    const std::size_t parent = (slot - 1) / 2;
    if (heap_[parent]->when_ <= timer->when_) break;
    place(slot, heap_[parent]);
    slot = parent;
  }
  place(slot, timer);
}

void TimerQueue::sift_down(std::size_t slot) {
  Timer* timer = heap_[slot];
  for (;;) {
    std::size_t child = 2 * slot + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->when_ < heap_[child]->when_) ++child;
    if (heap_[child]->when_ >= timer->when_) break;
    place(slot, heap_[child]);
    slot = child;
  }
  place(slot, timer);
}

}  // namespace holdfast
