#pragma once

#include <cstdint>
#include <span>
#include <variant>

#include "common/scsi/parameter_data.h"
#include "common/scsi/primary_cdbs.h"
#include "common/scsi/sense.h"

namespace holdfast::scsi {

/// ASYMMETRIC ACCESS STATE, SPC-4 table 245.
enum class AccessState : std::uint8_t {
  active_optimized = 0x0,
  active_non_optimized = 0x1,
  standby = 0x2,
  unavailable = 0x3,
};

/// How the one target port group of a target came to its state: STATUS CODE, SPC-4 table 246.
enum class AccessStatus : std::uint8_t { none = 0, by_command = 1, implicitly = 2 };

struct PortGroup {
  AccessState state = AccessState::active_optimized;
  AccessStatus status = AccessStatus::none;
};

/// REPORT TARGET PORT GROUPS parameter data (SPC-4 6.37): one group, of one port, which both have
/// the number `tag`.
ParameterData report_port_groups(const ReportTargetPortGroups& command, std::uint16_t tag,
                                 const PortGroup& group);

/// The state that a SET TARGET PORT GROUPS parameter list (SPC-4 6.45) asks for, or why the group
/// stays as it is. No descriptor leaves it so, too.
std::variant<AccessState, Sense> read_port_groups(std::span<const std::uint8_t> list,
                                                  std::uint16_t tag, AccessState now);

}  // namespace holdfast::scsi
