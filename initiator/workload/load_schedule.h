#pragma once

#include <cmath>
#include <cstdint>

#include "common/base/check.h"
#include "common/base/clock.h"

namespace holdfast::initiator {

/// When each operation of an open loop is due: at a steady rate from the start, whatever became of
/// those before it. An operation that could not be sent when it was due keeps that moment, and its
/// age counts from there, so a stall is not hidden by what was not sent meanwhile (coordinated
/// omission). No operation is ever left out, so what waits is a number and costs no memory.
class LoadSchedule {
 public:
  /// `rate` operations a second, of those that are due before `end`.
  LoadSchedule(double rate, Instant start, Instant end) : start_(start), nanoseconds_(1e9 / rate) {
    CHECK(rate > 0);
    total_ = static_cast<std::uint64_t>(
        std::ceil(static_cast<double>((end - start).count()) / nanoseconds_));
  }

  /// When the next one is due.
  Instant next_due() const { return due_of(taken_); }
  bool over() const { return taken_ == total_; }
  void take() { ++taken_; }

  /// How many are due at `now` and were not taken yet.
  std::uint64_t waiting(Instant now) const { return due_by(now) - taken_; }
  std::uint64_t taken() const { return taken_; }

 private:
  Instant due_of(std::uint64_t number) const {
    return start_ + Duration(std::llround(static_cast<double>(number) * nanoseconds_));
  }
  std::uint64_t due_by(Instant now) const {
    if (now < start_) return taken_;
    const auto passed = static_cast<double>((now - start_).count());
    const auto due = static_cast<std::uint64_t>(passed / nanoseconds_) + 1;
    return due < taken_ ? taken_ : (due < total_ ? due : total_);
  }

  Instant start_;
  double nanoseconds_;  // from one to the next
  std::uint64_t total_ = 0;
  std::uint64_t taken_ = 0;
};

}  // namespace holdfast::initiator
