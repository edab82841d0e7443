#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace holdfast::initiator {

/// The parts that URLs of several schemes share. `form` is how the whole URL is to be written; every
/// error ends with it.

struct HostAndPort {
  std::string host;  // a name or an address; IPv6 without brackets
  std::uint16_t port = 0;
};

/// "WHAT; the form is FORM".
Error wrong_url(std::string what, std::string_view form);

/// Reads "host[:port]", where an IPv6 address stands in brackets.
Result<HostAndPort> read_host_and_port(std::string_view text, std::uint16_t default_port, std::string_view form);

/// A decimal number and nothing else.
std::optional<unsigned> read_number(std::string_view text);

/// Turns %3A into ':'. A percent sign without two digits after it stays.
std::string percent_decode(std::string_view text);
/// Spells everything but letters, digits and "-._~/:" as %XX.
std::string percent_encode(std::string_view text);

/// "host:port", with brackets around IPv6.
std::string host_and_port_text(std::string_view host, std::uint16_t port);

}  // namespace holdfast::initiator
