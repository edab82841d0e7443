#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace holdfast::scsi {

/// A logical unit number as PDUs and REPORT LUNS carry it (SAM-5 4.7).
using LunAddress = std::array<std::uint8_t, 8>;

/// One more than the highest number that `encode_lun` can express: flat space addressing has 14
/// bits.
inline constexpr std::uint32_t lun_numbers = 16'384;

/// The number that a single-level address names, by peripheral device addressing on bus 0 or by
/// flat space addressing; nothing for any other address, which is none of ours.
std::optional<std::uint32_t> decode_lun(const LunAddress& address);

/// Peripheral device addressing up to 255, flat space addressing above. `number` < `lun_numbers`.
LunAddress encode_lun(std::uint32_t number);

}  // namespace holdfast::scsi
