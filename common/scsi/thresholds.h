#pragma once

#include <cstdint>

#include "common/base/units.h"
#include "common/scsi/geometry.h"

namespace holdfast::scsi {

/// Room for a thin unit is counted in threshold sets (SBC-3 4.7.3.7) of that many bytes.
inline constexpr std::uint32_t threshold_set_bytes = 1 * MiB;

/// THRESHOLD EXPONENT: the logarithm of how many blocks a threshold set has.
std::uint8_t threshold_exponent(const Geometry& geometry);
/// The soft threshold: when there is less room left than a tenth of the unit.
std::uint32_t soft_threshold_sets(const Geometry& geometry);

/// The room that a thin unit shares with others, or has for itself, in threshold sets.
struct ThinResources {
  std::uint32_t available_sets = 0;
  std::uint32_t used_sets = 0;
};

}  // namespace holdfast::scsi
