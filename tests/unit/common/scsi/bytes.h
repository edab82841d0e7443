#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/scsi/parameter_data.h"

namespace holdfast::scsi {

using Bytes = std::vector<std::uint8_t>;

inline Bytes bytes_of(const ParameterData& data) {
  return {data.bytes().begin(), data.bytes().end()};
}

inline Bytes slice(const Bytes& bytes, std::size_t at, std::size_t count) {
  return {bytes.begin() + static_cast<std::ptrdiff_t>(at),
          bytes.begin() + static_cast<std::ptrdiff_t>(at + count)};
}

inline std::string text(const Bytes& bytes, std::size_t at, std::size_t count) {
  const Bytes part = slice(bytes, at, count);
  return {part.begin(), part.end()};
}

}  // namespace holdfast::scsi
