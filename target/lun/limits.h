#pragma once

#include <cstdint>

#include "common/base/units.h"

namespace holdfast::target {

/// The most data that one command moves: VPD page B0h says it as MAXIMUM TRANSFER LENGTH, and no
/// session needs more memory for a command.
inline constexpr std::uint32_t transfer_bytes_max = 4 * MiB;

/// The most that COMPARE AND WRITE compares: its count of blocks has one byte.
inline constexpr std::uint32_t compare_blocks_max = 255;

/// What one COMPARE AND WRITE or WRITE ATOMIC may be about, in logical blocks. VPD page B0h says it.
struct AtomicLimits {
  std::uint8_t compare_blocks = 0;
  std::uint32_t write_blocks = 0;
  std::uint32_t alignment_blocks = 0;  // of WRITE ATOMIC; 0: none
};

/// The most that WRITE SAME writes: whoever wants more asks again, so that no command takes longer
/// than initiators wait.
inline constexpr std::uint64_t write_same_bytes_max = transfer_bytes_max;

/// The longest parameter list that any command takes.
inline constexpr std::uint32_t parameter_list_bytes_max = 64 * KiB - 1;

/// The largest logical block.
inline constexpr std::uint32_t block_bytes_max = 4096;

}  // namespace holdfast::target
