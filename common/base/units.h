#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace holdfast {

inline constexpr std::uint64_t KiB = 1024;
inline constexpr std::uint64_t MiB = 1024 * KiB;
inline constexpr std::uint64_t GiB = 1024 * MiB;
inline constexpr std::uint64_t TiB = 1024 * GiB;

/// Rounds up to a multiple of `step`, which is a power of two.
constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t step) {
  return (value + step - 1) & ~(step - 1);
}

/// Rounds down to a multiple of `step`, which is a power of two.
constexpr std::uint64_t round_down(std::uint64_t value, std::uint64_t step) {
  return value & ~(step - 1);
}

}  // namespace holdfast
