#pragma once

#include <cstdint>
#include <vector>

#include "common/runtime/socket.h"

namespace holdfast::target {

/// An address that initiators can connect to, and its portal group (RFC 7143 section 4.4.1).
struct Portal {
  SocketAddress address;
  std::uint16_t group = 1;
};

/// The portals that the daemon listens on. Pure.
class PortalTable {
 public:
  PortalTable() = default;
  explicit PortalTable(std::vector<Portal> portals) : portals_(std::move(portals)) {}

  /// The group of the portal that a connection with that local end came by.
  std::uint16_t group_of(const SocketAddress& local) const;
  /// By which addresses an initiator from `peer`, which came to `local`, reaches what is served in
  /// `groups` (empty: in all of them): where it came to first, if that is one of them. A portal on
  /// every address of the machine is known by the one that the initiator came to; those of this
  /// machine alone are not told to others.
  std::vector<Portal> reachable(const std::vector<std::uint16_t>& groups, const SocketAddress& local,
                                const SocketAddress& peer) const;

 private:
  const Portal* find(const SocketAddress& local) const;

  std::vector<Portal> portals_;
};

}  // namespace holdfast::target
