#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "common/iscsi/codes.h"

namespace holdfast::initiator {

/// The keys that a target answered or declared while it let us in, from the bytes of its Login
/// Responses (RFC 7143 section 11.13). What is damaged or cut off ends the reading; what came before
/// it counts. Keys of authentication are left out.
std::map<std::string, std::string> read_login_transcript(std::span<const std::byte> bytes);

/// What a session is known by at both ends, beside the initiator's name (RFC 7143 section 4.2.7).
struct LoginIdentity {
  std::string isid;  // twelve hexadecimal digits
  std::uint16_t tsih = 0;
};
/// As the last whole Login Response has it; nothing where the bytes begin with none.
std::optional<LoginIdentity> login_identity(std::span<const std::byte> bytes);

/// What a run's record says of a session: the target's keys, its portal, and what the session is known by.
std::map<std::string, std::string> session_record(std::span<const std::byte> bytes, const std::string& initiator,
                                                  const std::string& portal);

/// The status of the last whole Login Response; nothing where the bytes begin with none.
std::optional<iscsi::LoginStatus> last_login_status(std::span<const std::byte> bytes);

}  // namespace holdfast::initiator
