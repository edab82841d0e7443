#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace holdfast::initiator {

/// Something that the copy does not hold as the source does.
struct Mismatch {
  std::string path;  // of the source
  std::string what;
  std::optional<std::uint64_t> offset;  // of the first byte that differs
};

}  // namespace holdfast::initiator
