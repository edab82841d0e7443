#include "target/config/reload_plan.h"

#include <algorithm>
#include <map>
#include <utility>

#include "target/config/write_config.h"

namespace holdfast::target {
namespace {

// What two stanzas say is compared as the text that says it, which has one form only.

std::string users_of(Accounts accounts) {
  std::sort(accounts.incoming.begin(), accounts.incoming.end(),
            [](const Account& a, const Account& b) { return a.name < b.name; });
  return write_accounts(accounts, "");
}

std::map<std::uint32_t, std::string> luns_of(const TargetConfig& target) {
  std::map<std::uint32_t, std::string> luns;
  for (const LunConfig& lun : target.luns) luns.emplace(lun.number, write_lun(lun));
  return luns;
}

TargetChange compare(const TargetConfig& running, const TargetConfig& wanted) {
  TargetChange change;
  change.name = wanted.name;
  change.settings = write_settings(running) != write_settings(wanted);
  change.accounts = users_of(running.accounts) != users_of(wanted.accounts);
  const std::map<std::uint32_t, std::string> before = luns_of(running);
  const std::map<std::uint32_t, std::string> after = luns_of(wanted);
  for (const auto& [number, text] : before)
    if (!after.contains(number)) change.removed.push_back(number);
  for (const auto& [number, text] : after) {
    const auto old = before.find(number);
    if (old == before.end())
      change.added.push_back(number);
    else if (old->second != text)
      change.replaced.push_back(number);
  }
  return change;
}

std::map<std::string, const TargetConfig*> by_name(const Config& config) {
  std::map<std::string, const TargetConfig*> targets;
  for (const TargetConfig& target : config.targets) targets.emplace(target.name, &target);
  return targets;
}

}  // namespace

ReloadPlan plan_reload(const Config& running, const Config& wanted) {
  ReloadPlan plan;
  plan.discovery_accounts = users_of(running.discovery_accounts) != users_of(wanted.discovery_accounts);
  const std::map<std::string, const TargetConfig*> before = by_name(running);
  const std::map<std::string, const TargetConfig*> after = by_name(wanted);
  for (const TargetConfig& target : running.targets)
    if (!after.contains(target.name)) plan.removed.push_back(target.name);
  for (const TargetConfig& target : wanted.targets) {
    const auto old = before.find(target.name);
    if (old == before.end()) {
      plan.added.push_back(target.name);
      continue;
    }
    TargetChange change = compare(*old->second, target);
    if (change.settings || change.accounts || change.changes_luns()) plan.changed.push_back(std::move(change));
  }
  return plan;
}

}  // namespace holdfast::target
