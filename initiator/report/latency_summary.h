#pragma once

#include <cstdint>
#include <vector>

#include "common/base/clock.h"
#include "common/base/histogram.h"

namespace holdfast::initiator {

struct PercentilePoint {
  double percent = 0;
  Duration latency{};
};

struct LatencySummary {
  std::uint64_t count = 0;
  Duration min{}, p50{}, p90{}, p99{}, p99_9{}, max{};
  /// The whole distribution: ten points for each nine (0, 20.6, … 90, … 99, …) as far as the count
  /// tells them apart, then 100.
  std::vector<PercentilePoint> percentiles;

  static LatencySummary of(const Histogram& histogram);
};

}  // namespace holdfast::initiator
