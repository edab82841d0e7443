#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::target {

/// The port that IANA gave to iSCSI, where none is said.
inline constexpr std::uint16_t iscsi_port = 3260;

/// An address, with or without a port, as it stands in a configuration.
struct PortalAddress {
  std::string host;                   // numeric, without brackets
  std::optional<std::uint16_t> port;  // never 0

  /// As TargetAddress spells it (RFC 7143 section 13.8).
  std::string to_string(std::uint16_t port_if_none = iscsi_port) const;
  bool operator==(const PortalAddress&) const = default;
};

/// Reads "192.0.2.1", "192.0.2.1:3260", "2001:db8::1", "[2001:db8::1]" or "[2001:db8::1]:3260".
std::optional<PortalAddress> parse_portal_address(std::string_view text);

}  // namespace holdfast::target
