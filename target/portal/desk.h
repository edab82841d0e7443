#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "target/config/access.h"
#include "target/config/config.h"
#include "target/lun/scsi_target.h"
#include "target/portal/login_failures.h"
#include "target/session/login.h"
#include "target/session/session_table.h"

namespace holdfast::target {

/// A target that is served: its stanza, and its device with all logical units.
struct ServedTarget {
  const TargetConfig* config = nullptr;
  std::unique_ptr<ScsiTarget> device;
};

/// What logins and discoveries ask of the daemon, answered from its targets and its sessions.
class Desk final : public Reception {
 public:
  /// All of them outlive the desk.
  Desk(const Config& config, const std::vector<ServedTarget>& targets, SessionTable& sessions)
      : targets_(targets),
        discovery_accounts_(config.discovery_accounts),
        access_(config.access_folders),
        sessions_(sessions) {}

  const TargetConfig* find_target(std::string_view name, const Caller& caller) override;
  std::vector<std::string> target_names(const Caller& caller) override;
  const Accounts& discovery_accounts() const override { return discovery_accounts_; }
  Duration note_failed_authentication(const Caller& caller) override;
  Admission admit(const TargetConfig& target, const Caller& caller,
                  const iscsi::Isid& isid) override;
  void withdraw(const TargetConfig& target, std::uint16_t tsih) override;
  void end_sessions(const TargetConfig& target, std::uint16_t except, std::string_view why) override;
  bool has_session(const TargetConfig& target, const Caller& caller, const iscsi::Isid& isid,
                   std::uint16_t tsih) override;

  /// The device of a target that `find_target` found.
  ScsiTarget& device_of(const TargetConfig& target) const;

 private:
  void refresh_access();
  Access::Decision decide(const TargetConfig& target, const Caller& caller) const;

  const std::vector<ServedTarget>& targets_;
  const Accounts& discovery_accounts_;
  Access access_;
  SessionTable& sessions_;
  LoginFailures failures_;
};

}  // namespace holdfast::target
