#pragma once

#include <cstddef>
#include <cstdint>

namespace holdfast::initiator {

/// What is watched, as the record names it.
enum class OperationKind : std::uint8_t { read, write, flush, unmap };

inline constexpr std::size_t operation_kinds = 4;

constexpr const char* to_string(OperationKind kind) {
  constexpr const char* names[operation_kinds] = {"read", "write", "flush", "unmap"};
  return names[static_cast<std::size_t>(kind)];
}

}  // namespace holdfast::initiator
