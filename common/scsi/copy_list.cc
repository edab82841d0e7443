#include "common/scsi/copy_list.h"

#include <algorithm>
#include <optional>

#include "common/scsi/list_fields.h"

namespace holdfast::scsi {
namespace {

constexpr std::size_t header_bytes = 16;
constexpr std::size_t target_bytes = 32;
constexpr std::size_t designator_bytes_max = 20;
constexpr std::size_t segment_bytes = 28;
constexpr std::size_t segment_header_bytes = 4;
constexpr std::uint8_t list_id_usage_none = 3;

using List = std::span<const std::uint8_t>;

Sense copy_sense(AdditionalSense additional, std::size_t byte) {
  return illegal_request(additional, FieldPointer{static_cast<std::uint16_t>(byte), {}, true});
}

}  // namespace

Sense copy_aborted(std::size_t number, AdditionalSense additional) {
  return {.key = SenseKey::copy_aborted, .additional = additional, .information = number};
}

bool names(const CopyTarget& target, const Identity& identity) {
  constexpr std::uint8_t t10_vendor = 1, naa = 3;
  const std::vector<std::uint8_t>& bytes = target.designator;
  if (target.designator_type == naa) return std::ranges::equal(bytes, identity.naa);
  if (target.designator_type != t10_vendor) return false;
  std::string named = identity.vendor;
  named.resize(8, ' ');
  named += identity.scsi_id;
  // A longer one is cut to what a descriptor has room for.
  if (bytes.size() != std::min(named.size(), designator_bytes_max)) return false;
  return std::equal(bytes.begin(), bytes.end(), named.begin());
}

namespace {

std::optional<Sense> read_target(List list, std::size_t at, CopyList& copy) {
  if (list[at] != copy_limits::identification_descriptor)
    return copy_sense(additional_sense::unsupported_target_descriptor_type, at);
  if ((list[at + 1] & 0x20) != 0) return copy_aborted(copy.targets.size());  // NUL
  if ((list[at + 1] & 0x1f) != 0)  // PERIPHERAL DEVICE TYPE: a disk
    return copy_aborted(copy.targets.size(), additional_sense::incorrect_copy_target_device_type);
  CopyTarget target;
  target.code_set = list[at + 4] & 0x0f;
  target.designator_type = list[at + 5] & 0x0f;
  const std::size_t bytes = list[at + 7];
  if (bytes > designator_bytes_max) return invalid_field_in_parameter_list(static_cast<std::uint16_t>(at + 7));
  const List designator = list.subspan(at + 8, bytes);
  target.designator.assign(designator.begin(), designator.end());
  target.block_bytes =
      static_cast<std::uint32_t>(list[at + 29] << 16 | list[at + 30] << 8 | list[at + 31]);
  target.at = static_cast<std::uint16_t>(at);
  copy.targets.push_back(std::move(target));
  return std::nullopt;
}

std::optional<Sense> read_segment(List list, std::size_t at, CopyList& copy) {
  if (list[at] != copy_limits::block_to_block)
    return copy_sense(additional_sense::unsupported_segment_descriptor_type, at);
  if (list_field<be16>(list, at + 2) != segment_bytes - segment_header_bytes)
    return invalid_field_in_parameter_list(static_cast<std::uint16_t>(at + 2));
  const CopySegment segment{.destination_counts = (list[at + 1] & 0x02) != 0,
                            .source = list_field<be16>(list, at + 4),
                            .destination = list_field<be16>(list, at + 6),
                            .blocks = list_field<be16>(list, at + 10),
                            .source_lba = list_field<be64>(list, at + 12),
                            .destination_lba = list_field<be64>(list, at + 20),
                            .at = static_cast<std::uint16_t>(at)};
  if (segment.source >= copy.targets.size() || segment.destination >= copy.targets.size())
    return copy_aborted(copy.segments.size());
  copy.segments.push_back(segment);
  return std::nullopt;
}

}  // namespace

std::variant<CopyList, Sense> read_copy_list(List list) {
  CopyList copy;
  if (list.empty()) return copy;
  const Sense wrong_length = illegal_request(additional_sense::parameter_list_length_error);
  if (list.size() < header_bytes) return wrong_length;
  const std::uint8_t usage = (list[1] >> 3) & 0x03;
  copy.list_id = list[0];
  copy.list_id_counts = usage != list_id_usage_none;
  if (usage == 1) return invalid_field_in_parameter_list(1, 4);
  if (!copy.list_id_counts && copy.list_id != 0) return invalid_field_in_parameter_list(0);
  for (std::uint16_t reserved = 4; reserved < 8; ++reserved)
    if (list[reserved] != 0) return invalid_field_in_parameter_list(reserved);
  const std::size_t targets = list_field<be16>(list, 2);
  const std::size_t segments = list_field<be32>(list, 8);
  const std::size_t inline_bytes = list_field<be32>(list, 12);
  if (inline_bytes != 0) return copy_sense(additional_sense::inline_data_length_exceeded, 12);
  if (targets + segments > copy_limits::descriptor_bytes_max) return wrong_length;
  if (targets > copy_limits::target_descriptors_max * target_bytes)
    return copy_sense(additional_sense::too_many_target_descriptors, 2);
  if (segments > copy_limits::segment_descriptors_max * segment_bytes)
    return copy_sense(additional_sense::too_many_segment_descriptors, 8);
  if (list.size() < header_bytes + targets) return wrong_length;
  if (targets % target_bytes != 0) return invalid_field_in_parameter_list(2);
  for (std::size_t at = header_bytes; at < header_bytes + targets; at += target_bytes)
    if (const std::optional<Sense> wrong = read_target(list, at, copy)) return *wrong;
  const std::size_t end = header_bytes + targets + segments;
  if (list.size() < end) return wrong_length;
  for (std::size_t at = header_bytes + targets; at < end; at += segment_bytes) {
    // A type that we do not know may be shorter or longer, and is named as such first.
    if (list[at] != copy_limits::block_to_block)
      return copy_sense(additional_sense::unsupported_segment_descriptor_type, at);
    if (end - at < segment_bytes) return wrong_length;
    if (const std::optional<Sense> wrong = read_segment(list, at, copy)) return *wrong;
  }
  return copy;
}

ParameterData copy_operating_parameters() {
  ParameterData data;
  data.put_be32(0);
  data.put_zeros(4);  // SNLID 0
  data.put_be16(copy_limits::target_descriptors_max);
  data.put_be16(copy_limits::segment_descriptors_max);
  data.put_be32(copy_limits::descriptor_bytes_max);
  data.put_be32(copy_limits::segment_bytes_max);
  data.put_be32(0);  // no inline data
  data.put_be32(0);  // no held data
  data.put_be32(0);  // no stream device transfers
  data.put_zeros(2);
  data.put_be16(copy_limits::concurrent_max);
  data.put({copy_limits::concurrent_max, copy_limits::granularity_log2, 0, 0});
  data.put_zeros(3);
  data.put({2, copy_limits::block_to_block, copy_limits::identification_descriptor});
  data.set_be32(0, static_cast<std::uint32_t>(data.size() - 4));
  return data;
}

}  // namespace holdfast::scsi
