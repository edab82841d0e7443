#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <variant>

#include "common/scsi/block_cdbs.h"
#include "common/scsi/primary_cdbs.h"
#include "common/scsi/sense.h"

namespace holdfast::scsi {

/// The longest CDB of any command here.
inline constexpr std::size_t cdb_bytes_max = 32;
/// What a SCSI Command PDU has room for; longer ones go on in an Additional Header Segment.
inline constexpr std::size_t cdb_bytes_in_header = 16;

/// CDBs of 6, 10, 12, 16 and 32 bytes stand at its start, and zeros follow.
using CdbBytes = std::array<std::uint8_t, cdb_bytes_max>;

/// OPERATION CODEs (SPC-4 annex E) that something here names.
namespace opcode {
inline constexpr std::uint8_t variable_length = 0x7f;
inline constexpr std::uint8_t request_sense = 0x03;
inline constexpr std::uint8_t inquiry = 0x12;
inline constexpr std::uint8_t report_luns = 0xa0;
}  // namespace opcode

/// A CDB that is not carried out, and what the initiator is told.
struct Refused {
  Sense sense;
  Status status = Status::check_condition;  // other ones have no sense data
};

/// What a CDB asks for.
using Cdb =
    std::variant<Refused, TestUnitReady, RequestSense, Inquiry, ReportLuns, ModeSense,
                 ReadCapacity10, ReadCapacity16, ReportSupportedOpcodes, ReportSupportedTmfs, Read,
                 Write, Verify, WriteAndVerify, CompareAndWrite, OrWrite, WriteAtomic, WriteSame,
                 Unmap, GetLbaStatus, PreFetch, SynchronizeCache, ReadDefectData, StartStopUnit,
                 Reserve, Release, PersistentReserveIn, PersistentReserveOut, ModeSelect, LogSense,
                 LogSelect, ReportTargetPortGroups, SetTargetPortGroups, FormatUnit, Sanitize,
                 PreventAllowMediumRemoval, ExtendedCopy, ReceiveCopyResults>;

/// Which commands a logical unit has beyond those that all have.
struct CommandSet {
  bool thin = false;       // UNMAP, and UNMAP=1 in WRITE SAME
  bool removable = false;  // PREVENT ALLOW MEDIUM REMOVAL, and LOEJ=1 in START STOP UNIT
};

/// The length of a CDB as far as its operation code tells it (SPC-4 4.2.5.1); 0 for the codes of
/// which it does not, those of variable length among them.
constexpr std::size_t fixed_cdb_bytes(std::uint8_t operation_code) {
  constexpr std::array<std::uint8_t, 8> bytes_of_groups{6, 10, 10, 0, 16, 12, 0, 0};
  return bytes_of_groups[operation_code >> 5];
}

/// SERVICE ACTION, where there is one.
constexpr std::uint16_t service_action_of(const CdbBytes& bytes) {
  if (bytes[0] != opcode::variable_length) return bytes[1] & 0x1f;
  return static_cast<std::uint16_t>(bytes[8] << 8 | bytes[9]);
}

/// The CDB as far as a PDU's header has it, or all of one that is longer: for who shows it.
constexpr std::span<const std::uint8_t> shown_bytes(const CdbBytes& bytes) {
  const bool is_long = bytes[0] == opcode::variable_length;
  return std::span(bytes).first(is_long ? cdb_bytes_max : cdb_bytes_in_header);
}

/// Decodes a CDB: once, at the edge. Refuses operation codes that are not supported, every bit
/// that the supported ones do not use (reserved and obsolete ones, NACA, protection information),
/// and a CDB of variable length that is not as long as it says. `sent`: how many bytes came.
Cdb decode_cdb(const CdbBytes& bytes,
               const CommandSet& commands = {.thin = true, .removable = true},
               std::size_t sent = cdb_bytes_max);

}  // namespace holdfast::scsi
