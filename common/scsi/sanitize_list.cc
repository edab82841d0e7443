#include "common/scsi/sanitize_list.h"

#include "common/scsi/list_fields.h"

namespace holdfast::scsi {

std::variant<Overwrite, Sense> read_overwrite(std::span<const std::uint8_t> list,
                                              std::uint32_t block_bytes) {
  constexpr std::size_t header_bytes = 4;
  if (list.size() < header_bytes + 1) return invalid_field_in_cdb(7);
  const std::uint8_t passes = list[0] & 0x1f;
  if ((list[0] & 0x60) != 0) return invalid_field_in_parameter_list(0, 6);  // TEST
  if (passes == 0) return invalid_field_in_parameter_list(0, 4);
  if (list[1] != 0) return invalid_field_in_parameter_list(1);
  const std::uint16_t bytes = list_field<be16>(list, 2);
  if (bytes == 0 || bytes > block_bytes) return invalid_field_in_parameter_list(2);
  if (list.size() != header_bytes + bytes) return invalid_field_in_cdb(7);
  const auto pattern = list.subspan(header_bytes, bytes);
  return Overwrite{passes, (list[0] & 0x80) != 0, {pattern.begin(), pattern.end()}};
}

std::uint32_t format_list_bytes(const FormatUnit& command) {
  if (!command.with_list) return 0;
  return command.long_list ? 8 : 4;
}

std::variant<bool, Sense> read_format_list(const FormatUnit& command,
                                           std::span<const std::uint8_t> list) {
  if (!command.with_list) return false;
  if (list.size() < format_list_bytes(command))
    return illegal_request(additional_sense::parameter_list_length_error);
  if ((list[0] & 0x07) != 0) return invalid_field_in_parameter_list(0, 2);  // PROTECTION FIELDS
  const std::uint8_t flags = list[1];
  if ((flags & 0x08) != 0) return invalid_field_in_parameter_list(1, 3);  // IP: no pattern
  // DPRY, DCRT, STPF and DSP say how; without FOV they may not be said.
  if ((flags & 0x80) == 0 && (flags & 0x74) != 0) return invalid_field_in_parameter_list(1, 7);
  const std::size_t length_at = command.long_list ? 4 : 2;
  const std::uint32_t defects =
      command.long_list ? list_field<be32>(list, 4) : list_field<be16>(list, 2);
  if (defects != 0) return invalid_field_in_parameter_list(static_cast<std::uint16_t>(length_at));
  return (flags & 0x02) != 0;
}

}  // namespace holdfast::scsi
