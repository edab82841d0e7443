#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "common/scsi/block_cdbs.h"
#include "common/scsi/geometry.h"
#include "common/scsi/sense.h"

namespace holdfast::scsi {

/// How many block descriptors an UNMAP may have: MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT.
inline constexpr std::uint32_t unmap_descriptors_max = 256;

/// Reads an UNMAP parameter list (SBC-3 5.25.2): what is to be unmapped, without the descriptors of
/// no blocks, all of it on the medium; or why nothing is. Descriptors that are cut off at the
/// list's end are passed over, as SBC-3 asks.
std::variant<std::vector<BlockRange>, Sense> read_unmap_list(std::span<const std::uint8_t> list,
                                                             const Geometry& geometry);

}  // namespace holdfast::scsi
