#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "target/config/access.h"
#include "target/config/config.h"
#include "target/portal/log_quota.h"
#include "target/portal/login_failures.h"
#include "target/portal/portal_table.h"
#include "target/portal/target_table.h"
#include "target/session/login.h"
#include "target/session/session_table.h"

namespace holdfast::target {

/// What logins and discoveries ask of the daemon, answered from its targets and its sessions.
class Desk final : public Reception {
 public:
  /// All of them outlive the desk.
  Desk(const TargetTable& targets, const PortalTable& portals, SessionTable& sessions)
      : targets_(targets), portals_(portals), access_(targets.access_folders()), sessions_(sessions) {}

  TargetRef find_target(std::string_view name, const Caller& caller) override;
  std::vector<std::string> target_names(const Caller& caller) override;
  std::vector<std::string> target_addresses(std::string_view name, const Caller& caller) override;
  std::uint16_t portal_group_of(const SocketAddress& local) const override { return portals_.group_of(local); }
  std::shared_ptr<const Accounts> discovery_accounts() const override { return targets_.discovery_accounts(); }
  std::optional<std::uint64_t> may_log_failure(const SocketAddress& peer) override;
  Duration note_failed_authentication(const Caller& caller) override;
  Admission admit(const TargetConfig& target, const Caller& caller,
                  const iscsi::Isid& isid) override;
  void withdraw(const TargetConfig& target, std::uint16_t tsih) override;
  void end_sessions(const TargetConfig& target, std::uint16_t except, std::string_view why) override;
  Joining ask_to_join(const TargetConfig& target, const Caller& caller, const iscsi::Isid& isid, std::uint16_t tsih,
                      std::uint16_t cid) override;
  std::optional<unsigned> thread_of(std::uint16_t tsih) const override { return sessions_.thread_of(tsih); }

 private:
  void refresh_access();
  Access::Decision decide(const TargetConfig& target, const Caller& caller, const SocketAddress& portal) const;
  std::vector<Portal> allowed_portals(const TargetConfig& target, const Caller& caller) const;

  const TargetTable& targets_;
  const PortalTable& portals_;
  Access access_;
  SessionTable& sessions_;
  LoginFailures failures_;
  LogQuota log_quota_;
};

}  // namespace holdfast::target
