#include "initiator/device/url_parts.h"

#include <fmt/format.h>

#include <cerrno>
#include <charconv>

namespace holdfast::initiator {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool stays_as_it_is(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  return letter || (c >= '0' && c <= '9') || std::string_view("-._~/:").find(c) != std::string_view::npos;
}

}  // namespace

Error wrong_url(std::string what, std::string_view form) {
  return Error{ErrorKind::invalid_input, EINVAL, fmt::format("{}; the form is {}", what, form)};
}

std::optional<unsigned> read_number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
                        hex_digit(text[i + 2]) >= 0;
    if (escape) {
      decoded += static_cast<char>(16 * hex_digit(text[i + 1]) + hex_digit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

std::string percent_encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (stays_as_it_is(c))
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

Result<HostAndPort> read_host_and_port(std::string_view text, std::uint16_t default_port,
                                       std::string_view form) {
  HostAndPort found{{}, default_port};
  std::optional<std::string_view> port;
  if (!text.empty() && text.front() == '[') {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return wrong_url("the host's '[' has no ']'", form);
    found.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (!text.empty() && text.front() != ':')
      return wrong_url(fmt::format("'{}' after the host's ']' is no port", text), form);
    if (!text.empty()) port = text.substr(1);
  } else {
    const std::size_t colon = text.find(':');
    if (colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos)
      return wrong_url(
          fmt::format("the host '{}' has several colons: an IPv6 address stands in brackets", text), form);
    found.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
  }
  if (found.host.empty()) return wrong_url("the host is missing", form);
  if (found.host.find_first_of(" \t\r\n,") != std::string::npos)
    return wrong_url(fmt::format("'{}' is no host", found.host), form);
  if (!port) return found;
  const std::optional<unsigned> value = read_number(*port);
  if (!value || *value == 0 || *value > 65535)
    return wrong_url(fmt::format("the port '{}' is not a number from 1 to 65535", *port), form);
  found.port = static_cast<std::uint16_t>(*value);
  return found;
}

std::string host_and_port_text(std::string_view host, std::uint16_t port) {
  const bool ipv6 = host.find(':') != std::string_view::npos;
  return fmt::format(fmt::runtime(ipv6 ? "[{}]:{}" : "{}:{}"), host, port);
}

}  // namespace holdfast::initiator
