#pragma once

#include <variant>

#include "common/scsi/cdb.h"
#include "common/scsi/geometry.h"
#include "common/scsi/parameter_data.h"
#include "common/scsi/sense.h"

namespace holdfast::scsi {

/// What mode pages tell of a logical unit.
struct ModeParameters {
  const Geometry& geometry;
  bool write_cache_enabled = false;  // WCE
  bool write_protected = false;      // WP
};

/// MODE SENSE(6) or (10) parameter data (SPC-4 7.5, SBC-3 6.5): header, block descriptor, and the
/// pages asked for out of caching (08h), control (0Ah), control extension (0Ah/01h) and
/// informational exceptions control (1Ch). No parameter can be changed or saved. Or why there is
/// none.
std::variant<ParameterData, Sense> mode_sense(const ModeSense& command, const ModeParameters& unit);

}  // namespace holdfast::scsi
