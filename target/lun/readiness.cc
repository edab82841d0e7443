#include "target/lun/readiness.h"

#include <algorithm>
#include <iterator>

namespace holdfast::target {
namespace {

namespace additional_sense = scsi::additional_sense;

struct Row {
  std::uint8_t opcode;
  std::optional<std::uint8_t> service_action;
  bool while_job = false;   // carried out while the medium is being formatted or sanitized
  bool in_standby = false;  // carried out in the standby and unavailable states
};

// Commands that need no medium. All others do.
constexpr Row rows[] = {
    {0x03, {}, true, true},                               // REQUEST SENSE
    {0x12, {}, true, true},                               // INQUIRY
    {0xa0, {}, true, true},                               // REPORT LUNS
    {0x15, {}, false, true},                              // MODE SELECT
    {0x55, {}, false, true},   {0x1a, {}, false, true},   // MODE SENSE
    {0x5a, {}, false, true},   {0x4c, {}, false, true},   // LOG SELECT
    {0x4d, {}, true, true},                               // LOG SENSE
    {0x16, {}, false, false},                             // RESERVE
    {0x56, {}, false, false},  {0x17, {}, false, false},  // RELEASE
    {0x57, {}, false, false},  {0x5e, {}, false, true},   // PERSISTENT RESERVE IN
    {0x5f, {}, false, true},                              // PERSISTENT RESERVE OUT
    {0x1b, {}, false, false},                             // START STOP UNIT
    {0x1e, {}, false, false},                             // PREVENT ALLOW MEDIUM REMOVAL
    {0x48, 0x1f, true, false},                            // SANITIZE, EXIT FAILURE MODE
    {0x84, {}, false, false},                             // RECEIVE COPY RESULTS
    {0xa3, 0x0a, true, true},                             // REPORT TARGET PORT GROUPS
    {0xa3, 0x0c, true, true},                             // REPORT SUPPORTED OPERATION CODES
    {0xa3, 0x0d, true, true},   // REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS
    {0xa4, 0x0a, false, true},  // SET TARGET PORT GROUPS
};

const Row* row_of(const scsi::CdbBytes& cdb) {
  const auto* row = std::find_if(std::begin(rows), std::end(rows), [&](const Row& known) {
    return known.opcode == cdb[0] &&
           (!known.service_action || *known.service_action == (cdb[1] & 0x1f));
  });
  return row == std::end(rows) ? nullptr : row;
}

scsi::Sense sense(scsi::AdditionalSense additional) {
  return {.key = scsi::SenseKey::not_ready, .additional = additional};
}

}  // namespace

std::optional<scsi::Sense> not_ready(const Readiness& unit, const scsi::CdbBytes& cdb) {
  const bool all_well =
      !unit.job && unit.medium_loaded && unit.access <= scsi::AccessState::active_non_optimized;
  if (all_well) return std::nullopt;
  const Row* const row = row_of(cdb);
  const bool in_standby = row != nullptr && row->in_standby;
  if (unit.access == scsi::AccessState::standby && !in_standby)
    return sense(additional_sense::target_port_in_standby_state);
  if (unit.access == scsi::AccessState::unavailable && !in_standby)
    return sense(additional_sense::target_port_in_unavailable_state);
  if (unit.job && (row == nullptr || !row->while_job)) {
    // What has failed may be tried again.
    const bool tries_again = cdb[0] == 0x48 && unit.job->key == scsi::SenseKey::medium_error;
    if (!tries_again) return unit.job;
  }
  if (!unit.medium_loaded && row == nullptr) return sense(additional_sense::medium_not_present);
  return std::nullopt;
}

}  // namespace holdfast::target
