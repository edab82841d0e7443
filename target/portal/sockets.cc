#include "target/portal/sockets.h"

#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

namespace holdfast::target {
namespace {

/// How often a free port may turn out to be taken on the second address.
constexpr int attempts_max = 16;

/// An address to listen on; port 0: a free one, the same for all that have it.
struct Wanted {
  SocketAddress address;
  std::uint16_t group = 1;
};

Result<std::vector<OpenPortal>> listen_on_all(const std::vector<Wanted>& all) {
  std::vector<OpenPortal> portals;
  std::uint16_t free_port = 0;
  for (const Wanted& wanted : all) {
    SocketAddress address = wanted.address;
    const bool takes_free_port = address.port() == 0;
    if (takes_free_port && free_port != 0) {
      Result<SocketAddress> same_port = SocketAddress::parse(address.host(), free_port);
      if (!same_port) return same_port.error();
      address = *same_port;
    }
    Result<Fd> socket = listen_tcp(address);
    if (!socket) return socket.error();
    if (takes_free_port) free_port = local_address(socket->get()).port();
    portals.push_back({.socket = std::move(*socket), .group = wanted.group});
  }
  return portals;
}

bool has_ipv6() {
  const Result<SocketAddress> any = SocketAddress::parse("::", 0);
  return any && open_tcp(*any).ok();
}

}  // namespace

Result<SocketAddress> parse_place(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  std::uint16_t port = 0;
  const std::string_view number = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), port);
  std::string_view host = text.substr(0, colon == std::string_view::npos ? 0 : colon);
  const bool bare_ipv6 = host.find(':') != std::string_view::npos && !host.starts_with('[');
  if (number.empty() || host.empty() || bare_ipv6 || error != std::errc() || end != number.data() + number.size())
    return Error{ErrorKind::invalid_input, EINVAL, "'" + std::string(text) + "' is not ADDR:PORT"};
  return SocketAddress::parse(host, port);
}

std::vector<PortalGroup> one_portal_group(const std::vector<std::string>& addresses) {
  PortalGroup group;
  for (const std::string& address : addresses) group.portals.push_back({.host = address, .port = std::nullopt});
  if (addresses.empty()) {
    group.portals.push_back({.host = "0.0.0.0", .port = std::nullopt});
    if (has_ipv6()) group.portals.push_back({.host = "::", .port = std::nullopt});
  }
  return {std::move(group)};
}

Result<std::vector<OpenPortal>> listen_on(const std::vector<PortalGroup>& groups, std::uint16_t port) {
  std::vector<Wanted> all;
  for (const PortalGroup& group : groups) {
    for (const PortalAddress& portal : group.portals) {
      Result<SocketAddress> address = SocketAddress::parse(portal.host, portal.port.value_or(port));
      if (!address) return address.error();
      all.push_back({.address = *address, .group = group.tag});
    }
  }
  for (int attempt = 1;; ++attempt) {
    Result<std::vector<OpenPortal>> portals = listen_on_all(all);
    const bool try_again = !portals && port == 0 && portals.error().code == EADDRINUSE;
    if (!try_again || attempt == attempts_max) return portals;
  }
}

}  // namespace holdfast::target
