#include "target/portal/lun_opener.h"

#include <fmt/format.h>
#include <optional>
#include <string_view>
#include <utility>

#include "common/base/units.h"
#include "target/lun/reservation_file.h"
#include "target/store/fault_store.h"
#include "target/store/file_store.h"
#include "target/store/memory_store.h"
#include "target/store/null_store.h"

namespace holdfast::target {
namespace {

constexpr std::string_view lun_is_left_out = "the Lun is not served";
constexpr std::uint32_t default_block_bytes = 512;
constexpr std::uint64_t default_null_bytes = 64 * GiB;  // as IET's nullio

std::unique_ptr<Store> make_null_store(const LunConfig& lun) {
  const std::uint64_t block_bytes = lun.block_bytes.value_or(default_block_bytes);
  return std::make_unique<NullStore>(lun.blocks ? *lun.blocks * block_bytes : default_null_bytes);
}

}  // namespace

/// Looks for another Lun on the same file or device, and enters this one. Before it is opened: a
/// device that we claimed ourselves would only be found busy.
bool LunOpener::may_serve(const LunConfig& lun) {
  const std::optional<StoreIdentity> identity = identify_store(lun.path);
  if (!identity) return true;  // Opening it will say why.
  const bool read_only = lun.mode == IoMode::read_only;
  const StoreClaims::Claim* other = claims_.in_the_way(*identity, read_only);
  if (other == nullptr) {
    claims_.add(*identity, {lun.path, read_only, fmt::format("the Lun in line {}", lun.line)});
    return true;
  }
  const std::string what =
      lun.path == other->path ? lun.path : lun.path + ", which is " + other->path + ",";
  diagnostics_.error(lun.line, fmt::format("Lun {}: {} is served already, by {}; "
                                           "only Luns with IOMode=ro may share it",
                                           lun.number, what, other->who));
  return false;
}

std::unique_ptr<Store> LunOpener::open_memory(const LunConfig& lun) {
  Result<std::unique_ptr<MemoryStore>> store = MemoryStore::create(lun.size);
  if (store) return std::move(store).value();
  diagnostics_.error(lun.line, fmt::format("Lun {}: {}", lun.number, store.error().message));
  return nullptr;
}

OpenedStore LunOpener::open_store(const LunConfig& lun, bool only_look) {
  if (lun.type == LunType::nullio) return {make_null_store(lun), std::nullopt};
  if (lun.type == LunType::memory) return {open_memory(lun), std::nullopt};
  if (!may_serve(lun)) return {};
  StoreOpenOptions options;
  options.read_only = lun.mode == IoMode::read_only;
  options.direct = lun.mode == IoMode::direct;
  options.only_look = only_look;
  const bool is_block = lun.type == LunType::blockio;
  Result<std::unique_ptr<DescriptorStore>> store =
      is_block ? open_block_store(lun.path, options) : open_file_store(lun.path, options);
  if (!store) {
    diagnostics_.fault(lun.line, fmt::format("Lun {}: {}", lun.number, store.error().message), lun_is_left_out);
    return {};
  }
  if (is_block && only_look && is_claimed(lun.path))
    diagnostics_.warning(lun.line,
                         fmt::format("Lun {}: {} is mounted, or claimed by another program (a "
                                     "running holdfastd?); it could not be served now",
                                     lun.number, lun.path));
  const StoreIdentity identity = (*store)->identity();
  return {std::move(store).value(), identity};
}

void LunOpener::warn_of_surprises(const LunConfig& lun, const Store& store,
                                  std::uint32_t block_bytes) {
  const std::uint64_t rest = store.size() % block_bytes;
  if (rest > 0 && store.size() > block_bytes)
    diagnostics_.warning(
        lun.line, fmt::format("Lun {}: the last {} bytes of {} are not served: they are no whole "
                              "block of {}",
                              lun.number, rest, store.describe(), block_bytes));
}

/// Reservations that were to be kept and cannot be read keep the daemon from serving the unit:
/// without them, whoever was fenced off could write again.
bool LunOpener::restore_reservations(const TargetConfig& target, const LunConfig& lun,
                                     LogicalUnit& unit) {
  if (state_folder_ == nullptr) return true;
  const std::string name = reservation_file_name(target.name, lun.number);
  const Result<std::optional<std::string>> content =
      state_folder_->read(name, reservation_file_bytes_max);
  Status restored;
  if (!content)
    restored = content.error();
  else
    restored = unit.keep_reservations(state_folder_->file(name), content->value_or(""));
  if (restored) return true;
  diagnostics_.error(
      lun.line, fmt::format("Lun {}: its persistent reservations are not to be had from {}/{}: {}. "
                            "To serve it without them, remove that file",
                            lun.number, state_folder_->path(), name, restored.error().message));
  return false;
}

/// What an atomic write left half done would otherwise be served as it is.
bool LunOpener::restore_intents(const TargetConfig& target, const LunConfig& lun,
                                LogicalUnit& unit) {
  if (state_folder_ == nullptr) return true;
  for (std::size_t i = 0; i < AtomicJournal::files_max; ++i) {
    const std::string name =
        fmt::format("{}.atomic{}", reservation_file_name(target.name, lun.number), i);
    const Result<std::optional<std::string>> content =
        state_folder_->read(name, AtomicIntent::bytes_max);
    Status restored;
    if (!content)
      restored = content.error();
    else
      restored = unit.keep_intents(state_folder_->file(name), content->value_or(""));
    if (restored) continue;
    diagnostics_.error(lun.line,
                       fmt::format("Lun {}: what an atomic write left half done is not to be had "
                                   "from {}/{}: {}. To serve it as it is, remove that file",
                                   lun.number, state_folder_->path(), name,
                                   restored.error().message));
    return false;
  }
  return true;
}

/// A medium that was being sanitized is not served as if it had been.
bool LunOpener::restore_record(const TargetConfig& target, const LunConfig& lun,
                               LogicalUnit& unit) {
  if (state_folder_ == nullptr) return true;
  constexpr std::size_t bytes_max = 64 * 1024;
  const std::string name = reservation_file_name(target.name, lun.number) + ".unit";
  const Result<std::optional<std::string>> content = state_folder_->read(name, bytes_max);
  Status restored;
  if (!content)
    restored = content.error();
  else
    restored = unit.keep_record(state_folder_->file(name), content->value_or(""));
  if (restored) return true;
  diagnostics_.error(lun.line,
                     fmt::format("Lun {}: what is kept of it is not to be had from {}/{}: {}. To "
                                 "serve it without, remove that file",
                                 lun.number, state_folder_->path(), name,
                                 restored.error().message));
  return false;
}

std::unique_ptr<LogicalUnit> LunOpener::open(const TargetConfig& target, const LunConfig& lun) {
  OpenedStore opened = open_store(lun);
  return opened.store ? make_unit(target, lun, std::move(opened.store)) : nullptr;
}

std::unique_ptr<LogicalUnit> LunOpener::make_unit(const TargetConfig& target, const LunConfig& lun,
                                                  std::unique_ptr<Store> store) {
  const std::uint32_t block_bytes = lun.block_bytes.value_or(store->logical_block_bytes());
  warn_of_surprises(lun, *store, block_bytes);
  if (with_faults_) store = std::make_unique<FaultStore>(std::move(store));
  LogicalUnitOptions options;
  options.number = lun.number;
  options.target_name = target.name;
  options.target_ports = target.portal_groups.empty() ? portal_groups_ : target.portal_groups;
  options.target_portal_group = options.target_ports.front();
  options.block_bytes = block_bytes;
  options.write_back = lun.mode == IoMode::write_back || lun.mode == IoMode::direct;
  options.read_only = lun.mode == IoMode::read_only || lun.write_protect;
  options.thin = lun.thin;
  options.removable = lun.removable;
  options.physical_block_bytes = lun.physical_block_bytes;
  options.rotation_rate = lun.rotation_rate;
  options.transfer_bytes = lun.max_transfer.value_or(transfer_bytes_max);
  options.vendor = lun.vendor;
  options.product = lun.product;
  options.revision = lun.revision;
  options.wwn = lun.wwn;
  options.scsi_id = lun.scsi_id;
  options.serial_number = lun.scsi_sn;
  Result<std::unique_ptr<LogicalUnit>> unit =
      LogicalUnit::create(std::move(store), std::move(options));
  if (!unit) {
    diagnostics_.fault(lun.line, fmt::format("Lun {}: {}", lun.number, unit.error().message), lun_is_left_out);
    return nullptr;
  }
  if (!restore_reservations(target, lun, **unit)) return nullptr;
  if (!restore_intents(target, lun, **unit)) return nullptr;
  if (!restore_record(target, lun, **unit)) return nullptr;
  return std::move(unit).value();
}

}  // namespace holdfast::target
