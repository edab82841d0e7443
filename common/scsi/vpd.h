#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "common/scsi/geometry.h"
#include "common/scsi/identity.h"
#include "common/scsi/parameter_data.h"
#include "common/scsi/port_groups.h"

namespace holdfast::scsi {

/// What vital product data pages tell of a logical unit.
struct VitalProductData {
  const Identity& identity;
  const Geometry& geometry;
  bool thin = false;                // LBPME
  bool thresholds = false;          // a thin unit tells when its room runs out
  std::uint16_t rotation_rate = 1;  // MEDIUM ROTATION RATE: 1 does not rotate, 0 is not said
  // MAXIMUM TRANSFER LENGTH, MAXIMUM COMPARE AND WRITE LENGTH and MAXIMUM WRITE SAME LENGTH, in
  // logical blocks.
  std::uint32_t transfer_blocks_max = 0;
  std::uint8_t compare_blocks_max = 0;
  std::uint64_t write_same_blocks_max = 0;
  // MAXIMUM ATOMIC TRANSFER LENGTH and ATOMIC ALIGNMENT, in logical blocks; 0: any alignment.
  std::uint32_t atomic_blocks_max = 0;
  std::uint32_t atomic_alignment_blocks = 0;
  /// The relative target port, and the target port group, by which the nexus that asks came.
  std::uint16_t target_port = 1;
  /// Of all ports by which the unit is reached.
  std::span<const PortGroup> port_groups{};
};

/// The VPD page with that PAGE CODE (SPC-4 7.8, SBC-3 6.6), nothing if there is none: 00h supported
/// pages, 80h unit serial number, 83h device identification, 85h management network addresses, 86h
/// extended INQUIRY data, 87h mode page policy, 88h SCSI ports, 8Fh third-party copy, B0h block
/// limits, B1h block device characteristics, B2h logical block provisioning, B3h referrals.
std::optional<ParameterData> vpd_page(std::uint8_t page, const VitalProductData& unit);

}  // namespace holdfast::scsi
