#pragma once

#include <cstddef>
#include <cstdint>

namespace holdfast::target {

// The control socket speaks one request and one answer a connection: a line of JSON each. What the
// members mean is in requests.h.

/// Where it is unless somebody says otherwise, and the word for "nowhere".
inline constexpr const char* default_control_socket = "/run/holdfastd.sock";
inline constexpr const char* no_control_socket = "none";

/// A longer request is refused. ietadm's parameters have 2 KiB.
inline constexpr std::size_t control_request_bytes_max = 16 * 1024;

}  // namespace holdfast::target
