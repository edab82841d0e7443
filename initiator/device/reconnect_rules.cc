#include "initiator/device/reconnect_rules.h"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast::initiator {
namespace {

/// A nexus is with a portal group (RFC 7143 section 4.2.7), so in another one the old session lives on.
constexpr const char* identifying[] = {"vendor", "product", "serial", "TargetPortalGroupTag"};

}  // namespace

bool may_be_sent_again(DeviceOperation operation, OldCommands old) {
  switch (operation) {
    case DeviceOperation::read:
    case DeviceOperation::flush: return true;
    case DeviceOperation::write:
    case DeviceOperation::unmap: return old == OldCommands::end_first;
  }
  return false;
}

std::optional<Instant> ReconnectSchedule::next_attempt() const {
  if (next_ >= deadline_) return std::nullopt;
  return next_;
}

void ReconnectSchedule::failed(Instant now) {
  ++attempts_;
  next_ = now + pause_;
  pause_ = std::min(pause_ * 2, pause_max);
}

Duration ReconnectSchedule::limit_of_attempt(Instant now) const {
  return std::clamp(Duration(deadline_ - now), Duration(0), attempt_max);
}

DeviceIdentity DeviceIdentity::of(const Device& device) {
  DeviceIdentity identity;
  identity.bytes = device.size();
  identity.block_bytes = device.block_bytes();
  const std::map<std::string, std::string> all = device.negotiated();
  for (const char* name : identifying)
    if (const auto fact = all.find(name); fact != all.end()) identity.facts.insert(*fact);
  return identity;
}

std::string DeviceIdentity::difference(const DeviceIdentity& found) const {
  if (found.bytes != bytes) return fmt::format("it has {} bytes now and had {}", found.bytes, bytes);
  if (found.block_bytes != block_bytes)
    return fmt::format("its blocks have {} bytes now and had {}", found.block_bytes, block_bytes);
  for (const auto& [name, had] : facts) {
    const auto now = found.facts.find(name);
    if (now == found.facts.end() || now->second != had)
      return fmt::format("its {} is '{}' now and was '{}'", name, now == found.facts.end() ? "" : now->second, had);
  }
  return {};
}

}  // namespace holdfast::initiator
