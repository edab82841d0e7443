#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/iscsi/receiver.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "common/runtime/seat.h"
#include "common/runtime/timer.h"
#include "target/session/command_set.h"
#include "target/session/discovery.h"
#include "target/session/keep_alive.h"
#include "target/session/pdu_router.h"
#include "target/session/reply.h"
#include "target/session/rest_rule.h"
#include "target/session/sender.h"
#include "target/session/session_parts.h"
#include "target/session/stage_recorder.h"
#include "target/session/task_management.h"

namespace holdfast::target {

/// One connection of a session in the full feature phase: it composes what receives, gathers,
/// executes, aborts and sends the commands that are allegiant to it, and takes them down in order.
/// However it ends, no memory is let go that the kernel or a store still holds.
///
///   running ──> draining ──────────────────┐           (SIGTERM: commands finish)
///      │ └────> logging_out ──> logged_out ┼──> sending_last ──> lingering ──┐
///      │   (commands are aborted)  (the peer closes)    (it reads the end)    │
///      └──────────────── broken, dropped ─────────────────────────────────────┴──> closed ──> over
class Connection final : private PduRouter::Owner,
                         private CommandSet::Owner,
                         private TaskManagement::Owner,
                         private Sender::Owner,
                         private Timer {
 public:
  /// Whom it tells of what concerns the session. It may not be destroyed from inside any of these.
  class Owner {
   public:
    virtual void logout_requested(Connection& by, const iscsi::LogoutRequestBhs& request) = 0;
    /// TARGET COLD RESET: it came on `by`, which has its answer to send.
    virtual void cold_reset_done(Connection& by) = 0;
    /// The device server is done with a command that it was asked to abort.
    virtual void command_aborted(const Slot& slot) = 0;
    /// A command is at hand whose turn has not come. False if it can never come; otherwise
    /// `look_again` follows when it may have.
    virtual bool waits_for_turn(Connection& connection) = 0;
    virtual void turn_came() = 0;
    /// From here on it takes no requests; its commands finish, or are about to be aborted. True if the
    /// session goes on without it.
    virtual bool connection_leaves(Connection& connection) = 0;
    /// It has no commands and no functions any more, and leaves.
    virtual void connection_is_quiet(Connection& connection) = 0;
    /// Nothing of it is left in the kernel or in a store: it may be freed, later.
    virtual void connection_over() = 0;

   protected:
    ~Owner() = default;
  };

  Connection(Loop& loop, Fd fd, LoginOutcome login, const SessionParts& session, std::string name,
             Instant session_began, Owner& owner);

  void start();

  /// Until `release_commands`, commands come as far as the device server and wait there: others that
  /// came before them still have to leave the medium. Everything else goes on.
  void hold_commands() { commands_.hold(); }
  void release_commands() { commands_.release(); }

  /// Tells the initiator something that it did not ask for, if there is room for that.
  void tell(const iscsi::AsyncMessageBhs& message);
  /// Answers a Logout Request about another connection.
  void answer_logout(const iscsi::LogoutResponseBhs& response);
  /// Aborts its commands; then, once `may_answer_logout` says so too, answers and ends.
  void log_out(const iscsi::LogoutResponseBhs& response);
  void may_answer_logout();
  /// Takes no more requests, lets commands finish, says `farewell` and ends.
  void drain(const iscsi::AsyncMessageBhs& farewell);
  /// What is in the sender's line goes out, and nothing after it; commands are aborted.
  void end_after_sending(std::string_view why);
  /// Ends now; commands are aborted.
  void drop(std::string_view why);
  /// The same, for the initiator asked for it.
  void drop_on_purpose(std::string_view why);
  /// Looks again at the command whose turn had not come.
  void look_again() { receiver_.resume(); }
  /// A command that some function of this connection's aborts may be done.
  void command_was_aborted(const Slot& slot) { tasks_.command_aborted(slot); }

  const std::string& name() const { return name_; }
  const LoginOutcome& login() const { return login_; }
  std::uint16_t cid() const { return login_.cid; }
  /// Of the loop: what it receives and sends goes by that one.
  unsigned thread() const { return seat_.thread(); }
  /// It serves requests.
  bool is_running() const { return state_ == State::running; }
  bool is_quiet() const { return commands_.empty() && tasks_.empty(); }
  /// Commands of it were aborted, and may touch the medium still.
  bool is_aborting() const { return aborts_ && !is_quiet(); }
  bool is_over() const { return over_; }
  /// The initiator has logged it out, or we asked for its end: it did not fail.
  bool ended_on_purpose() const { return on_purpose_; }

  const StageRecorder& stages() const { return stages_; }
  std::uint32_t next_stat_sn() const { return sender_.next_stat_sn(); }

  bool waits_for_turn = false;  // the session's note

 private:
  /// In the order in which they are gone through.
  enum class State : std::uint8_t {
    running, draining, logging_out, logged_out, sending_last, lingering, closed
  };

  bool leave(State next);
  void abort_commands(State next);
  /// Goes on to the next state if the present one's work is done.
  void step();
  void linger();
  void close();
  void watch_peer();
  void send_ping();
  bool peer_took_bytes();

  // PduRouter::Owner.
  void bytes_came() override;
  Duration rest(std::uint32_t commands, std::size_t bytes) override;
  void logout_requested(const iscsi::LogoutRequestBhs& request) override;
  bool waits_for_its_turn() override { return owner_.waits_for_turn(*this); }
  void turn_came() override { owner_.turn_came(); }
  void pdu_refused(iscsi::Opcode opcode, std::string_view why) override;
  void out_of_step(std::string_view why, bool has_reject) override;
  void stream_over(int error) override;
  // CommandSet::Owner.
  void command_aborted(const Slot& slot) override { owner_.command_aborted(slot); }
  void commands_gone() override { step(); }
  // TaskManagement::Owner.
  void task_management_done() override { step(); }
  void cold_reset_done() override { owner_.cold_reset_done(*this); }
  // Sender::Owner.
  void sending_begins() override;
  void send_failed(int error) override;
  void batch_sent() override;
  // Timer.
  void expire() override;

  Loop& loop_;
  const Seat seat_;
  const Fd fd_;
  const LoginOutcome login_;
  const std::string name_;  // for the log
  Owner& owner_;
  TextResponder texts_;
  StageRecorder stages_;
  Sender sender_;
  CommandSet commands_;
  TaskManagement tasks_;
  ReplyStock replies_;
  PduRouter router_;
  iscsi::Receiver receiver_;
  KeepAlive keep_alive_;
  RestRule rest_rule_;
  State state_ = State::running;
  bool on_purpose_ = false;
  bool aborts_ = false;
  bool may_answer_logout_ = false;
  bool told_quiet_ = false;
  bool over_ = false;
  iscsi::LogoutResponseBhs logout_response_;
  iscsi::AsyncMessageBhs farewell_;
  std::uint64_t bytes_taken_ = 0;  // by the peer, when we last looked
  std::uint32_t refused_ = 0;      // PDUs
};

}  // namespace holdfast::target
