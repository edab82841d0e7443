#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/fd.h"
#include "common/runtime/socket.h"
#include "target/config/config.h"

namespace holdfast::target {

/// A listening socket, and the portal group that it belongs to.
struct OpenPortal {
  Fd socket;
  std::uint16_t group = 1;
};

/// One group of tag 1 on `addresses`, or on every address of the machine if there is none.
std::vector<PortalGroup> one_portal_group(const std::vector<std::string>& addresses);

/// Listens on every portal of `groups`; where none says its port, on `port`. With port 0 those get the
/// same free one. The error names the address that it is about.
Result<std::vector<OpenPortal>> listen_on(const std::vector<PortalGroup>& groups, std::uint16_t port);

/// Reads "127.0.0.1:9100" or "[::1]:9100": both are to be said.
Result<SocketAddress> parse_place(std::string_view text);

}  // namespace holdfast::target
