#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "common/scsi/block_cdbs.h"
#include "common/scsi/sense.h"

namespace holdfast::scsi {

/// What SANITIZE, OVERWRITE writes.
struct Overwrite {
  std::uint8_t passes = 1;
  bool invert = false;
  std::vector<std::uint8_t> pattern;
};

/// Reads the parameter list of SANITIZE, OVERWRITE (SBC-3 5.20.2.2), or says why nothing is written.
std::variant<Overwrite, Sense> read_overwrite(std::span<const std::uint8_t> list,
                                              std::uint32_t block_bytes);

/// How many bytes of parameter list a FORMAT UNIT brings: a header without defects.
std::uint32_t format_list_bytes(const FormatUnit& command);

/// Reads it (SBC-3 5.3.2): IMMED, or why nothing is formatted.
std::variant<bool, Sense> read_format_list(const FormatUnit& command,
                                           std::span<const std::uint8_t> list);

}  // namespace holdfast::scsi
