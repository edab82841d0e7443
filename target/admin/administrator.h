#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/blocking_crew.h"
#include "common/runtime/event.h"
#include "common/runtime/loop.h"
#include "common/runtime/scope.h"
#include "common/runtime/task.h"
#include "target/admin/unit_keeper.h"
#include "target/config/account_line.h"
#include "target/config/config.h"
#include "target/config/parser.h"
#include "target/config/reload_plan.h"
#include "target/portal/target_table.h"
#include "target/session/flight_recorder.h"
#include "target/session/session_table.h"

namespace holdfast::target {

/// What an administrator can do to the running daemon, as functions: one change at a time, none of
/// which holds up what is being served. Errors carry the errno that ietadm would end with, and words.
class Administrator {
 public:
  struct Settings {
    Rigour rigour = Rigour::strict;  // with files; an order is always strict
    std::vector<PortalGroup> portal_groups;  // they stay as they were at the start
    std::string config;  // the file that `reload` reads; empty: where IET kept it
  };
  /// All of them outlive it.
  Administrator(Loop& loop, BlockingCrew& crew, TargetTable& targets, SessionTable& sessions, FlightRecorder& recorder,
                Settings settings);

  // Targets and their Luns. `options` are as in ietd.conf.
  Task<Result<std::uint32_t>> new_target(std::uint32_t tid, std::string name);
  Task<Status> delete_target(std::uint32_t tid, bool force);
  /// Every target, with its sessions.
  Task<Status> delete_all();
  Task<Status> new_lun(std::uint32_t tid, std::uint32_t number, std::string options);
  /// Answers when the Lun is closed.
  Task<Status> delete_lun(std::uint32_t tid, std::uint32_t number);
  /// `params` is `Key=value,Key=value`.
  Task<Status> update_target(std::uint32_t tid, std::string params);
  /// Logins are sent on to `address[:port]` for now; nowhere if that is empty.
  Task<Status> redirect_target(std::uint32_t tid, std::string address);
  /// Changes the asymmetric access state of a Lun as `params` say: "AccessState=standby", with
  /// "PortalGroup=2" by that portal group alone. It lasts until the daemon ends.
  Status update_lun(std::uint32_t tid, std::uint32_t number, std::string_view params);
  /// Lets Luns grow: one, all of a target, or all. The result says which did.
  Task<Result<std::string>> resize(std::optional<std::uint32_t> tid, std::optional<std::uint32_t> number);

  // Users: of a target, or, with tid 0, of discovery.
  struct NamedUser {
    AccountKind kind = AccountKind::incoming;
    std::string name;
    std::optional<std::string> secret;
  };
  /// Reads `IncomingUser=name,Password=secret`.
  static Result<NamedUser> read_user(std::string_view params);
  Task<Status> new_user(std::uint32_t tid, NamedUser user);
  Task<Status> delete_user(std::uint32_t tid, NamedUser user);

  // Sessions.
  Status delete_session(std::uint32_t tid, std::uint64_t sid);
  Status delete_connection(std::uint32_t tid, std::uint64_t sid, std::uint16_t cid);

  /// Reads the configuration again and makes of it what is served. Nothing is changed if it cannot be
  /// served as a whole. The result says what was changed, or why nothing was, and is in the log, too.
  Task<Result<std::string>> reload();

  /// What is served now, as a configuration.
  Config running() const;
  const TargetTable& targets() const { return targets_; }
  const SessionTable& sessions() const { return sessions_; }
  const FlightRecorder& recorder() const { return recorder_; }
  /// From here on commands that take longer are slow; with 0, commands are not timed.
  void set_slow_limit(Duration limit) { recorder_.set_limit(limit); }
  /// When the daemon began.
  Instant began() const { return began_; }
  Result<Session*> find_session(std::uint32_t tid, std::uint64_t sid) const;
  /// Of a target, or, with tid 0, of discovery.
  Result<Accounts> accounts_of(std::uint32_t tid) const;
  const std::list<LeavingLun>& leaving() const { return keeper_.leaving(); }
  const std::string& config_file() const { return settings_.config; }

  /// Waits until everything that was begun has ended.
  Task<void> join();

 private:
  /// Waits for a change that is under way, for a while. An error: it takes too long.
  Task<Status> begin_change();
  void end_change();

  Result<ServedTarget*> find(std::uint32_t tid) const;
  /// What `text` says as a whole; the error is the first one in it.
  Result<Config> read(const std::string& text) const;
  static void set_config(ServedTarget& target, TargetConfig config);
  Status set_accounts(std::uint32_t tid, const Accounts& accounts);
  Status set_target(std::uint32_t tid, const std::string& params);
  Task<Status> add_lun(std::uint32_t tid, std::uint32_t number, const std::string& options);

  void remove_target(ServedTarget& target);
  Task<void> finish_removal(std::unique_ptr<ServedTarget> target);

  // The steps of a reload.
  struct Reload;
  Task<Result<std::string>> reload_now();
  Task<void> load(Reload& reload);
  void note_what_goes(Reload& reload) const;
  void note_what_comes(Reload& reload) const;
  Task<void> find_what_waits(Reload& reload);
  Task<void> let_go(Reload& reload);
  void change_settings(const Reload& reload);
  Task<void> open_late(Reload& reload);
  Task<void> serve(std::vector<ComingLun>& coming);

  Loop& loop_;
  BlockingCrew& crew_;
  TargetTable& targets_;
  SessionTable& sessions_;
  FlightRecorder& recorder_;
  const Instant began_;
  const Settings settings_;
  UnitKeeper keeper_;
  std::set<std::string> leaving_targets_;
  Scope removals_;
  bool changing_ = false;
  Instant changing_since_{};
};

/// ietadm's number of a session: the ISID's bytes and the TSIH, as IET lays them out.
std::uint64_t sid_of(const Session& session);

}  // namespace holdfast::target
