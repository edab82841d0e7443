#include "target/portal/open_targets.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "target/portal/lun_opener.h"

namespace holdfast::target {

namespace {

std::vector<std::uint16_t> tags_of(const std::vector<PortalGroup>& groups) {
  if (groups.empty()) return {1};
  std::vector<std::uint16_t> tags;
  for (const PortalGroup& group : groups)
    if (std::find(tags.begin(), tags.end(), group.tag) == tags.end()) tags.push_back(group.tag);
  return tags;
}

}  // namespace

void open_targets(const Config& config, bool only_look, TargetTable& targets, Diagnostics& diagnostics) {
  LunOpener opener(only_look, diagnostics);
  targets.set_portal_groups(tags_of(config.portal_groups));
  opener.reach_by(targets.portal_groups());
  opener.keep_state_in(targets.state_folder());
  for (const TargetConfig& target : config.targets) {
    auto device = std::make_unique<ScsiTarget>(target.name);
    for (const LunConfig& lun : target.luns) {
      std::unique_ptr<LogicalUnit> unit = opener.open(target, lun);
      if (unit) device->add(std::move(unit));
    }
    targets.add(std::make_shared<const TargetConfig>(target), std::move(device));
  }
  targets.set_discovery_accounts(config.discovery_accounts);
  targets.set_access_folders(config.access_folders);
}

}  // namespace holdfast::target
