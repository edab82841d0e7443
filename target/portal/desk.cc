#include "target/portal/desk.h"

#include <strings.h>

#include <algorithm>

#include "common/base/check.h"
#include "common/base/log.h"

namespace holdfast::target {
namespace {

// iSCSI names are compared without regard to case: RFC 3722 maps them to lower case first.
bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

void Desk::refresh_access() {
  for (const Diagnostic& said : access_.refresh())
    log(said.severity == Diagnostic::Severity::error ? LogLevel::error : LogLevel::warning, "{}", said.to_string());
}

Access::Decision Desk::decide(const TargetConfig& target, const Caller& caller) const {
  return access_.decide(target.name, caller.initiator_name, IpAddress::parse(caller.peer.host()),
                        IpAddress::parse(caller.local.host()));
}

const TargetConfig* Desk::find_target(std::string_view name, const Caller& caller) {
  const auto found = std::find_if(
      targets_.begin(), targets_.end(),
      [&](const ServedTarget& target) { return same_name(target.config->name, name); });
  if (found == targets_.end()) return nullptr;
  refresh_access();
  const Access::Decision decision = decide(*found->config, caller);
  if (decision.allowed) return found->config;
  log(LogLevel::warning, "{} from {} is not let in to {}: {}", caller.initiator_name, caller.peer.to_string(),
      found->config->name, decision.why);
  return nullptr;
}

std::vector<std::string> Desk::target_names(const Caller& caller) {
  refresh_access();
  std::vector<std::string> names;
  for (const ServedTarget& target : targets_)
    if (decide(*target.config, caller).allowed) names.push_back(target.config->name);
  return names;
}

Duration Desk::note_failed_authentication(const Caller& caller) {
  return failures_.note(caller.peer.host(), clock_now());
}

Reception::Admission Desk::admit(const TargetConfig& target, const Caller& caller,
                                 const iscsi::Isid& isid) {
  return sessions_.admit(target, caller, isid);
}

void Desk::withdraw(const TargetConfig&, std::uint16_t tsih) { sessions_.remove(tsih); }

void Desk::end_sessions(const TargetConfig& target, std::uint16_t except, std::string_view why) {
  sessions_.drop_all_of(target, except, why);
}

bool Desk::has_session(const TargetConfig& target, const Caller& caller, const iscsi::Isid& isid,
                       std::uint16_t tsih) {
  return sessions_.has(target, caller, isid, tsih);
}

ScsiTarget& Desk::device_of(const TargetConfig& target) const {
  const auto found =
      std::find_if(targets_.begin(), targets_.end(),
                   [&](const ServedTarget& served) { return served.config == &target; });
  CHECK(found != targets_.end());
  return *found->device;
}

}  // namespace holdfast::target
