#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "common/scsi/cdb.h"

namespace holdfast::scsi {

/// One supported command.
struct CdbRow {
  std::uint8_t length = 0;
  std::optional<std::uint16_t> service_action;
  /// CDB USAGE DATA (SPC-4 6.35.3): the operation code and service action as they are, and a one
  /// for every other bit that is looked at. A CDB with any further bit set is refused.
  CdbBytes usage{};
  Cdb (*decode)(const CdbBytes&) = nullptr;

  std::uint8_t opcode() const { return usage[0]; }
};

/// All supported commands, in the order of their operation codes.
std::span<const CdbRow> cdb_table();

}  // namespace holdfast::scsi
