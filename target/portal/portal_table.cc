#include "target/portal/portal_table.h"

#include <algorithm>

namespace holdfast::target {
namespace {

bool same(const SocketAddress& a, const SocketAddress& b) {
  return a.is_ipv6() == b.is_ipv6() && a.port() == b.port() && a.host() == b.host();
}

bool covers(const SocketAddress& portal, const SocketAddress& local) {
  return portal.is_any() && portal.is_ipv6() == local.is_ipv6() && portal.port() == local.port();
}

}  // namespace

const Portal* PortalTable::find(const SocketAddress& local) const {
  const auto exact =
      std::find_if(portals_.begin(), portals_.end(), [&](const Portal& one) { return same(one.address, local); });
  if (exact != portals_.end()) return &*exact;
  const auto any =
      std::find_if(portals_.begin(), portals_.end(), [&](const Portal& one) { return covers(one.address, local); });
  return any == portals_.end() ? nullptr : &*any;
}

std::uint16_t PortalTable::group_of(const SocketAddress& local) const {
  const Portal* portal = find(local);
  return portal == nullptr ? 1 : portal->group;
}

std::vector<Portal> PortalTable::reachable(const std::vector<std::uint16_t>& groups, const SocketAddress& local,
                                           const SocketAddress& peer) const {
  const auto serves = [&groups](const Portal& portal) {
    return groups.empty() || std::find(groups.begin(), groups.end(), portal.group) != groups.end();
  };
  std::vector<Portal> reached;
  const auto add = [&reached](const SocketAddress& address, std::uint16_t group) {
    const bool known =
        std::any_of(reached.begin(), reached.end(), [&](const Portal& one) { return same(one.address, address); });
    if (!known) reached.push_back({.address = address, .group = group});
  };
  const Portal* own = find(local);
  if (own != nullptr && serves(*own)) add(local, own->group);
  for (const Portal& portal : portals_) {
    if (!serves(portal)) continue;
    if (!portal.address.is_any()) {
      if (!portal.address.is_loopback() || peer.is_loopback()) add(portal.address, portal.group);
    } else if (portal.address.is_ipv6() == local.is_ipv6()) {
      const Result<SocketAddress> here = SocketAddress::parse(local.host(), portal.address.port());
      if (here) add(*here, portal.group);
    }
  }
  return reached;
}

}  // namespace holdfast::target
