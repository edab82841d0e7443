#pragma once

#include <cstdint>
#include <span>
#include <variant>

#include "common/scsi/cdb.h"
#include "common/scsi/parameter_data.h"
#include "target/lun/lun_inventory.h"

namespace holdfast::target {

/// Data-in, cut to the ALLOCATION LENGTH, or sense data.
using NoUnitAnswer = std::variant<std::span<const std::uint8_t>, scsi::Sense>;

/// What a command gets whose LUN names no unit (SAM-5 5.11): INQUIRY, REPORT LUNS and REQUEST SENSE
/// are answered, all others are LOGICAL UNIT NOT SUPPORTED. The data is in `memory` or `inventory`.
NoUnitAnswer answer_without_unit(const scsi::Cdb& cdb, const LunInventory& inventory,
                                 scsi::ParameterData& memory);

}  // namespace holdfast::target
