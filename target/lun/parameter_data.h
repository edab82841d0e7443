#pragma once

#include <cstdint>
#include <span>
#include <variant>

#include "common/scsi/cdb.h"
#include "common/scsi/geometry.h"
#include "common/scsi/identity.h"
#include "common/scsi/log_pages.h"
#include "common/scsi/mode.h"
#include "common/scsi/parameter_data.h"
#include "common/scsi/port_groups.h"
#include "target/lun/limits.h"

namespace holdfast::target {

/// What the commands that only ask can be told of a logical unit.
struct UnitDescription {
  const scsi::Identity& identity;
  const scsi::Geometry& geometry;
  scsi::CommandSet commands;
  scsi::ModeParameters mode;
  /// Of all ports by which the unit is reached, and the one by which the command came.
  std::span<const scsi::PortGroup> port_groups;
  std::uint16_t target_port = 1;
  scsi::LogData log;
  std::uint32_t transfer_bytes_max = 0;
  AtomicLimits atomic;
  std::uint16_t rotation_rate = 1;
};

/// Parameter data, or why there is none.
using Parameters = std::variant<scsi::ParameterData, scsi::Sense>;

Parameters parameters(const scsi::Inquiry& command, const UnitDescription& unit);
Parameters parameters(const scsi::ModeSense& command, const UnitDescription& unit);
Parameters parameters(const scsi::ReadCapacity10& command, const UnitDescription& unit);
Parameters parameters(const scsi::ReadCapacity16& command, const UnitDescription& unit);
Parameters parameters(const scsi::ReportSupportedOpcodes& command, const UnitDescription& unit);
Parameters parameters(const scsi::ReportSupportedTmfs& command, const UnitDescription& unit);
Parameters parameters(const scsi::LogSense& command, const UnitDescription& unit);
Parameters parameters(const scsi::ReportTargetPortGroups& command, const UnitDescription& unit);
Parameters parameters(const scsi::ReadDefectData& command, const UnitDescription& unit);

/// REQUEST SENSE parameter data.
scsi::ParameterData request_sense(const scsi::RequestSense& command, const scsi::Sense& sense);

/// How many bytes each of them may have at most: its ALLOCATION LENGTH.
template <typename Command>
std::uint32_t allocation_bytes(const Command& command) {
  return command.allocation_bytes;
}
inline std::uint32_t allocation_bytes(const scsi::ReadCapacity10&) {
  return 8;
}

}  // namespace holdfast::target
