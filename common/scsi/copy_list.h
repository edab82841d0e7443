#pragma once

#include <cstdint>
#include <span>
#include <variant>
#include <vector>

#include "common/scsi/identity.h"
#include "common/scsi/parameter_data.h"
#include "common/scsi/sense.h"

namespace holdfast::scsi {

/// What EXTENDED COPY(LID1) does, as it says itself.
namespace copy_limits {
inline constexpr std::uint16_t target_descriptors_max = 8;
inline constexpr std::uint16_t segment_descriptors_max = 64;
inline constexpr std::uint32_t descriptor_bytes_max =
    target_descriptors_max * 32 + segment_descriptors_max * 28;
inline constexpr std::uint32_t segment_bytes_max = 16u << 20;
inline constexpr std::uint8_t concurrent_max = 16;
inline constexpr std::uint8_t granularity_log2 = 9;
inline constexpr std::uint8_t block_to_block = 0x02;
inline constexpr std::uint8_t identification_descriptor = 0xe4;
}  // namespace copy_limits

/// A unit that takes part, named by one of its designators (SPC-4 6.4.5.3).
struct CopyTarget {
  std::uint8_t code_set = 0;
  std::uint8_t designator_type = 0;
  std::vector<std::uint8_t> designator;
  std::uint32_t block_bytes = 0;
  std::uint16_t at = 0;  // where its descriptor begins
};

/// Block device to block device (SPC-4 6.4.6.4).
struct CopySegment {
  bool destination_counts = false;  // DC
  std::uint16_t source = 0;         // indices of targets
  std::uint16_t destination = 0;
  std::uint16_t blocks = 0;
  std::uint64_t source_lba = 0;
  std::uint64_t destination_lba = 0;
  std::uint16_t at = 0;
};

struct CopyList {
  std::uint8_t list_id = 0;
  bool list_id_counts = true;  // LIST ID USAGE other than 11b
  std::vector<CopyTarget> targets;
  std::vector<CopySegment> segments;
};

/// Reads an EXTENDED COPY(LID1) parameter list, or says why nothing is copied.
std::variant<CopyList, Sense> read_copy_list(std::span<const std::uint8_t> list);

/// Whether that is one of the designators that VPD page 83h has for a unit.
bool names(const CopyTarget& target, const Identity& identity);

/// COPY ABORTED, with the number of the descriptor at which it was (SPC-4 6.4.3).
Sense copy_aborted(std::size_t number, AdditionalSense additional = additional_sense::none);

/// RECEIVE COPY RESULTS, OPERATING PARAMETERS (SPC-4 6.20).
ParameterData copy_operating_parameters();

}  // namespace holdfast::scsi
