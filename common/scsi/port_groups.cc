#include "common/scsi/port_groups.h"

#include <algorithm>

#include "common/scsi/list_fields.h"

namespace holdfast::scsi {
namespace {

constexpr std::size_t header_bytes = 4;
constexpr std::size_t descriptor_bytes = 4;

}  // namespace

ParameterData report_port_groups(const ReportTargetPortGroups& command,
                                 std::span<const PortGroup> groups) {
  constexpr std::uint8_t supported = 0x0f;  // unavailable, standby, both active ones
  ParameterData data;
  data.put_be32(0);
  if (command.extended) data.put({0x10, 0, 0, 0});  // IMPLICIT TRANSITION TIME: none
  for (const PortGroup& group : groups) {
    data.put({static_cast<std::uint8_t>(group.state), supported});
    data.put_be16(group.tag);
    data.put({0, static_cast<std::uint8_t>(group.status), 0, 1});
    data.put_be16(0);
    data.put_be16(group.tag);
  }
  data.set_be32(0, static_cast<std::uint32_t>(data.size() - 4));
  return data;
}

std::variant<std::vector<PortGroup>, Sense> set_port_groups(std::span<const std::uint8_t> list,
                                                            std::span<const PortGroup> now) {
  std::vector<PortGroup> wanted(now.begin(), now.end());
  if (list.empty()) return wanted;
  if (list.size() < header_bytes || (list.size() - header_bytes) % descriptor_bytes != 0)
    return illegal_request(additional_sense::parameter_list_length_error);
  for (std::size_t at = header_bytes; at < list.size(); at += descriptor_bytes) {
    const std::uint8_t state = list[at] & 0x0f;
    const auto byte = static_cast<std::uint16_t>(at);
    if ((list[at] & 0xf0) != 0) return invalid_field_in_parameter_list(byte, 7);
    if (state > static_cast<std::uint8_t>(AccessState::unavailable))
      return invalid_field_in_parameter_list(byte, 3);
    const std::uint16_t tag = list_field<be16>(list, at + 2);
    const auto group = std::find_if(wanted.begin(), wanted.end(),
                                    [tag](const PortGroup& known) { return known.tag == tag; });
    if (group == wanted.end())
      return invalid_field_in_parameter_list(static_cast<std::uint16_t>(at + 2));
    group->state = static_cast<AccessState>(state);
    group->status = AccessStatus::by_command;
  }
  return wanted;
}

}  // namespace holdfast::scsi
