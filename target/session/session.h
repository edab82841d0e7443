#pragma once

#include <cstdint>
#include <string>

#include "common/runtime/event.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "common/runtime/timer.h"
#include "target/lun/scsi_target.h"
#include "target/session/command_set.h"
#include "target/session/command_window.h"
#include "target/session/discovery.h"
#include "target/session/keep_alive.h"
#include "target/session/login.h"
#include "target/session/pdu_router.h"
#include "target/session/receiver.h"
#include "target/session/reply.h"
#include "target/session/sender.h"
#include "target/session/task_management.h"

namespace holdfast::target {

/// One I_T nexus in the full feature phase, with its one connection: it composes what receives,
/// gathers, executes, aborts and sends, and takes it down in order. However it ends, no memory is
/// let go that the kernel or a store still holds.
///
///   running ──> draining ──────┐                       (SIGTERM: commands finish)
///      │ └────> logging_out ───┼──> sending_last ──> lingering ──┐
///      │        (commands are aborted)   (the peer reads the end) │
///      └──────────────── broken, dropped ─────────────────────────┴──> closed ──> ended
class Session final : private PduRouter::Owner,
                      private CommandSet::Owner,
                      private TaskManagement::Owner,
                      private Sender::Owner,
                      private Timer {
 public:
  Session(Loop& loop, Fd fd, LoginOutcome login, std::uint32_t nexus_index, ScsiTarget& target,
          DataMemory& memory, Reception& reception);

  /// Serves until the session has ended and nothing of it is left in the kernel or in a store.
  Task<void> run();

  /// Until `release_commands`, commands come as far as the device server and wait there: sessions
  /// that this one took over still have some on the medium. Everything else goes on.
  void hold_commands() { commands_.hold(); }
  void release_commands() { commands_.release(); }

  /// Takes no more requests, lets commands finish, and closes the connection.
  void drain();
  /// Closes the connection now; commands are aborted.
  void drop(std::string_view why);

  const std::string& name() const { return name_; }

 private:
  enum class State : std::uint8_t {
    running, draining, logging_out, sending_last, lingering, closed
  };

  void log_negotiated() const;
  /// Goes on to the next state if the present one's work is done.
  void step();
  bool is_quiet() const { return commands_.empty() && tasks_.empty(); }
  void end_after_sending(std::string_view why);
  void linger();
  void close();
  void watch_peer();
  void send_ping();
  bool peer_took_bytes();

  // PduRouter::Owner.
  void bytes_came() override;
  void logout_requested(const iscsi::LogoutRequestBhs& request) override;
  void pdu_refused(iscsi::Opcode opcode, std::string_view why) override;
  void out_of_step(std::string_view why, bool has_reject) override;
  void stream_over(int error) override;
  // CommandSet::Owner.
  void command_finished(const Slot& slot) override { tasks_.command_finished(slot); }
  void commands_gone() override { step(); }
  // TaskManagement::Owner.
  void task_management_done() override { step(); }
  void cold_reset_done() override;
  // Sender::Owner.
  void sending_begins() override;
  void send_failed(int error) override;
  void batch_sent() override;
  // Timer.
  void expire() override;

  Loop& loop_;
  Reception& reception_;
  const Fd fd_;
  const LoginOutcome login_;
  const std::string name_;  // for the log
  ScsiTarget& target_;
  Nexus nexus_;
  CommandWindow window_;
  TextResponder texts_;
  Sender sender_;
  CommandSet commands_;
  TaskManagement tasks_;
  ReplyStock replies_;
  PduRouter router_;
  Receiver receiver_;
  KeepAlive keep_alive_;
  State state_ = State::running;
  iscsi::LogoutResponseBhs logout_response_;
  std::uint64_t bytes_taken_ = 0;  // by the peer, when we last looked
  std::uint32_t refused_ = 0;       // PDUs
  Event ended_;
};

}  // namespace holdfast::target
