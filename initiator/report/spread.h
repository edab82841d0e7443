#pragma once

#include <cstdint>
#include <vector>

namespace holdfast::initiator {

/// What a few measurements of one thing say. It claims nothing about a distribution: the range is
/// what was seen, and whoever measures has few rounds.
struct Spread {
  std::uint32_t count = 0;  // 0: nothing was measured, and the rest means nothing
  double median = 0;
  double min = 0;
  double max = 0;
  double deviation = 0;  // the median distance from the median

  static Spread of(std::vector<double> values);

  /// How probable it is that the true median lies in the range, whatever the distribution is: every
  /// measurement falls above it as often as below, so all on one side has 2^(1-count).
  double confidence() const;
  /// Not a single measurement of one reaches into the range of the other.
  bool apart_from(const Spread& other) const { return max < other.min || other.max < min; }
};

}  // namespace holdfast::initiator
