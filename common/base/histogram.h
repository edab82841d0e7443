#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/clock.h"

namespace holdfast {

/// Counts durations from a nanosecond to days in buckets whose width grows with the value, so that
/// every percentile is right to one part in 2^precision_bits whatever its size, in fixed memory: about
/// 82 KiB for one part in 256, 6 KiB for one in 16. Longer ones count in the last bucket; the greatest
/// is kept exactly.
class Histogram {
 public:
  /// 1 to 12 bits.
  explicit Histogram(unsigned precision_bits = 8);

  void record(Duration value);
  /// Adds everything that `other`, of the same precision, has counted.
  void merge(const Histogram& other);
  void clear();

  std::uint64_t count() const { return count_; }
  /// The smallest, the greatest and the mean value; zero when nothing was counted.
  Duration min() const { return count_ == 0 ? Duration(0) : min_; }
  Duration max() const { return max_; }
  Duration mean() const;
  Duration sum() const;
  /// The value that `percent` of all counted ones do not exceed: the upper end of its bucket, never
  /// more than `max`. Zero when nothing was counted. `percent` is in (0, 100].
  Duration percentile(double percent) const;
  /// How many of the counted values are less than 2^`exponent` ns: exact, since buckets end there.
  std::uint64_t count_below(unsigned exponent) const;

 private:
  static constexpr unsigned value_bits = 48;  // 2^48 ns are 78 hours

  std::size_t half() const { return std::size_t{1} << precision_bits_; }
  std::size_t bucket_of(std::uint64_t value) const;
  std::uint64_t upper_end_of(std::size_t bucket) const;

  unsigned precision_bits_;
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
  Duration min_{};
  Duration max_{};
};

}  // namespace holdfast
