#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/base/clock.h"

namespace holdfast::initiator {

/// A histogram small enough for every row of a timeline to have one: from a microsecond to days,
/// right to one part in eight. `Histogram` is the exact one.
class LatencySketch {
 public:
  void record(Duration value);
  /// Adds everything that `other` has counted.
  void merge(const LatencySketch& other);

  std::uint64_t count() const { return count_; }
  Duration max() const { return max_; }
  /// The value that `percent` of all counted ones do not exceed, never more than `max`; zero when
  /// nothing was counted. `percent` is in (0, 100].
  Duration percentile(double percent) const;

 private:
  static std::size_t bucket_of(std::uint64_t microseconds);
  static std::uint64_t upper_end_of(std::size_t bucket);

  std::vector<std::uint32_t> counts_;  // up to the last bucket in use
  std::uint64_t count_ = 0;
  Duration max_{};
};

}  // namespace holdfast::initiator
