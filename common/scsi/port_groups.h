#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

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

/// How a target port group came to its state: STATUS CODE, SPC-4 table 246.
enum class AccessStatus : std::uint8_t { none = 0, by_command = 1, implicitly = 2 };

/// What parameter data has room for.
inline constexpr std::size_t port_groups_max = 32;

/// A target port group of one port; both have the number `tag`, that of the iSCSI portal group.
struct PortGroup {
  std::uint16_t tag = 1;
  AccessState state = AccessState::active_optimized;
  AccessStatus status = AccessStatus::none;
};

/// REPORT TARGET PORT GROUPS parameter data (SPC-4 6.37).
ParameterData report_port_groups(const ReportTargetPortGroups& command,
                                 std::span<const PortGroup> groups);

/// What becomes of the groups by a SET TARGET PORT GROUPS parameter list (SPC-4 6.45), or why they
/// stay as they are. Those that it does not name do, too.
std::variant<std::vector<PortGroup>, Sense> set_port_groups(std::span<const std::uint8_t> list,
                                                            std::span<const PortGroup> now);

}  // namespace holdfast::scsi
