#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/base/check.h"
#include "common/base/endian.h"

namespace holdfast::scsi {

/// The integer that begins in byte `at` of a parameter list, which has all of it.
template <typename Integer>
auto list_field(std::span<const std::uint8_t> list, std::size_t at) {
  CHECK(at + sizeof(Integer) <= list.size());
  std::array<std::uint8_t, sizeof(Integer)> bytes{};
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = list[at + i];
  return std::bit_cast<Integer>(bytes).value();
}

}  // namespace holdfast::scsi
