#include "common/scsi/port_groups.h"

#include "common/scsi/list_fields.h"

namespace holdfast::scsi {
namespace {

constexpr std::size_t header_bytes = 4;
constexpr std::size_t descriptor_bytes = 4;

}  // namespace

ParameterData report_port_groups(const ReportTargetPortGroups& command, std::uint16_t tag,
                                 const PortGroup& group) {
  constexpr std::uint8_t supported = 0x0f;  // unavailable, standby, both active ones
  ParameterData data;
  data.put_be32(0);
  if (command.extended) data.put({0x10, 0, 0, 0});  // IMPLICIT TRANSITION TIME: none
  data.put({static_cast<std::uint8_t>(group.state), supported});
  data.put_be16(tag);
  data.put({0, static_cast<std::uint8_t>(group.status), 0, 1});
  data.put_be16(0);
  data.put_be16(tag);
  data.set_be32(0, static_cast<std::uint32_t>(data.size() - 4));
  return data;
}

std::variant<AccessState, Sense> read_port_groups(std::span<const std::uint8_t> list,
                                                  std::uint16_t tag, AccessState now) {
  if (list.empty()) return now;
  if (list.size() < header_bytes || (list.size() - header_bytes) % descriptor_bytes != 0)
    return illegal_request(additional_sense::parameter_list_length_error);
  AccessState wanted = now;
  for (std::size_t at = header_bytes; at < list.size(); at += descriptor_bytes) {
    const std::uint8_t state = list[at] & 0x0f;
    const auto byte = static_cast<std::uint16_t>(at);
    if ((list[at] & 0xf0) != 0) return invalid_field_in_parameter_list(byte, 7);
    if (state > static_cast<std::uint8_t>(AccessState::unavailable))
      return invalid_field_in_parameter_list(byte, 3);
    if (list_field<be16>(list, at + 2) != tag)
      return invalid_field_in_parameter_list(static_cast<std::uint16_t>(at + 2));
    wanted = static_cast<AccessState>(state);
  }
  return wanted;
}

}  // namespace holdfast::scsi
