#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "target/config/config.h"
#include "target/config/diagnostics.h"
#include "target/lun/logical_unit.h"
#include "target/portal/store_claims.h"
#include "target/store/descriptor_store.h"
#include "target/store/state_folder.h"

namespace holdfast::target {

/// A store that a Lun serves, and which file or device it is, if it is one.
struct OpenedStore {
  std::unique_ptr<Store> store;
  std::optional<StoreIdentity> identity;
};

/// Makes the logical units of one configuration, `Lun` line by `Lun` line, and remembers where each
/// path led to: a file or device that someone may write is served once.
class LunOpener {
 public:
  /// With `only_look`, stores are opened read-only and unclaimed, to find out whether they could be
  /// served while another daemon may be serving them. `claims` is what is served already.
  LunOpener(bool only_look, StoreClaims claims, Diagnostics& diagnostics)
      : only_look_(only_look), claims_(std::move(claims)), diagnostics_(diagnostics) {}

  /// The portal groups by which targets are reached that name none: 1, if this is not said.
  void reach_by(std::vector<std::uint16_t> portal_groups) {
    portal_groups_ = std::move(portal_groups);
  }
  /// Units keep there what must survive a restart, and begin with what it has; nullptr: nowhere.
  void keep_state_in(StateFolder* folder) { state_folder_ = folder; }

  /// Puts a layer on every store that can be told to fail.
  void put_faults_on_stores(bool wanted) { with_faults_ = wanted; }

  /// Opens the store of `lun` and makes the unit of it. nullptr when it cannot be served, which
  /// `diagnostics` then knows with its line.
  std::unique_ptr<LogicalUnit> open(const TargetConfig& target, const LunConfig& lun);

  /// The two halves of it. Opening may block, and may be done on another thread than the loop's.
  OpenedStore open_store(const LunConfig& lun) { return open_store(lun, only_look_); }
  /// The same, but `only_look`.
  OpenedStore look_at_store(const LunConfig& lun) { return open_store(lun, true); }
  std::unique_ptr<LogicalUnit> make_unit(const TargetConfig& target, const LunConfig& lun,
                                         std::unique_ptr<Store> store);

 private:
  bool may_serve(const LunConfig& lun);
  OpenedStore open_store(const LunConfig& lun, bool only_look);
  std::unique_ptr<Store> open_memory(const LunConfig& lun);
  bool restore_reservations(const TargetConfig& target, const LunConfig& lun, LogicalUnit& unit);
  bool restore_intents(const TargetConfig& target, const LunConfig& lun, LogicalUnit& unit);
  bool restore_record(const TargetConfig& target, const LunConfig& lun, LogicalUnit& unit);
  void warn_of_surprises(const LunConfig& lun, const Store& store, std::uint32_t block_bytes);

  bool only_look_;
  StoreClaims claims_;
  Diagnostics& diagnostics_;
  std::vector<std::uint16_t> portal_groups_{1};
  StateFolder* state_folder_ = nullptr;
  bool with_faults_ = false;
};

}  // namespace holdfast::target
