#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace holdfast::initiator {

/// A session of iSCSI as both ends know it.
struct SessionIdentity {
  std::string initiator;
  std::string isid;  // twelve hexadecimal digits
  std::uint16_t tsih = 0;
  bool operator==(const SessionIdentity&) const = default;

  /// What a device says of its session; none where it is not of iSCSI.
  static std::optional<SessionIdentity> of(const std::map<std::string, std::string>& negotiated);
};

}  // namespace holdfast::initiator
