#include "target/session/data_in.h"

#include <algorithm>

#include "common/base/check.h"

namespace holdfast::target {

DataInCutter::DataInCutter(std::uint32_t bytes, std::uint32_t segment_bytes_max,
                           std::uint32_t burst_bytes_max)
    : bytes_(bytes),
      segment_bytes_max_(segment_bytes_max),
      burst_bytes_max_(burst_bytes_max),
      burst_left_(burst_bytes_max) {
  CHECK(segment_bytes_max > 0 && burst_bytes_max > 0);
}

std::uint32_t DataInCutter::next_bytes() const {
  return std::min({bytes_ - offset_, segment_bytes_max_, burst_left_});
}

DataInCutter::Piece DataInCutter::next() {
  CHECK(!finished());
  const std::uint32_t bytes = next_bytes();
  const bool last = offset_ + bytes == bytes_;
  const bool final = last || bytes == burst_left_;
  const Piece piece{
      .data_sn = data_sn_, .offset = offset_, .bytes = bytes, .final = final, .last = last};
  ++data_sn_;
  offset_ += bytes;
  burst_left_ = final ? burst_bytes_max_ : burst_left_ - bytes;
  return piece;
}

Residual Residual::of(std::uint32_t expected, std::uint32_t asked, std::uint32_t moved) {
  if (moved < expected) return {.underflow = true, .count = expected - moved};
  if (asked > expected) return {.overflow = true, .count = asked - expected};
  return {};
}

}  // namespace holdfast::target
