#include "initiator/watch/latency_sketch.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "common/base/check.h"

namespace holdfast::initiator {
namespace {

// Below 16 us a bucket for each microsecond; above, an octave is cut into eight.
constexpr unsigned precision_bits = 3;
constexpr std::uint64_t half = std::uint64_t{1} << precision_bits;
constexpr std::uint64_t microseconds_max = (std::uint64_t{1} << 40) - 1;  // 12 days

}  // namespace

std::size_t LatencySketch::bucket_of(std::uint64_t microseconds) {
  if (microseconds < 2 * half) return microseconds;
  const unsigned shift = static_cast<unsigned>(std::bit_width(microseconds)) - 1 - precision_bits;
  return shift * half + (microseconds >> shift);
}

std::uint64_t LatencySketch::upper_end_of(std::size_t bucket) {
  if (bucket < 2 * half) return bucket + 1;
  const std::size_t shift = bucket / half - 1;
  return (bucket - shift * half + 1) << shift;
}

void LatencySketch::record(Duration value) {
  const Duration counted = std::max(value, Duration(0));
  const auto microseconds = static_cast<std::uint64_t>(counted.count()) / 1000;
  const std::size_t bucket = bucket_of(std::min(microseconds, microseconds_max));
  if (bucket >= counts_.size()) counts_.resize(bucket + 1);
  ++counts_[bucket];
  ++count_;
  max_ = std::max(max_, counted);
}

void LatencySketch::merge(const LatencySketch& other) {
  counts_.resize(std::max(counts_.size(), other.counts_.size()));
  for (std::size_t i = 0; i < other.counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

Duration LatencySketch::percentile(double percent) const {
  CHECK(percent > 0 && percent <= 100);
  if (count_ == 0) return Duration(0);
  const double share = std::ceil(percent / 100 * static_cast<double>(count_));
  const auto rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(share), 1, count_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= rank && rank < count_)
      return std::min(max_, Duration(std::chrono::microseconds(upper_end_of(i))));
  }
  return max_;
}

}  // namespace holdfast::initiator
