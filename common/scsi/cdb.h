#pragma once

#include <array>
#include <cstdint>
#include <variant>

#include "common/scsi/block_cdbs.h"
#include "common/scsi/primary_cdbs.h"
#include "common/scsi/sense.h"

namespace holdfast::scsi {

/// The CDB field of a SCSI Command PDU: CDBs of 6, 10, 12 and 16 bytes stand at its start.
using CdbBytes = std::array<std::uint8_t, 16>;

/// OPERATION CODEs (SPC-4 annex E) that something here names.
namespace opcode {
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

/// Decodes a CDB: once, at the edge. Refuses operation codes that are not supported and every bit
/// that the supported ones do not use (reserved and obsolete ones, NACA, protection information).
Cdb decode_cdb(const CdbBytes& bytes,
               const CommandSet& commands = {.thin = true, .removable = true});

}  // namespace holdfast::scsi
