#include "common/runtime/socket.h"

#include <arpa/inet.h>
#include <linux/tcp.h>

#include <cerrno>
#include <cstring>

namespace holdfast {

Result<SocketAddress> SocketAddress::parse(std::string_view host, std::uint16_t port) {
  std::string text(host);
  if (text.size() >= 2 && text.front() == '[' && text.back() == ']')
    text = text.substr(1, text.size() - 2);
  SocketAddress address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage_);
  if (inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return address;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage_);
  if (inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return address;
  }
  return Error{ErrorKind::invalid_input, EINVAL,
               "'" + text + "' is not an IPv4 or IPv6 address"};
}

SocketAddress SocketAddress::from(const sockaddr_storage& storage) {
  SocketAddress address;
  address.storage_ = storage;
  return address;
}

socklen_t SocketAddress::bytes() const {
  return is_ipv6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

bool SocketAddress::is_loopback() const {
  if (is_ipv6()) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage_);
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
  }
  const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage_);
  return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
}

bool SocketAddress::is_any() const {
  if (is_ipv6()) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage_);
    return IN6_IS_ADDR_UNSPECIFIED(&v6->sin6_addr);
  }
  return reinterpret_cast<const sockaddr_in*>(&storage_)->sin_addr.s_addr == INADDR_ANY;
}

std::uint16_t SocketAddress::port() const {
  if (is_ipv6()) return ntohs(reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_port);
  return ntohs(reinterpret_cast<const sockaddr_in*>(&storage_)->sin_port);
}

std::string SocketAddress::host() const {
  char text[INET6_ADDRSTRLEN] = "?";
  if (is_ipv6())
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6*>(&storage_)->sin6_addr, text, sizeof text);
  else
    inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(&storage_)->sin_addr, text, sizeof text);
  return text;
}

std::string SocketAddress::to_string() const {
  const std::string number = std::to_string(port());
  return is_ipv6() ? "[" + host() + "]:" + number : host() + ":" + number;
}

namespace {

bool set_congestion_control(int fd, const std::string& name) {
  return ::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(), static_cast<socklen_t>(name.size())) == 0;
}

/// A connection that ever was under one that paces goes on pacing, so this comes before it is made. Reno is there for
/// whom cubic is not allowed.
void avoid_pacing(int fd) {
  if (!congestion_control(fd).starts_with("bbr")) return;
  if (!set_congestion_control(fd, "cubic")) set_congestion_control(fd, "reno");
}

}  // namespace

std::string congestion_control(int fd) {
  char name[16] = {};  // TCP_CA_NAME_MAX
  socklen_t bytes = sizeof name - 1;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &bytes) != 0) return {};
  return name;
}

void settle_congestion_control(int fd) {
  const SocketAddress peer = peer_address(fd);
  if (peer.is_loopback() || peer.host() == local_address(fd).host()) return;
  const Fd untouched(::socket(peer.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
  const std::string system = congestion_control(untouched.get());
  if (!system.empty() && system != congestion_control(fd)) set_congestion_control(fd, system);
}

Result<Fd> open_tcp(const SocketAddress& address) {
  Fd fd(::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!fd) return Error::from_errno(errno, "open a TCP socket");
  if (address.is_loopback()) avoid_pacing(fd.get());
  return fd;
}

Result<Fd> listen_tcp(const SocketAddress& address, int backlog) {
  Result<Fd> fd = open_tcp(address);
  if (!fd) return fd;
  avoid_pacing(fd->get());
  const int on = 1;
  ::setsockopt(fd->get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.is_ipv6()) ::setsockopt(fd->get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd->get(), address.get(), address.bytes()) != 0 ||
      ::listen(fd->get(), backlog) != 0)
    return Error::from_errno(errno, "listen on " + address.to_string());
  return fd;
}

void set_no_delay(int fd) {
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void set_keep_alive(int fd) {
  const int on = 1, idle_seconds = 60, interval_seconds = 10, probes = 6;
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof idle_seconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds, sizeof interval_seconds);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

std::uint64_t acknowledged_bytes(int fd) {
  tcp_info info{};
  socklen_t bytes = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes) != 0) return 0;
  return info.tcpi_bytes_acked;
}

SocketAddress local_address(int fd) {
  sockaddr_storage storage{};
  socklen_t bytes = sizeof storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &bytes);
  return SocketAddress::from(storage);
}

SocketAddress peer_address(int fd) {
  sockaddr_storage storage{};
  socklen_t bytes = sizeof storage;
  ::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &bytes);
  return SocketAddress::from(storage);
}

}  // namespace holdfast
