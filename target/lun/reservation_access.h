#pragma once

#include <optional>

#include "common/scsi/cdb_table.h"
#include "common/scsi/persistent_reservations.h"

namespace holdfast::target {

/// What a nexus is to the persistent reservation that stands.
enum class Standing : std::uint8_t { stranger, registrant, holder };

/// Whether a command may run while a persistent reservation of that type stands (SPC-4 tables 66
/// and 67, SBC-3 table 13). Otherwise it is told RESERVATION CONFLICT.
bool may_run(scsi::ReservationClass command, const scsi::CdbBytes& cdb,
             scsi::ReservationType reservation, Standing standing);

/// Whether a command may run while a nexus has the unit by RESERVE (SPC-2 5.5.1): the nexus itself,
/// or another one.
bool may_run_beside_reserve(scsi::ReservationClass command, const scsi::CdbBytes& cdb,
                            bool is_holder);

}  // namespace holdfast::target
