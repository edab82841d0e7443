#pragma once

#include <array>
#include <cstdint>
#include <variant>

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

struct TestUnitReady {};

struct RequestSense {  // SPC-4 6.39
  SenseFormat format = SenseFormat::fixed;
  std::uint32_t allocation_bytes = 0;
};

struct Inquiry {  // SPC-4 6.6
  bool vital_product_data = false;
  std::uint8_t page = 0;
  std::uint32_t allocation_bytes = 0;
};

struct ReportLuns {  // SPC-4 6.33
  std::uint8_t select_report = 0;
  std::uint32_t allocation_bytes = 0;
};

enum class PageControl : std::uint8_t { current = 0, changeable = 1, defaults = 2, saved = 3 };

struct ModeSense {  // SPC-4 6.11, 6.12
  bool ten = false;
  bool disable_block_descriptors = false;
  bool long_lba_accepted = false;
  PageControl control = PageControl::current;
  std::uint8_t page = 0;
  std::uint8_t subpage = 0;
  std::uint32_t allocation_bytes = 0;
};

struct ReadCapacity10 {};

struct ReadCapacity16 {
  std::uint32_t allocation_bytes = 0;
};

/// REPORT SUPPORTED OPERATION CODES, SPC-4 6.35.
struct ReportSupportedOpcodes {
  enum class Options : std::uint8_t { all = 0, opcode = 1, service_action = 2, either = 3 };
  Options options = Options::all;
  bool timeouts = false;  // RCTD
  std::uint8_t opcode = 0;
  std::uint16_t service_action = 0;
  std::uint32_t allocation_bytes = 0;
};

/// The blocks that a command names, and which bytes of its CDB name them.
struct BlockRange {
  std::uint64_t lba = 0;
  std::uint32_t blocks = 0;
  std::uint8_t lba_field = 0;
  std::uint8_t blocks_field = 0;
};

struct Read {  // SBC-3 5.11 to 5.14
  BlockRange range;
  bool force_unit_access = false;
};

struct Write {  // SBC-3 5.32 to 5.35
  BlockRange range;
  bool force_unit_access = false;
};

struct Verify {  // SBC-3 5.26 to 5.28
  BlockRange range;
  bool compare = false;  // BYTCHK=01b: with the Data-Out Buffer
};

struct SynchronizeCache {  // SBC-3 5.22, 5.23; no blocks means all from the LBA on
  BlockRange range;
  bool immediate = false;
};

struct StartStopUnit {  // SBC-3 5.21
  bool immediate = false;
  bool no_flush = false;
  bool start = false;
};

struct Reserve {};  // SPC-2 7.21, 7.22: of the whole logical unit, for the nexus that asks
struct Release {};  // SPC-2 7.17, 7.18

struct PersistentReserveIn {  // SPC-4 6.15
  enum class Action : std::uint8_t {
    read_keys = 0,
    read_reservation = 1,
    report_capabilities = 2,
    read_full_status = 3,
  };
  Action action = Action::read_keys;
  std::uint32_t allocation_bytes = 0;
};

struct PersistentReserveOut {  // SPC-4 6.16
  enum class Action : std::uint8_t {
    register_key = 0,
    reserve = 1,
    release = 2,
    clear = 3,
    preempt = 4,
    preempt_and_abort = 5,
    register_and_ignore_existing_key = 6,
    register_and_move = 7,
  };
  Action action = Action::register_key;
  // As the CDB has them: only some actions look at them.
  std::uint8_t scope = 0;
  std::uint8_t type = 0;
  std::uint32_t parameter_list_bytes = 0;
};

/// A CDB that is not carried out, and what the initiator is told.
struct Refused {
  Sense sense;
  Status status = Status::check_condition;  // other ones have no sense data
};

/// What a CDB asks for.
using Cdb = std::variant<Refused, TestUnitReady, RequestSense, Inquiry, ReportLuns, ModeSense,
                         ReadCapacity10, ReadCapacity16, ReportSupportedOpcodes, Read, Write,
                         Verify, SynchronizeCache, StartStopUnit, Reserve, Release,
                         PersistentReserveIn, PersistentReserveOut>;

/// Decodes a CDB: once, at the edge. Refuses operation codes that are not supported and every bit
/// that the supported ones do not use (reserved and obsolete ones, NACA, protection information).
Cdb decode_cdb(const CdbBytes& bytes);

}  // namespace holdfast::scsi
