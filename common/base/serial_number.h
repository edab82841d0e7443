#pragma once

#include <cstdint>

namespace holdfast {

/// Serial Number Arithmetic with 32 bits (RFC 1982, which RFC 7143 section 4.2.2.1 prescribes for
/// CmdSN, StatSN and DataSN). True when `a` comes before `b`.
constexpr bool serial_precedes(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b) < 0;
}

/// True when `a` comes before `b` or equals it.
constexpr bool serial_precedes_or_equals(std::uint32_t a, std::uint32_t b) {
  return static_cast<std::int32_t>(a - b) <= 0;
}

static_assert(serial_precedes(0xffff'ffff, 0));
static_assert(!serial_precedes(0, 0xffff'ffff));

}  // namespace holdfast
