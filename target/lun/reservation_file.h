#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/scsi/persistent_reservations.h"

namespace holdfast::target {

/// Where the persistent reservations of a unit are kept in the state directory: a name for each
/// target and unit, whatever characters the target's name has.
std::string reservation_file_name(std::string_view target_name, std::uint32_t lun);

/// More than any reservation file has.
inline constexpr std::size_t reservation_file_bytes_max = 512 * 1024;

/// The persistent reservations of a unit as text: what a restart must bring back. Where they do not
/// persist, that there are none.
std::string encode_reservations(const scsi::PersistentReservations& state,
                                std::string_view target_name, std::uint32_t lun);

/// Reads that again. Anything that was not written so, for that unit, is an error that says what is
/// wrong with it: no part of it is believed.
Result<scsi::PersistentReservations> decode_reservations(std::string_view content,
                                                         std::string_view target_name,
                                                         std::uint32_t lun);

}  // namespace holdfast::target
