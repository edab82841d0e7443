#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "common/runtime/fd.h"

namespace holdfast {

/// An IPv4 or IPv6 address with a port.
class SocketAddress {
 public:
  SocketAddress() = default;
  /// Reads a numeric address: "127.0.0.1", "::1" or "[::1]". Names are not resolved here.
  static Result<SocketAddress> parse(std::string_view host, std::uint16_t port);
  static SocketAddress from(const sockaddr_storage& storage);

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t bytes() const;
  bool is_ipv6() const { return storage_.ss_family == AF_INET6; }
  bool is_loopback() const;
  /// True for 0.0.0.0 and ::.
  bool is_any() const;
  std::uint16_t port() const;
  /// "127.0.0.1", or "::1" without brackets.
  std::string host() const;
  /// "127.0.0.1:3260" or "[::1]:3260", as TargetAddress spells it (RFC 7143 section 13.8).
  std::string to_string() const;

 private:
  sockaddr_storage storage_{};
};

/// A listening TCP socket. What it accepts from this machine has the congestion control of `open_tcp`, and so has all
/// else until `settle_congestion_control`. The error names the address; a busy one says so.
Result<Fd> listen_tcp(const SocketAddress& address, int backlog = 1024);
/// A new TCP socket of the address's family, close-on-exec, not yet connected. Where the system's congestion control
/// paces what is sent (BBR) and the address is a loopback one, it gets one that does not: there is no path to spare, and
/// a timer for every segment costs more than the segment.
Result<Fd> open_tcp(const SocketAddress& address);
/// For an accepted connection: if its other end is on another machine, it gets the system's congestion control.
void settle_congestion_control(int fd);
/// What the kernel calls the congestion control of a socket: "cubic".
std::string congestion_control(int fd);
/// Sends at once (TCP_NODELAY), since every flush of ours is already as large as it can be.
void set_no_delay(int fd);

/// Has the kernel ask a silent peer's kernel whether it is still there, and end the connection within
/// two minutes if nobody answers. It costs us no wake-up.
void set_keep_alive(int fd);

/// How many bytes the other end has acknowledged since the connection was made; 0 if it is gone.
std::uint64_t acknowledged_bytes(int fd);

SocketAddress local_address(int fd);
SocketAddress peer_address(int fd);

}  // namespace holdfast
