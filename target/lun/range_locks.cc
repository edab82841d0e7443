#include "target/lun/range_locks.h"

#include <algorithm>

namespace holdfast::target {
namespace {

using Mode = RangeLock::Mode;

/// The places that a lock touches, each once, in `visit(place)`.
template <unsigned shift, std::size_t places, typename Visit>
void for_places(const RangeLock& lock, Visit visit) {
  const std::uint64_t first = lock.from >> shift;
  const std::uint64_t last = (lock.to - 1) >> shift;
  const std::uint64_t count = std::min<std::uint64_t>(last - first + 1, places);
  for (std::uint64_t i = 0; i < count; ++i) visit((first + i) % places);
}

}  // namespace

bool RangeLocks::conflict(const RangeLock& one, const RangeLock& other) {
  if (one.from >= other.to || other.from >= one.to) return false;
  return one.mode != other.mode || one.mode == Mode::exclusive;
}

template <typename Change>
void RangeLocks::for_counts(const RangeLock& lock, Change change) {
  for_places<place_shift, place_count>(lock, [&](std::size_t place) {
    if (lock.mode != Mode::read) change(stops_readers_[place]);
    if (lock.mode != Mode::write) change(stops_writers_[place]);
  });
}

bool RangeLocks::may_conflict(const RangeLock& lock) const {
  std::uint32_t found = 0;
  for_places<place_shift, place_count>(lock, [&](std::size_t place) {
    if (lock.mode != Mode::write) found |= stops_readers_[place];
    if (lock.mode != Mode::read) found |= stops_writers_[place];
  });
  return found != 0;
}

bool RangeLocks::has_older_conflict(const RangeLock& lock) const {
  for (const RangeLock* older = lock.older_; older != nullptr; older = older->older_)
    if (conflict(lock, *older)) return true;
  return false;
}

bool RangeLocks::acquire(RangeLock& lock) {
  CHECK(!lock.entered_ && lock.from < lock.to);
  const bool look = may_conflict(lock);
  lock.older_ = newest_;
  lock.newer_ = nullptr;
  (newest_ == nullptr ? oldest_ : newest_->newer_) = &lock;
  newest_ = &lock;
  for_counts(lock, [](std::uint32_t& count) { ++count; });
  lock.entered_ = true;
  lock.waiting_ = look && has_older_conflict(lock);
  if (lock.waiting_) ++waiting_;
  return !lock.waiting_;
}

void RangeLocks::release(RangeLock& lock) {
  CHECK(lock.entered_);
  for_counts(lock, [](std::uint32_t& count) { --count; });
  (lock.older_ == nullptr ? oldest_ : lock.older_->newer_) = lock.newer_;
  (lock.newer_ == nullptr ? newest_ : lock.newer_->older_) = lock.older_;
  if (lock.waiting_) --waiting_;
  lock.entered_ = lock.waiting_ = false;
  if (waiting_ > 0) grant_after(lock.newer_);
}

void RangeLocks::grant_after(RangeLock* newer) {
  for (RangeLock* lock = newer; lock != nullptr && waiting_ > 0; lock = lock->newer_) {
    if (!lock->waiting_ || has_older_conflict(*lock)) continue;
    lock->waiting_ = false;
    --waiting_;
    lock->granted(*lock);
  }
}

}  // namespace holdfast::target
