#include "common/base/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

#include "common/base/check.h"

namespace holdfast {

// The layout, for a precision of 8 bits: values below 2^9 have a bucket each. Above, an octave
// [2^n, 2^(n+1)) is cut into 2^8 equal buckets, so the eight bits below the leading one say which.

Histogram::Histogram(unsigned precision_bits) : precision_bits_(precision_bits) {
  CHECK(precision_bits >= 1 && precision_bits <= 12);
  counts_.resize((value_bits - precision_bits + 1) * half());
}

std::size_t Histogram::bucket_of(std::uint64_t value) const {
  const std::uint64_t bounded = std::min(value, (std::uint64_t{1} << value_bits) - 1);
  if (bounded < 2 * half()) return bounded;
  const unsigned shift = static_cast<unsigned>(std::bit_width(bounded)) - 1 - precision_bits_;
  return shift * half() + (bounded >> shift);
}

std::uint64_t Histogram::upper_end_of(std::size_t bucket) const {
  if (bucket < 2 * half()) return bucket;
  const std::size_t shift = bucket / half() - 1;
  const std::uint64_t leading = bucket - shift * half();
  return ((leading + 1) << shift) - 1;
}

void Histogram::record(Duration value) {
  const Duration counted = std::max(value, Duration(0));
  ++counts_[bucket_of(static_cast<std::uint64_t>(counted.count()))];
  min_ = count_ == 0 ? counted : std::min(min_, counted);
  max_ = std::max(max_, counted);
  sum_ += static_cast<double>(counted.count());
  ++count_;
}

void Histogram::merge(const Histogram& other) {
  CHECK(precision_bits_ == other.precision_bits_);
  if (other.count_ == 0) return;
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  sum_ += other.sum_;
  count_ += other.count_;
}

void Histogram::clear() { *this = Histogram(precision_bits_); }

Duration Histogram::mean() const {
  if (count_ == 0) return Duration(0);
  return Duration(static_cast<std::int64_t>(sum_ / static_cast<double>(count_)));
}

Duration Histogram::sum() const { return Duration(static_cast<std::int64_t>(sum_)); }

std::uint64_t Histogram::count_below(unsigned exponent) const {
  if (exponent >= value_bits) return count_;
  const std::size_t end = bucket_of(std::uint64_t{1} << exponent);
  return std::accumulate(counts_.begin(), counts_.begin() + static_cast<std::ptrdiff_t>(end), std::uint64_t{0});
}

Duration Histogram::percentile(double percent) const {
  CHECK(percent > 0 && percent <= 100);
  if (count_ == 0) return Duration(0);
  const double share = std::ceil(percent / 100 * static_cast<double>(count_));
  const auto rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(share), 1, count_);
  if (rank == count_) return max_;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen >= rank) return std::min(max_, Duration(static_cast<std::int64_t>(upper_end_of(i))));
  }
  return max_;  // Not reached: the buckets hold `count_` values in all.
}

}  // namespace holdfast
