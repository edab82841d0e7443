#include "target/portal/sockets.h"

#include <cerrno>
#include <utility>

namespace holdfast::target {
namespace {

/// How often a free port may turn out to be taken on the second address.
constexpr int attempts_max = 16;

Result<std::vector<Fd>> listen_on_all(const std::vector<SocketAddress>& addresses) {
  std::vector<Fd> sockets;
  std::uint16_t port = 0;
  for (SocketAddress address : addresses) {
    if (address.port() == 0 && port != 0) {
      Result<SocketAddress> same_port = SocketAddress::parse(address.host(), port);
      if (!same_port) return same_port.error();
      address = *same_port;
    }
    Result<Fd> socket = listen_tcp(address);
    if (!socket) return socket.error();
    port = local_address(socket->get()).port();
    sockets.push_back(std::move(*socket));
  }
  return sockets;
}

bool has_ipv6(std::uint16_t port) {
  const Result<SocketAddress> any = SocketAddress::parse("::", port);
  return any && open_tcp(*any).ok();
}

}  // namespace

Result<std::vector<Fd>> listen_on(const std::vector<std::string>& addresses, std::uint16_t port) {
  std::vector<std::string> hosts = addresses;
  if (hosts.empty()) {
    hosts.emplace_back("0.0.0.0");
    if (has_ipv6(port)) hosts.emplace_back("::");
  }
  std::vector<SocketAddress> parsed;
  for (const std::string& host : hosts) {
    Result<SocketAddress> address = SocketAddress::parse(host, port);
    if (!address) return address.error();
    parsed.push_back(*address);
  }
  for (int attempt = 1;; ++attempt) {
    Result<std::vector<Fd>> sockets = listen_on_all(parsed);
    const bool try_again = !sockets && port == 0 && sockets.error().code == EADDRINUSE;
    if (!try_again || attempt == attempts_max) return sockets;
  }
}

}  // namespace holdfast::target
