#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/base/check.h"

namespace holdfast::target {

/// A stretch of the medium while a command works on it. It lives in its command's slot.
class RangeLock {
 public:
  enum class Mode : std::uint8_t { read, write, exclusive };

  RangeLock() = default;
  RangeLock(const RangeLock&) = delete;
  RangeLock& operator=(const RangeLock&) = delete;
  ~RangeLock() { CHECK(!entered_); }

  Mode mode = Mode::read;
  std::uint64_t from = 0;
  std::uint64_t to = 0;  // the first byte after it
  /// Called when a lock that had to wait is held: from inside the release of another one. It
  /// releases none itself.
  void (*granted)(RangeLock&) = nullptr;
  void* owner = nullptr;

  /// Between `acquire` and `release`.
  bool entered() const { return entered_; }
  bool waiting() const { return waiting_; }

 private:
  friend class RangeLocks;
  RangeLock* older_ = nullptr;
  RangeLock* newer_ = nullptr;
  bool entered_ = false;
  bool waiting_ = false;
};

/// Who works where on one medium. What is read is never half of a write, also within a block, which
/// page caches do not promise; and nothing comes between the steps of an exclusive holder, be it a
/// COMPARE AND WRITE. Of two locks that overlap, the newer one waits for the older one if
///
///              read   write   exclusive
///   read               x          x
///   write       x                 x
///   exclusive   x      x          x
///
/// held or not: so nobody starves. Plain writes need not wait for one another, since no host may
/// expect anything of writes that it has side by side.
///
/// Nearly nothing overlaps, and a plain READ or WRITE shall not pay for what might. Two tables
/// count the locks that touch each 64 KiB of the medium, folded to 256 places: one those that a
/// reader waits for, one those that a writer waits for. Only where a count is not zero are the
/// locks themselves looked at. Nothing here allocates.
class RangeLocks {
 public:
  RangeLocks() = default;
  RangeLocks(const RangeLocks&) = delete;
  RangeLocks& operator=(const RangeLocks&) = delete;
  ~RangeLocks() { CHECK(oldest_ == nullptr); }

  /// Enters a lock on at least one byte. True if it is held at once; otherwise `granted` follows.
  bool acquire(RangeLock& lock);
  /// Takes a lock out, held or waiting, and grants what waited for it.
  void release(RangeLock& lock);

 private:
  static constexpr unsigned place_shift = 16;
  static constexpr std::size_t place_count = 256;
  using Counts = std::array<std::uint32_t, place_count>;

  static bool conflict(const RangeLock& one, const RangeLock& other);
  bool may_conflict(const RangeLock& lock) const;
  bool has_older_conflict(const RangeLock& lock) const;
  template <typename Change>
  void for_counts(const RangeLock& lock, Change change);
  /// From `newer` on: older locks wait for none that is newer.
  void grant_after(RangeLock* newer);

  Counts stops_readers_{};
  Counts stops_writers_{};
  RangeLock* oldest_ = nullptr;
  RangeLock* newest_ = nullptr;
  std::size_t waiting_ = 0;
};

}  // namespace holdfast::target
