#include "target/portal/desk.h"

#include <strings.h>

#include <algorithm>

#include "common/base/check.h"

namespace holdfast::target {
namespace {

// iSCSI names are compared without regard to case: RFC 3722 maps them to lower case first.
bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

const TargetConfig* Desk::find_target(std::string_view name, const Caller&) {
  const auto found = std::find_if(
      targets_.begin(), targets_.end(),
      [&](const ServedTarget& target) { return same_name(target.config->name, name); });
  return found == targets_.end() ? nullptr : found->config;
}

std::vector<std::string> Desk::target_names(const Caller&) {
  std::vector<std::string> names;
  for (const ServedTarget& target : targets_) names.push_back(target.config->name);
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
