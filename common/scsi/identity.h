#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::scsi {

/// T10 VENDOR IDENTIFICATION, PRODUCT IDENTIFICATION and PRODUCT REVISION LEVEL.
inline constexpr std::string_view vendor_identification = "HOLDFAST";
inline constexpr std::string_view product_identification = "VIRTUAL-DISK";
inline constexpr std::string_view product_revision = "0.1";

/// What a logical unit and its target call themselves.
struct Identity {
  std::string vendor{vendor_identification};    // at most 8 characters
  std::string product{product_identification};  // at most 16
  std::string revision{product_revision};       // at most 4
  /// The VENDOR SPECIFIC IDENTIFIER of the T10 designator: printable ASCII, 1 to 32 characters.
  std::string scsi_id;
  /// PRODUCT SERIAL NUMBER: printable ASCII, 1 to 32 characters.
  std::string serial_number;
  /// An NAA designator; where none was given a locally assigned one, SPC-4 7.8.6.6.4: its first
  /// four bits are 3h.
  std::array<std::uint8_t, 8> naa{};
  std::string target_name;  // the iSCSI name, at most 223 bytes
  std::uint16_t target_portal_group = 1;
};

/// An identity that is the same at every start: `scsi_id` and `serial_number` as given or, where
/// they are empty, derived from the target's name and the unit's number.
Identity make_identity(std::string target_name, std::uint16_t target_portal_group,
                       std::uint32_t lun, std::string scsi_id, std::string serial_number);

}  // namespace holdfast::scsi
