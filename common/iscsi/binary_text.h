#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Binary values in text, RFC 7143 section 6.1: "0x…" in hexadecimal or "0b…" in base64 (RFC 4648).

namespace holdfast::iscsi {

/// "0x" and two digits a byte.
std::string hexadecimal_text(std::span<const std::uint8_t> bytes);

/// The bytes of either form. Nothing if it is neither, or comes to more than `bytes_max`. An odd
/// number of hexadecimal digits counts as if a zero stood in front.
std::optional<std::vector<std::uint8_t>> parse_binary(std::string_view text, std::size_t bytes_max);

}  // namespace holdfast::iscsi
