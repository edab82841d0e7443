#include "target/portal/open_targets.h"

#include <memory>
#include <utility>

#include "target/portal/lun_opener.h"

namespace holdfast::target {

void open_targets(const Config& config, bool only_look, TargetTable& targets, Diagnostics& diagnostics) {
  LunOpener opener(only_look, diagnostics);
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
