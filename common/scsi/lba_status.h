#pragma once

#include <cstdint>
#include <span>

#include "common/scsi/parameter_data.h"

namespace holdfast::scsi {

/// PROVISIONING STATUS, SBC-3 table 60.
enum class ProvisioningStatus : std::uint8_t { mapped = 0, deallocated = 1, anchored = 2 };

struct LbaStatus {
  std::uint64_t lba = 0;
  std::uint32_t blocks = 0;
  ProvisioningStatus status = ProvisioningStatus::mapped;
};

/// The most descriptors in one answer; an initiator asks on from where it ends.
inline constexpr std::size_t lba_statuses_max = 100;
inline constexpr std::size_t lba_status_bytes_max = 8 + 16 * lba_statuses_max;

/// GET LBA STATUS parameter data, SBC-3 5.5.2.
ParameterData lba_status(std::span<const LbaStatus> statuses);

}  // namespace holdfast::scsi
