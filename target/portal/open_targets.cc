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
  LunOpener opener(only_look, {}, diagnostics);
  targets.set_portal_groups(tags_of(config.portal_groups));
  opener.reach_by(targets.portal_groups());
  opener.keep_state_in(targets.state_folder());
  opener.put_faults_on_stores(targets.with_faults());
  for (const TargetConfig& target : config.targets) {
    ServedTarget& served = targets.add(std::make_shared<const TargetConfig>(target),
                                       std::make_shared<ScsiTarget>(target.name));
    TargetConfig open = target;  // with the Luns that could be opened
    open.luns.clear();
    for (const LunConfig& lun : target.luns) {
      OpenedStore opened = opener.open_store(lun);
      if (!opened.store) continue;
      std::unique_ptr<LogicalUnit> unit = opener.make_unit(target, lun, std::move(opened.store));
      if (!unit) continue;
      targets.add_unit(served, std::move(unit), opened.identity, lun);
      open.luns.push_back(lun);
    }
    served.config = std::make_shared<const TargetConfig>(std::move(open));
  }
  targets.set_discovery_accounts(config.discovery_accounts);
  targets.set_access_folders(config.access_folders);
}

}  // namespace holdfast::target
