#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace holdfast::target {

/// A number as strtol with base 0 reads it (0x… hexadecimal, 0… octal), but whole: nothing may
/// follow it. Absent when it is none. Too large or small ones come as the nearest that fits.
std::optional<std::int64_t> parse_number(std::string_view text);

/// The number that `text` begins with, as strtol with base 0 reads it; 0 if it begins with none.
std::int64_t parse_number_prefix(std::string_view text);

/// A decimal number, whole and without a sign.
std::optional<std::int64_t> parse_decimal(std::string_view text);

/// True when ietd.conf's meaning of a number surprises: "010" is eight.
bool is_octal(std::string_view text);

bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string to_lower(std::string_view text);

/// The candidate that `misspelt` is most likely meant to be; empty when none is near.
std::string_view nearest(std::string_view misspelt, std::span<const std::string_view> candidates);

bool is_utf8(std::string_view text);

/// `text` for a message: in quotes, cut when long, with bytes that a terminal should not get as
/// \x….
std::string shown(std::string_view text);

}  // namespace holdfast::target
