#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace holdfast::initiator {

/// `nbd://host[:port][/export]`, `nbds://[user@]host[:port][/export][?tls-…]` for TLS, and
/// `nbd+unix:///[export]?socket=PATH`, `nbds+unix://…` for a socket of this machine. They are libnbd's
/// URIs, and `connections=N` is ours; reading them here gives errors that say what is expected, and the host's name, which libnbd
/// would look up while everything else waits.
struct NbdUrl {
  bool tls = false;
  std::string user;  // of TLS; empty for none
  std::string host;  // a name or an address; IPv6 without brackets; empty with `socket`
  std::uint16_t port = 10809;
  std::string socket;       // the path of a Unix domain socket
  std::string export_name;  // empty: the server's default export
  std::string tls_certificates;
  std::string tls_psk_file;
  std::uint32_t connections = 0;  // `connections=N`, for us and not for libnbd; 0: not said

  /// The error says which part is wrong, and what is expected in its place.
  static Result<NbdUrl> parse(std::string_view text);

  /// "host:port", or the socket's path.
  std::string portal() const;
  /// The whole URL, fit for records: it carries no secret.
  std::string to_string() const;
  /// The URL as libnbd is to get it, which hears the export's name apart from it.
  std::string to_server() const;
};

}  // namespace holdfast::initiator
