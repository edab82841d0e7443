#pragma once

#include <optional>
#include <span>
#include <variant>

#include "common/scsi/cdb.h"
#include "common/scsi/geometry.h"
#include "common/scsi/parameter_data.h"
#include "common/scsi/sense.h"

namespace holdfast::scsi {

/// The parameters that MODE SELECT changes.
struct ModeValues {
  bool descriptor_sense = false;        // D_SENSE
  bool software_write_protect = false;  // SWP
  bool operator==(const ModeValues&) const = default;
};

/// What mode pages tell of a logical unit.
struct ModeParameters {
  const Geometry& geometry;
  bool write_cache_enabled = false;  // WCE
  bool write_protected = false;      // WP
  std::uint16_t rotation_rate = 1;   // as VPD page B1h has it
  ModeValues current{};
  std::optional<ModeValues> saved{};  // absent: none can be saved
  bool thresholds = false;            // a thin unit tells when its room runs out
};

/// MODE SENSE(6) or (10) parameter data (SPC-4 7.5, SBC-3 6.5): header, block descriptor, and the
/// pages asked for out of read-write error recovery (01h), disconnect-reconnect (02h), format
/// device (03h), rigid disk geometry (04h), caching (08h), control (0Ah), control extension
/// (0Ah/01h), informational exceptions control (1Ch) and logical block provisioning (1Ch/02h). Or why
/// there is none.
std::variant<ParameterData, Sense> mode_sense(const ModeSense& command, const ModeParameters& unit);

/// What a MODE SELECT(6) or (10) parameter list makes of the current values, or why it changes
/// nothing: it has to be one that MODE SENSE could have given, but for what can be changed.
std::variant<ModeValues, Sense> mode_select(const ModeSelect& command,
                                            std::span<const std::uint8_t> list,
                                            const ModeParameters& unit);

}  // namespace holdfast::scsi
