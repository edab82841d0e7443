#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "target/config/config.h"
#include "target/lun/scsi_target.h"
#include "target/portal/store_claims.h"
#include "target/session/login.h"
#include "target/store/state_folder.h"

namespace holdfast::target {

/// A target that is served: its configuration, and its device with all logical units.
struct ServedTarget {
  std::uint32_t tid = 0;  // the number by which an administrator names it; never 0
  TargetRef config;
  std::shared_ptr<ScsiTarget> device;
  std::map<std::uint32_t, StoreClaims::Id> claims;  // of its Luns' files and devices
};

/// What the daemon serves at this moment, in the order in which it came.
class TargetTable {
 public:
  TargetTable() = default;
  TargetTable(const TargetTable&) = delete;
  TargetTable& operator=(const TargetTable&) = delete;

  /// Serves a target of a name that is not served yet, under the number `tid`, or the next free one
  /// for 0. Its address stays the same until it is removed.
  ServedTarget& add(TargetRef config, std::shared_ptr<ScsiTarget> device, std::uint32_t tid = 0);
  /// From here on nobody finds it.
  std::unique_ptr<ServedTarget> remove(ServedTarget& target);

  /// By its name, in any case.
  ServedTarget* find(std::string_view name) const;
  ServedTarget* find(std::uint32_t tid) const;
  const std::vector<std::unique_ptr<ServedTarget>>& all() const { return targets_; }

  /// Serves one more Lun of a target.
  void add_unit(ServedTarget& target, std::unique_ptr<LogicalUnit> unit,
                const std::optional<StoreIdentity>& identity, const LunConfig& lun);
  StoreClaims& claims() { return claims_; }

  std::shared_ptr<const Accounts> discovery_accounts() const { return discovery_accounts_; }
  void set_discovery_accounts(Accounts accounts) {
    discovery_accounts_ = std::make_shared<const Accounts>(std::move(accounts));
  }
  const std::vector<std::string>& access_folders() const { return access_folders_; }
  void set_access_folders(std::vector<std::string> folders) { access_folders_ = std::move(folders); }
  /// The tags of all portal groups that the daemon listens in.
  const std::vector<std::uint16_t>& portal_groups() const { return portal_groups_; }
  void set_portal_groups(std::vector<std::uint16_t> tags) { portal_groups_ = std::move(tags); }
  /// Every unit's store has a layer that can be told to fail; before that it is not noticed.
  bool with_faults() const { return with_faults_; }
  void enable_faults() { with_faults_ = true; }
  /// Where units keep what must survive a restart; nullptr: nowhere. It outlives the table.
  StateFolder* state_folder() const { return state_folder_; }
  void set_state_folder(StateFolder* folder) { state_folder_ = folder; }

 private:
  std::vector<std::unique_ptr<ServedTarget>> targets_;
  std::map<std::string, ServedTarget*, std::less<>> by_name_;
  std::uint32_t last_tid_ = 0;
  StoreClaims claims_;
  std::shared_ptr<const Accounts> discovery_accounts_ = std::make_shared<const Accounts>();
  std::vector<std::string> access_folders_;
  std::vector<std::uint16_t> portal_groups_{1};
  StateFolder* state_folder_ = nullptr;
  bool with_faults_ = false;
};

}  // namespace holdfast::target
