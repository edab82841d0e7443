#pragma once

#include <cstdint>

#include "common/scsi/sense.h"

// What the CDBs of primary commands (SPC-4 section 6) ask for.

namespace holdfast::scsi {

struct TestUnitReady {};

struct RequestSense {  // 6.39
  SenseFormat format = SenseFormat::fixed;
  std::uint32_t allocation_bytes = 0;
};

struct Inquiry {  // 6.6
  bool vital_product_data = false;
  std::uint8_t page = 0;
  std::uint32_t allocation_bytes = 0;
};

struct ReportLuns {  // 6.33
  std::uint8_t select_report = 0;
  std::uint32_t allocation_bytes = 0;
};

enum class PageControl : std::uint8_t { current = 0, changeable = 1, defaults = 2, saved = 3 };

struct ModeSense {  // 6.11, 6.12
  bool ten = false;
  bool disable_block_descriptors = false;
  bool long_lba_accepted = false;
  PageControl control = PageControl::current;
  std::uint8_t page = 0;
  std::uint8_t subpage = 0;
  std::uint32_t allocation_bytes = 0;
};

struct ReportSupportedOpcodes {  // 6.35
  enum class Options : std::uint8_t { all = 0, opcode = 1, service_action = 2, either = 3 };
  Options options = Options::all;
  bool timeouts = false;  // RCTD
  std::uint8_t opcode = 0;
  std::uint16_t service_action = 0;
  std::uint32_t allocation_bytes = 0;
};

struct ReportSupportedTmfs {  // 6.36
  bool extended = false;      // REPD
  std::uint32_t allocation_bytes = 0;
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
    replace_lost_reservation = 8,
  };
  Action action = Action::register_key;
  // As the CDB has them: only some actions look at them.
  std::uint8_t scope = 0;
  std::uint8_t type = 0;
  std::uint32_t parameter_list_bytes = 0;
};

struct ModeSelect {  // 6.9, 6.10
  bool ten = false;
  bool page_format = false;
  bool save = false;
  std::uint16_t parameter_bytes = 0;
};

struct LogSense {  // 6.8
  bool save = false;
  std::uint8_t control = 0;
  std::uint8_t page = 0;
  std::uint8_t subpage = 0;
  std::uint16_t parameter_pointer = 0;
  std::uint32_t allocation_bytes = 0;
};

struct LogSelect {     // 6.7
  bool reset = false;  // PCR
  bool save = false;
  std::uint8_t control = 0;
  std::uint8_t page = 0;
  std::uint8_t subpage = 0;
  std::uint16_t parameter_bytes = 0;
};

struct ReportTargetPortGroups {  // 6.37
  bool extended = false;
  std::uint32_t allocation_bytes = 0;
};

struct SetTargetPortGroups {  // 6.45
  std::uint32_t parameter_bytes = 0;
};

struct ExtendedCopy {  // 6.4, LID1
  std::uint32_t parameter_bytes = 0;
};

struct ReceiveCopyResults {  // 6.18 to 6.21
  enum class Action : std::uint8_t {
    copy_status = 0x00,
    operating_parameters = 0x03,
    failed_segment_details = 0x04,
  };
  Action action = Action::copy_status;
  std::uint8_t list_id = 0;
  std::uint32_t allocation_bytes = 0;
};

}  // namespace holdfast::scsi
