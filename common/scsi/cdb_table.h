#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "common/scsi/cdb.h"

namespace holdfast::scsi {

/// What reservations mean to a command: its row in SPC-4 table 66 or SBC-3 table 13, and in SPC-2's
/// table for RESERVE. Rows that read the same share a class.
enum class ReservationClass : std::uint8_t {
  unnamed,
  allowed,     // whatever reservation stands: INQUIRY, READ CAPACITY, …
  asks,        // under every persistent reservation, but not under another's RESERVE
  reads,       // unless access is exclusive
  writes,      // what changes the medium or the unit
  starts,      // START STOP UNIT: allowed when it starts, otherwise as `writes`
  prevents,    // PREVENT ALLOW MEDIUM REMOVAL: allowed when it allows, otherwise as `writes`
  reserves,    // RESERVE and RELEASE, which know their own conflicts
  persistent,  // PERSISTENT RESERVE IN and OUT, as well; not under anybody's RESERVE
};

/// Which logical units have a command.
enum class Needs : std::uint8_t { nothing, thin, removable };

/// One supported command.
struct CdbRow {
  std::uint8_t length = 0;
  std::optional<std::uint16_t> service_action;
  /// CDB USAGE DATA (SPC-4 6.35.3): the operation code and service action as they are, and a one
  /// for every other bit that is looked at. A CDB with any further bit set is refused.
  CdbBytes usage{};
  Cdb (*decode)(const CdbBytes&) = nullptr;
  ReservationClass reservation = ReservationClass::unnamed;
  Needs needs = Needs::nothing;
  /// False for what the standard would have only with a feature that we lack.
  bool as_standard = true;

  std::uint8_t opcode() const { return usage[0]; }
  bool is_in(const CommandSet& commands) const {
    switch (needs) {
      case Needs::nothing:
        return true;
      case Needs::thin:
        return commands.thin;
      case Needs::removable:
        return commands.removable;
    }
    return false;
  }
};

/// All commands that some logical unit has, in the order of their operation codes.
std::span<const CdbRow> cdb_table();

/// The row of the command that a CDB names by operation code and service action; nullptr if it is
/// supported by none.
const CdbRow* find_row(const CdbBytes& bytes);

}  // namespace holdfast::scsi
