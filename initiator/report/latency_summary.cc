#include "initiator/report/latency_summary.h"

#include <cmath>

namespace holdfast::initiator {
namespace {

std::vector<PercentilePoint> distribution(const Histogram& histogram) {
  std::vector<PercentilePoint> points;
  if (histogram.count() == 0) return points;
  constexpr int points_per_nine = 10;
  points.push_back({0, histogram.min()});
  for (int i = 1;; ++i) {
    const double above = std::pow(10, -static_cast<double>(i) / points_per_nine);
    if (above * static_cast<double>(histogram.count()) < 1) break;
    points.push_back({100 * (1 - above), histogram.percentile(100 * (1 - above))});
  }
  points.push_back({100, histogram.max()});
  return points;
}

}  // namespace

LatencySummary LatencySummary::of(const Histogram& histogram) {
  return {histogram.count(),        histogram.min(),
          histogram.percentile(50), histogram.percentile(90),
          histogram.percentile(99), histogram.percentile(99.9),
          histogram.max(),          distribution(histogram)};
}

}  // namespace holdfast::initiator
