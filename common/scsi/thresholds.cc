#include "common/scsi/thresholds.h"

#include <algorithm>
#include <bit>

namespace holdfast::scsi {

std::uint8_t threshold_exponent(const Geometry& geometry) {
  return static_cast<std::uint8_t>(std::countr_zero(threshold_set_bytes / geometry.block_bytes));
}

std::uint32_t soft_threshold_sets(const Geometry& geometry) {
  const std::uint64_t bytes = geometry.blocks * geometry.block_bytes;
  constexpr std::uint64_t sets_max = 0xffff'ffff;
  return static_cast<std::uint32_t>(
      std::clamp<std::uint64_t>(bytes / 10 / threshold_set_bytes, 1, sets_max));
}

}  // namespace holdfast::scsi
