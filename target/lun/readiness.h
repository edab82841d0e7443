#pragma once

#include <cstdint>
#include <optional>

#include "common/scsi/cdb.h"
#include "common/scsi/port_groups.h"

namespace holdfast::target {

/// What keeps a logical unit from carrying commands out.
struct Readiness {
  /// Of a format or sanitize operation that is at work or has failed.
  std::optional<scsi::Sense> job;
  scsi::AccessState access = scsi::AccessState::active_optimized;
  bool medium_loaded = true;
};

/// Why the command cannot be carried out now, if it cannot: SBC-3 4.11.2 and 5.20 (sanitize), SPC-4
/// 5.11.2.3 to 5.11.2.5 (access states), SBC-3 4.5 (no medium).
std::optional<scsi::Sense> not_ready(const Readiness& unit, const scsi::CdbBytes& cdb);

}  // namespace holdfast::target
