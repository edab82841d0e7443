#include "target/config/portal_address.h"

#include <charconv>
#include <fmt/format.h>

#include "target/config/access_list.h"

namespace holdfast::target {
namespace {

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  if (error != std::errc{} || stop != end || port == 0) return std::nullopt;
  return port;
}

std::optional<PortalAddress> make(std::string_view host, std::string_view port, bool has_port) {
  PortalAddress address{.host = std::string(host), .port = std::nullopt};
  if (!has_port) return address;
  address.port = parse_port(port);
  if (!address.port) return std::nullopt;
  return address;
}

}  // namespace

std::string PortalAddress::to_string(std::uint16_t port_if_none) const {
  const bool is_ipv6 = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "", port.value_or(port_if_none));
}

std::optional<PortalAddress> parse_portal_address(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view host = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    const bool is_ipv6 = host.find(':') != std::string_view::npos && IpAddress::parse(host).bits != 0;
    if (!is_ipv6 || (!rest.empty() && rest.front() != ':')) return std::nullopt;
    return make(host, rest.substr(rest.empty() ? 0 : 1), !rest.empty());
  }
  if (IpAddress::parse(text).bits != 0) return make(text, "", false);
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || IpAddress::parse(text.substr(0, colon)).bits != 32) return std::nullopt;
  return make(text.substr(0, colon), text.substr(colon + 1), true);
}

}  // namespace holdfast::target
