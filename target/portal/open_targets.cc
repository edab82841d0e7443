#include "target/portal/open_targets.h"

#include <memory>
#include <utility>

#include "target/portal/lun_opener.h"

namespace holdfast::target {

std::vector<ServedTarget> open_targets(const Config& config, bool only_look,
                                       Diagnostics& diagnostics) {
  LunOpener opener(only_look, diagnostics);
  std::vector<ServedTarget> targets;
  for (const TargetConfig& target : config.targets) {
    auto device = std::make_unique<ScsiTarget>(target.name);
    for (const LunConfig& lun : target.luns) {
      std::unique_ptr<LogicalUnit> unit = opener.open(target, lun);
      if (unit) device->add(std::move(unit));
    }
    targets.push_back({.config = &target, .device = std::move(device)});
  }
  return targets;
}

}  // namespace holdfast::target
