#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/runtime/event.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "common/runtime/timer.h"
#include "target/session/connection.h"

namespace holdfast::target {

/// One I_T nexus in the full feature phase: what its connections have in common (the command window,
/// the tags in use), and what happens between them (RFC 7143 sections 4.2.2.1, 4.2.3 and 11.14).
///
/// Commands are allegiant to the connection that they came by. At ErrorRecoveryLevel 0 they end with
/// it, and until they have left the medium no command that came later is executed. The session goes
/// on as long as one connection does.
class Session final : private Connection::Owner, private Timer {
 public:
  /// How long an initiator that was asked to log out has for that.
  static constexpr Duration logout_wait = std::chrono::seconds(3);

  /// With its leading connection.
  Session(Loop& loop, Fd fd, LoginOutcome login, std::uint32_t nexus_index, ScsiTarget& target,
          DataMemory& memory, Reception& reception, FlightRecorder& recorder);
  ~Session();

  /// Serves until the session has ended and nothing of it is left in the kernel or in a store.
  Task<void> run();

  /// What a login that joins the session is told of it.
  const iscsi::Parameters& parameters() const { return login_.parameters; }
  const CommandWindow& window() const { return window_; }
  /// Whether a connection with that CID may join: `success`, or why not.
  iscsi::LoginStatus may_join(std::uint16_t cid) const;
  /// Adds a connection that may. One with the same CID is reinstated by it (RFC 7143 section 6.3.4).
  void join(Fd fd, LoginOutcome login);

  /// Until `release_commands`, commands come as far as the device server and wait there: sessions
  /// that this one took over still have some on the medium. Everything else goes on.
  void hold_commands();
  void release_commands();

  /// Asks the initiator to log out, and serves it until it does or `logout_wait` is over; then takes
  /// no more requests, lets commands finish, and ends.
  void drain();
  /// Ends now; commands are aborted.
  void drop(std::string_view why);

  const std::string& name() const { return name_; }
  /// As the leading login settled it.
  const LoginOutcome& login() const { return login_; }
  const std::vector<std::unique_ptr<Connection>>& connections() const { return connections_; }

 private:
  /// A Logout Request whose answer waits for other connections to be quiet.
  struct PendingLogout {
    Connection* by = nullptr;
    Connection* of = nullptr;  // null: of the whole session
    iscsi::LogoutResponseBhs response;
  };

  void log_negotiated() const;
  iscsi::AsyncMessageBhs message(iscsi::AsyncEvent event) const;
  Connection* find_running(std::uint16_t cid) const;
  bool goes_on() const;
  void log_out_session(Connection& by, const iscsi::LogoutResponseBhs& response);
  void log_out_other(Connection& by, std::uint16_t cid, iscsi::LogoutResponseBhs response);
  void answer_logouts();
  void update_holds();
  bool nobody_can_bring_the_next_command() const;

  // Connection::Owner.
  void logout_requested(Connection& by, const iscsi::LogoutRequestBhs& request) override;
  void cold_reset_done(Connection& by) override;
  void command_aborted(const Slot& slot) override;
  bool waits_for_turn(Connection& connection) override;
  void turn_came() override;
  bool connection_leaves(Connection& connection) override;
  void connection_is_quiet(Connection& connection) override;
  void connection_over() override;
  // Timer: the initiator was asked to log out, and has not.
  void expire() override;

  /// Frees connections that are over, when nothing of them is on the stack.
  class Reaper final : public Deferred {
   public:
    explicit Reaper(Session& session) : session_(session) {}

   private:
    void run() override { session_.reap(); }
    Session& session_;
  };
  void reap();

  Loop& loop_;
  Reception& reception_;
  const Instant began_;
  const LoginOutcome login_;
  const std::string name_;  // for the log
  ScsiTarget& target_;
  Nexus nexus_;
  CommandWindow window_;
  TagTable tags_;
  const SessionParts parts_;
  Reaper reaper_;
  std::vector<std::unique_ptr<Connection>> connections_;  // the leading one first, while it lives
  std::vector<PendingLogout> logouts_;
  bool held_ = false;     // by whoever called `hold_commands`
  bool holding_ = false;  // for that reason or another
  bool ending_ = false;   // as a whole: no connection of it fails on its own any more
  bool asked_ = false;    // to log out
  bool reinstates_ = false;  // a connection, which may be the only one
  Event ended_;
};

}  // namespace holdfast::target
