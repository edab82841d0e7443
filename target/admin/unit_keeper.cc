#include "target/admin/unit_keeper.h"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <utility>

#include "common/base/log.h"
#include "target/admin/crew_call.h"
#include "target/admin/lun_faults.h"

namespace holdfast::target {
namespace {

/// How many units are made before others get their turn of the loop.
constexpr std::size_t units_in_a_turn = 16;

constexpr Duration look_again_after = std::chrono::milliseconds(10);

}  // namespace

Task<bool> UnitKeeper::open(std::vector<ComingLun>& luns, const StoreClaims& free, Diagnostics& problems) {
  LunOpener opener(false, free, problems);
  opener.reach_by(targets_.portal_groups());
  opener.put_faults_on_stores(targets_.with_faults());
  const std::function<void()> open_stores = [&luns, &opener] {
    for (ComingLun& coming : luns)
      coming.opened = coming.waits ? opener.look_at_store(*coming.lun) : opener.open_store(*coming.lun);
  };
  co_await on_crew(crew_, open_stores);
  std::size_t made = 0;
  for (ComingLun& coming : luns) {
    if (coming.opened.store == nullptr) continue;
    opener.keep_state_in(coming.waits ? nullptr : targets_.state_folder());  // Another unit has it still.
    coming.unit = opener.make_unit(*coming.target, *coming.lun, std::move(coming.opened.store));
    if (++made % units_in_a_turn == 0) co_await sleep_for(loop_, Duration(0));
  }
  const bool good = !problems.has_errors();
  if (!good) co_await discard(luns);
  co_return good;
}

Task<void> UnitKeeper::discard(std::vector<ComingLun>& luns) {
  std::vector<std::unique_ptr<Store>> stores;
  for (ComingLun& coming : luns)
    if (coming.unit != nullptr) stores.push_back(LogicalUnit::dissolve(std::move(coming.unit)));
  const std::function<void()> close_stores = [&stores] { stores.clear(); };
  co_await on_crew(crew_, close_stores);
}

void UnitKeeper::retire(ServedTarget& target, const LunConfig& lun) {
  LogicalUnit& unit = target.device->retire(lun.number);
  end_faults(unit);
  LeavingLun leaving{target.config->name, lun, unit.geometry().blocks, unit.geometry().block_bytes};
  const auto entry = leaving_.insert(leaving_.end(), std::move(leaving));
  const auto claim = target.claims.find(lun.number);
  const StoreClaims::Id id = claim == target.claims.end() ? 0 : claim->second;
  if (claim != target.claims.end()) target.claims.erase(claim);
  Task<void> finishing = finish(target.device, unit, id, entry);
  retiring_.spawn(std::move(finishing));
}

Task<void> UnitKeeper::finish(std::shared_ptr<ScsiTarget> device, LogicalUnit& unit, StoreClaims::Id claim,
                              std::list<LeavingLun>::iterator entry) {
  Event drained;
  std::function<void()> tell = [&drained] { drained.set(); };
  unit.drain(std::move(tell));
  co_await drained.wait();
  // The kernel has few hands for flushes, and those who go on being served need them as well.
  while (flushing_) co_await flushed_.wait();
  flushing_ = true;
  drained.reset();
  tell = [&drained] { drained.set(); };
  unit.flush_and_tell(std::move(tell));
  co_await drained.wait();
  flushing_ = false;
  flushed_.pulse();
  std::unique_ptr<Store> store = LogicalUnit::dissolve(device->release(unit));
  const std::function<void()> close = [&store] { store.reset(); };
  co_await on_crew(crew_, close);
  targets_.claims().remove(claim);
  log(LogLevel::info, "Lun {} of {} is closed", entry->lun.number, entry->target);
  leaving_.erase(entry);
  one_closed_.pulse();
}

bool UnitKeeper::is_leaving(std::string_view target) const {
  return std::any_of(leaving_.begin(), leaving_.end(),
                     [&](const LeavingLun& leaving) { return leaving.target == target; });
}

Task<void> UnitKeeper::closed(std::string target, std::uint32_t number) {
  for (;;) {
    const bool leaves = std::any_of(leaving_.begin(), leaving_.end(), [&](const LeavingLun& leaving) {
      return leaving.target == target && leaving.lun.number == number;
    });
    if (!leaves) co_return;
    co_await one_closed_.wait();
  }
}

Task<bool> UnitKeeper::all_closed(Instant deadline) {
  while (!leaving_.empty()) {
    if (clock_now() >= deadline) co_return false;
    co_await sleep_for(loop_, look_again_after);
  }
  co_return true;
}

Task<void> UnitKeeper::measure(std::vector<ServedTarget*> targets, std::optional<std::uint32_t> number,
                                  std::string& report) {
  struct Measured {
    ServedTarget* target;
    LogicalUnit* unit;
    Result<std::uint64_t> bytes = std::uint64_t{0};
  };
  std::vector<Measured> all;
  for (ServedTarget* target : targets)
    for (const LunConfig& lun : target->config->luns)
      if (LogicalUnit* unit = target->device->find(lun.number); unit != nullptr && lun.number == number.value_or(lun.number))
        all.push_back({target, unit});
  const std::function<void()> look = [&all] {
    for (Measured& one : all) one.bytes = one.unit->store().measure();
  };
  co_await on_crew(crew_, look);
  for (Measured& one : all) {
    const std::string name = fmt::format("Lun {} of {}", one.unit->number(), one.target->config->name);
    const std::uint64_t had = one.unit->store().size();
    std::string said;
    if (!one.bytes)
      said = fmt::format("{}: {}", name, one.bytes.error().message);
    else if (*one.bytes < had)
      said = fmt::format("{} keeps its {} bytes, though {} has only {} now: a disk does not shrink under its users",
                         name, had, one.unit->store().describe(), *one.bytes);
    if (one.bytes && *one.bytes > had) {
      const std::uint64_t blocks = one.unit->geometry().blocks;
      one.unit->grow(*one.bytes);
      if (one.unit->geometry().blocks != blocks)
        said = fmt::format("{} has grown from {} to {} bytes", name, had, *one.bytes);
    }
    if (!said.empty()) report += said + "\n";
  }
}

}  // namespace holdfast::target
