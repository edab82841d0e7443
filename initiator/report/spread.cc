#include "initiator/report/spread.h"

#include <algorithm>
#include <cmath>

namespace holdfast::initiator {
namespace {

double median_of(std::vector<double>& values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace

Spread Spread::of(std::vector<double> values) {
  Spread spread;
  if (values.empty()) return spread;
  spread.count = static_cast<std::uint32_t>(values.size());
  spread.median = median_of(values);
  spread.min = values.front();
  spread.max = values.back();
  for (double& value : values) value = std::abs(value - spread.median);
  spread.deviation = median_of(values);
  return spread;
}

double Spread::confidence() const {
  return count == 0 ? 0 : 1 - std::exp2(1 - static_cast<double>(count));
}

}  // namespace holdfast::initiator
