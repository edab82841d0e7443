#include "target/portal/target_table.h"

#include <algorithm>
#include <fmt/format.h>

#include "common/base/check.h"
#include "target/config/values.h"

namespace holdfast::target {

ServedTarget& TargetTable::add(TargetRef config, std::shared_ptr<ScsiTarget> device, std::uint32_t tid) {
  CHECK(find(config->name) == nullptr && (tid == 0 || find(tid) == nullptr));
  if (tid == 0) tid = last_tid_ + 1;
  while (find(tid) != nullptr || tid == 0) ++tid;
  last_tid_ = std::max(last_tid_, tid);
  targets_.push_back(std::make_unique<ServedTarget>());
  ServedTarget& target = *targets_.back();
  target.tid = tid;
  target.config = std::move(config);
  target.device = std::move(device);
  by_name_.emplace(target.config->name, &target);
  return target;
}

std::unique_ptr<ServedTarget> TargetTable::remove(ServedTarget& target) {
  const auto found = std::find_if(targets_.begin(), targets_.end(),
                                  [&](const std::unique_ptr<ServedTarget>& one) { return one.get() == &target; });
  CHECK(found != targets_.end());
  std::unique_ptr<ServedTarget> removed = std::move(*found);
  targets_.erase(found);
  by_name_.erase(removed->config->name);
  return removed;
}

void TargetTable::add_unit(ServedTarget& target, std::unique_ptr<LogicalUnit> unit,
                           const std::optional<StoreIdentity>& identity, const LunConfig& lun) {
  target.device->add(std::move(unit));
  if (!identity) return;
  std::string who = fmt::format("Lun {} of {}", lun.number, target.config->name);
  target.claims[lun.number] =
      claims_.add(*identity, {lun.path, lun.mode == IoMode::read_only, std::move(who)});
}

// RFC 3722 maps iSCSI names to lower case before they are compared.
ServedTarget* TargetTable::find(std::string_view name) const {
  const auto found = by_name_.find(to_lower(name));
  return found == by_name_.end() ? nullptr : found->second;
}

ServedTarget* TargetTable::find(std::uint32_t tid) const {
  const auto found = std::find_if(targets_.begin(), targets_.end(),
                                  [&](const std::unique_ptr<ServedTarget>& one) { return one->tid == tid; });
  return found == targets_.end() ? nullptr : found->get();
}

}  // namespace holdfast::target
