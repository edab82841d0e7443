#include "common/scsi/unmap_list.h"

#include <algorithm>
#include <cstddef>

#include "common/scsi/list_fields.h"

namespace holdfast::scsi {
namespace {

constexpr std::size_t header_bytes = 8;
constexpr std::size_t descriptor_bytes = 16;

}  // namespace

std::variant<std::vector<BlockRange>, Sense> read_unmap_list(std::span<const std::uint8_t> list,
                                                             const Geometry& geometry) {
  std::vector<BlockRange> ranges;
  if (list.empty()) return ranges;
  if (list.size() < header_bytes)
    return illegal_request(additional_sense::parameter_list_length_error);
  for (std::uint16_t reserved = 4; reserved < header_bytes; ++reserved)
    if (list[reserved] != 0) return invalid_field_in_parameter_list(reserved);
  const std::size_t said = list_field<be16>(list, 2);
  const std::size_t here = std::min(said, list.size() - header_bytes);
  const std::size_t count = here / descriptor_bytes;
  if (count > unmap_descriptors_max) return invalid_field_in_parameter_list(2);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t at = header_bytes + i * descriptor_bytes;
    const BlockRange range{.lba = list_field<be64>(list, at),
                           .blocks = list_field<be32>(list, at + 8)};
    for (std::size_t reserved = at + 12; reserved < at + descriptor_bytes; ++reserved)
      if (list[reserved] != 0)
        return invalid_field_in_parameter_list(static_cast<std::uint16_t>(reserved));
    const bool on_the_medium =
        range.blocks == 0 ? range.lba <= geometry.blocks : geometry.contains(range);
    if (!on_the_medium)
      return illegal_request(additional_sense::logical_block_address_out_of_range,
                             FieldPointer{static_cast<std::uint16_t>(at), {}, true});
    if (range.blocks > 0) ranges.push_back(range);
  }
  return ranges;
}

}  // namespace holdfast::scsi
