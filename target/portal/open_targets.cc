#include "target/portal/open_targets.h"

#include <memory>
#include <string>
#include <utility>

#include "target/lun/logical_unit.h"
#include "target/store/file_store.h"
#include "target/store/null_store.h"

namespace holdfast::target {
namespace {

Result<std::unique_ptr<Store>> open_store(const LunConfig& lun, bool only_look) {
  StoreOpenOptions options;
  options.read_only = lun.mode == IoMode::read_only;
  options.only_look = only_look;
  switch (lun.type) {
    case LunType::fileio: {
      Result<std::unique_ptr<DescriptorStore>> store = open_file_store(lun.path, options);
      if (!store) return store.error();
      return std::unique_ptr<Store>(std::move(*store));
    }
    case LunType::blockio: {
      Result<std::unique_ptr<DescriptorStore>> store = open_block_store(lun.path, options);
      if (!store) return store.error();
      return std::unique_ptr<Store>(std::move(*store));
    }
    case LunType::nullio: break;
  }
  const std::uint64_t block_bytes = lun.block_bytes.value_or(512);
  return std::unique_ptr<Store>(std::make_unique<NullStore>(lun.blocks.value_or(0) * block_bytes));
}

Result<std::unique_ptr<LogicalUnit>> open_unit(const TargetConfig& target, const LunConfig& lun,
                                               bool only_look) {
  Result<std::unique_ptr<Store>> store = open_store(lun, only_look);
  if (!store) return store.error();
  LogicalUnitOptions options;
  options.number = lun.number;
  options.target_name = target.name;
  options.block_bytes = lun.block_bytes.value_or(512);
  options.write_back = lun.mode == IoMode::write_back;
  options.read_only = lun.mode == IoMode::read_only;
  options.scsi_id = lun.scsi_id;
  options.serial_number = lun.scsi_sn;
  return LogicalUnit::create(std::move(*store), std::move(options));
}

}  // namespace

std::vector<ServedTarget> open_targets(const Config& config, bool only_look,
                                       Diagnostics& diagnostics) {
  std::vector<ServedTarget> targets;
  for (const TargetConfig& target : config.targets) {
    auto device = std::make_unique<ScsiTarget>(target.name);
    for (const LunConfig& lun : target.luns) {
      Result<std::unique_ptr<LogicalUnit>> unit = open_unit(target, lun, only_look);
      if (unit)
        device->add(std::move(*unit));
      else
        diagnostics.error(lun.line, unit.error().message);
    }
    targets.push_back({.config = &target, .device = std::move(device)});
  }
  return targets;
}

}  // namespace holdfast::target
