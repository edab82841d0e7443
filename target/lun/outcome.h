#pragma once

#include <cstdint>

#include "common/scsi/sense.h"
#include "target/lun/command.h"

namespace holdfast::target {

/// GOOD, with that much data-in.
Outcome good(std::uint32_t data_in_bytes = 0);
/// CHECK CONDITION, with sense data in the format that D_SENSE says.
Outcome check_condition(const scsi::Sense& sense,
                        scsi::SenseFormat format = scsi::SenseFormat::fixed);
/// RESERVATION CONFLICT.
Outcome reservation_conflict();
/// No status: the command was aborted.
Outcome aborted();

}  // namespace holdfast::target
