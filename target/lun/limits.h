#pragma once

#include <cstdint>

#include "common/base/units.h"

namespace holdfast::target {

/// The most data that one command moves: VPD page B0h says it as MAXIMUM TRANSFER LENGTH, and no
/// session needs more memory for a command.
inline constexpr std::uint32_t transfer_bytes_max = 4 * MiB;

/// The largest logical block.
inline constexpr std::uint32_t block_bytes_max = 4096;

}  // namespace holdfast::target
