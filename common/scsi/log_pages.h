#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "common/scsi/parameter_data.h"
#include "common/scsi/primary_cdbs.h"
#include "common/scsi/sense.h"
#include "common/scsi/thresholds.h"

namespace holdfast::scsi {

/// What a logical unit has counted since it came up or since LOG SELECT set it to zero.
struct LogCounters {
  std::uint32_t block_bytes = 512;
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t read_blocks = 0;
  std::uint64_t written_blocks = 0;
  std::uint64_t read_errors = 0;
  std::uint64_t write_errors = 0;
  std::uint64_t verify_errors = 0;
};

/// What log pages tell of a logical unit.
struct LogData {
  const LogCounters& counters;
  std::optional<ThinResources> resources{};  // absent: page 0Ch is not there
};

/// LOG SENSE parameter data (SPC-4 7.3, SBC-3 6.4): supported pages and subpages (00h, 00h/FFh),
/// write, read and verify error counters (02h, 03h, 05h), non-medium errors (06h), logical
/// block provisioning (0Ch), temperature (0Dh), general statistics (19h), informational exceptions (2Fh). Or why there is none.
std::variant<ParameterData, Sense> log_sense(const LogSense& command, const LogData& unit);

/// Whether the command, which has no list, sets what is counted to zero (SPC-4 table 186). There are
/// no thresholds that it could set.
bool resets_counters(const LogSelect& command);

/// Why a LOG SELECT is not carried out, if it is not: nothing is saved, and no list is taken.
std::variant<std::monostate, Sense> check_log_select(const LogSelect& command, bool thresholds);

}  // namespace holdfast::scsi
