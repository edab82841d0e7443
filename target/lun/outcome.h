#pragma once

#include <cstdint>

#include "common/scsi/sense.h"
#include "target/lun/command.h"

namespace holdfast::target {

/// GOOD, with that much data-in.
Outcome good(std::uint32_t data_in_bytes = 0);
/// CHECK CONDITION with fixed-format sense data: D_SENSE is 0.
Outcome check_condition(const scsi::Sense& sense);
/// RESERVATION CONFLICT.
Outcome reservation_conflict();
/// No status: the command was aborted.
Outcome aborted();

}  // namespace holdfast::target
