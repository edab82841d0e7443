#include "target/portal/desk.h"

#include <algorithm>
#include <fmt/format.h>

#include "common/base/log.h"

namespace holdfast::target {
void Desk::refresh_access() {
  for (const Diagnostic& said : access_.refresh())
    log(said.severity == Diagnostic::Severity::error ? LogLevel::error : LogLevel::warning, "{}", said.to_string());
}

Access::Decision Desk::decide(const TargetConfig& target, const Caller& caller, const SocketAddress& portal) const {
  return access_.decide(target.name, caller.initiator_name, IpAddress::parse(caller.peer.host()),
                        IpAddress::parse(portal.host()));
}

std::vector<Portal> Desk::allowed_portals(const TargetConfig& target, const Caller& caller) const {
  std::vector<Portal> portals = portals_.reachable(target.portal_groups, caller.local, caller.peer);
  std::erase_if(portals, [&](const Portal& portal) { return !decide(target, caller, portal.address).allowed; });
  return portals;
}

TargetRef Desk::find_target(std::string_view name, const Caller& caller) {
  const ServedTarget* found = targets_.find(name);
  if (found == nullptr) return nullptr;
  refresh_access();
  const TargetConfig& target = *found->config;
  Access::Decision decision = decide(target, caller, caller.local);
  const bool in_group = target.portal_groups.empty() ||
                        std::find(target.portal_groups.begin(), target.portal_groups.end(), caller.portal_group) !=
                            target.portal_groups.end();
  if (decision.allowed && in_group) return found->config;
  if (decision.allowed) decision.why = fmt::format("it is not served in portal group {}", caller.portal_group);
  log(LogLevel::warning, "{} from {} is not let in to {}: {}", caller.initiator_name, caller.peer.to_string(),
      target.name, decision.why);
  return nullptr;
}

std::vector<std::string> Desk::target_names(const Caller& caller) {
  refresh_access();
  std::vector<std::string> names;
  for (const std::unique_ptr<ServedTarget>& target : targets_.all())
    if (!allowed_portals(*target->config, caller).empty()) names.push_back(target->config->name);
  return names;
}

std::vector<std::string> Desk::target_addresses(std::string_view name, const Caller& caller) {
  const ServedTarget* found = targets_.find(name);
  if (found == nullptr) return {};
  refresh_access();
  std::vector<std::string> addresses;
  for (const Portal& portal : allowed_portals(*found->config, caller))
    addresses.push_back(fmt::format("{},{}", portal.address.to_string(), portal.group));
  return addresses;
}

std::optional<std::uint64_t> Desk::may_log_failure(const SocketAddress& peer) {
  return log_quota_.take(peer.host(), clock_now());
}

Duration Desk::note_failed_authentication(const Caller& caller) {
  return failures_.note(caller.peer.host(), clock_now());
}

Reception::Admission Desk::admit(const TargetConfig& target, const Caller& caller,
                                 const iscsi::Isid& isid) {
  // It was changed or removed while this login went on, which is to begin anew then.
  const ServedTarget* served = targets_.find(target.name);
  if (served == nullptr || served->config.get() != &target)
    return {.status = iscsi::LoginStatus::service_unavailable};
  return sessions_.admit(target, caller, isid);
}

void Desk::withdraw(const TargetConfig&, std::uint16_t tsih) { sessions_.remove(tsih); }

void Desk::end_sessions(const TargetConfig& target, std::uint16_t except, std::string_view why) {
  sessions_.drop_all_of(target, except, why);
}

Reception::Joining Desk::ask_to_join(const TargetConfig& target, const Caller& caller, const iscsi::Isid& isid,
                                     std::uint16_t tsih, std::uint16_t cid) {
  return sessions_.ask_to_join(target, caller, isid, tsih, cid);
}

}  // namespace holdfast::target
