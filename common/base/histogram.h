#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/clock.h"

namespace holdfast {

/// Counts durations from a nanosecond to days in buckets whose width grows with the value, so that
/// every percentile is right to one part in 256 whatever its size, in fixed memory (about 82 KiB).
/// Longer ones count in the last bucket; the greatest is kept exactly.
class Histogram {
 public:
  Histogram();

  void record(Duration value);
  /// Adds everything that `other` has counted.
  void merge(const Histogram& other);
  void clear();

  std::uint64_t count() const { return count_; }
  /// The smallest, the greatest and the mean value; zero when nothing was counted.
  Duration min() const { return count_ == 0 ? Duration(0) : min_; }
  Duration max() const { return max_; }
  Duration mean() const;
  /// The value that `percent` of all counted ones do not exceed: the upper end of its bucket, never
  /// more than `max`. Zero when nothing was counted. `percent` is in (0, 100].
  Duration percentile(double percent) const;

 private:
  static constexpr unsigned precision_bits = 8;
  static constexpr unsigned value_bits = 48;  // 2^48 ns are 78 hours
  static constexpr std::size_t half = std::size_t{1} << precision_bits;
  static constexpr std::size_t buckets = (value_bits - precision_bits + 1) * half;

  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t upper_end_of(std::size_t bucket);

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
  Duration min_{};
  Duration max_{};
};

}  // namespace holdfast
