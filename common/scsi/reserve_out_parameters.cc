#include <algorithm>

#include "common/scsi/persistent_reservations.h"

namespace holdfast::scsi {
namespace {

using Action = PersistentReserveOut::Action;
using Parsed = std::variant<ReserveOutParameters, Sense>;

std::uint64_t get(std::span<const std::uint8_t> list, std::size_t at, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | list[at + i];
  return value;
}

bool registers(Action action) {
  return action == Action::register_key || action == Action::register_and_ignore_existing_key;
}

/// TRANSPORTID PARAMETER DATA LENGTH at `length_at` and the TransportIDs behind it, which are all
/// that is left of the list.
std::optional<Sense> parse_ports(ReserveOutParameters& parameters,
                                 std::span<const std::uint8_t> list, std::size_t length_at) {
  std::size_t at = length_at + 4;
  if (list.size() < at) return parameter_list_length_error();
  const std::uint64_t length = get(list, length_at, 4);
  if (length < 24 || length % 4 != 0)
    return invalid_field_in_parameter_list(static_cast<std::uint16_t>(length_at));
  if (length != list.size() - at) return parameter_list_length_error();
  while (at < list.size()) {
    auto decoded = decode_transport_id(list, at);
    if (const auto* wrong = std::get_if<FieldPointer>(&decoded))
      return illegal_request(additional_sense::invalid_field_in_parameter_list, *wrong);
    auto& id = std::get<DecodedTransportId>(decoded);
    at += id.bytes;
    parameters.ports.push_back(std::move(id.port));
  }
  return std::nullopt;
}

Parsed parse_move(ReserveOutParameters parameters, std::span<const std::uint8_t> list) {
  if (list[16] != 0) return invalid_field_in_parameter_list(16);
  if ((list[17] & 0xfc) != 0) return invalid_field_in_parameter_list(17, 7);
  parameters.unregister = (list[17] & 0x02) != 0;
  parameters.persist = (list[17] & 0x01) != 0;
  parameters.target_port = static_cast<std::uint16_t>(get(list, 18, 2));
  if (std::optional<Sense> wrong = parse_ports(parameters, list, 20)) return *wrong;
  // One port can be moved to.
  if (parameters.ports.size() != 1) return invalid_field_in_parameter_list(20);
  return parameters;
}

Parsed parse_basic(Action action, ReserveOutParameters parameters,
                   std::span<const std::uint8_t> list) {
  const std::uint8_t flags = list[20];
  if ((flags & 0xf0) != 0) return invalid_field_in_parameter_list(20, 7);
  if ((flags & 0x02) != 0) return invalid_field_in_parameter_list(20, 1);
  if (list[21] != 0) return invalid_field_in_parameter_list(21);
  const bool specifies_ports = (flags & 0x08) != 0;
  if (registers(action)) {
    parameters.all_target_ports = (flags & 0x04) != 0;
    parameters.persist = (flags & 0x01) != 0;
  }
  if (action == Action::register_and_ignore_existing_key && specifies_ports)
    return invalid_field_in_parameter_list(20, 3);
  if (action == Action::register_key && specifies_ports) {
    parameters.specifies_ports = true;
    if (std::optional<Sense> wrong = parse_ports(parameters, list, 24)) return *wrong;
    return parameters;
  }
  if (list.size() != reserve_out_bytes_min) return parameter_list_length_error();
  return parameters;
}

}  // namespace

Sense parameter_list_length_error() {
  return illegal_request(additional_sense::parameter_list_length_error, FieldPointer{5});
}

Parsed parse_reserve_out(Action action, std::span<const std::uint8_t> list) {
  if (list.size() < reserve_out_bytes_min || list.size() > reserve_out_bytes_max)
    return parameter_list_length_error();
  ReserveOutParameters parameters;
  parameters.key = get(list, 0, 8);
  parameters.service_action_key = get(list, 8, 8);
  if (action == Action::register_and_move) return parse_move(std::move(parameters), list);
  return parse_basic(action, std::move(parameters), list);
}

}  // namespace holdfast::scsi
