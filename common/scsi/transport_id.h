#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/scsi/sense.h"

namespace holdfast::scsi {

/// An iSCSI initiator port as persistent reservations know it: the initiator's name and the ISID of
/// its session (RFC 7143 section 4.4.2).
struct InitiatorPort {
  static constexpr std::size_t name_bytes_max = 223;  // RFC 7143 section 4.2.7.1
  using Isid = std::array<std::uint8_t, 6>;

  std::string name;  // in lower case: the form in which names are compared
  /// None: every port of that initiator, whatever ISIDs its sessions have.
  std::optional<Isid> isid;

  bool operator==(const InitiatorPort&) const = default;
  /// True if `other` is this port, or one of those that this stands for.
  bool covers(const InitiatorPort& other) const {
    return name == other.name && (!isid || isid == other.isid);
  }
};

/// The port of a session, its name folded to lower case (of ASCII; RFC 3722 does the same).
InitiatorPort initiator_port(std::string_view name, const InitiatorPort::Isid& isid);

/// The longest TransportID there is.
inline constexpr std::size_t transport_id_bytes_max = 4 + 244;

/// Appends the TransportID of a port (SPC-4 7.6.4.6): TPID FORMAT 01b, or 00b for all ports.
void put_transport_id(std::vector<std::uint8_t>& data, const InitiatorPort& port);

struct DecodedTransportId {
  InitiatorPort port;
  std::size_t bytes = 0;
};

/// Reads the TransportID that begins at `at` in a parameter list, or says which field of the list
/// is wrong. `at` is below the list's size.
std::variant<DecodedTransportId, FieldPointer> decode_transport_id(
    std::span<const std::uint8_t> list, std::size_t at);

}  // namespace holdfast::scsi
