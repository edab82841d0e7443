#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "common/iscsi/framing.h"
#include "common/iscsi/pdu.h"
#include "common/iscsi/receiver.h"
#include "target/session/command_set.h"
#include "target/session/command_window.h"
#include "target/session/discovery.h"
#include "target/session/reply.h"
#include "target/session/stage_recorder.h"
#include "target/session/task_management.h"

namespace holdfast::target {

/// Reads a connection's PDUs in the full feature phase: judges each header, says where its data
/// goes, and hands it to whom it concerns. What concerns nobody else it answers itself, from the
/// loop and with no store involved, so that a busy store never looks like a dead target.
class PduRouter final : public iscsi::Receiver::Owner {
 public:
  /// Whom it tells of what concerns the session as a whole.
  class Owner {
   public:
    virtual void bytes_came() = 0;
    /// How long the receiver may rest, now that so many commands have come in so many bytes.
    virtual Duration rest(std::uint32_t commands, std::size_t bytes) = 0;
    virtual void logout_requested(const iscsi::LogoutRequestBhs& request) = 0;
    /// A request is at hand while one with a smaller CmdSN is missing. True if another connection may
    /// bring that: nothing is read until the receiver is told to resume.
    virtual bool waits_for_its_turn() = 0;
    /// ExpCmdSN moved while somebody waited for that.
    virtual void turn_came() = 0;
    /// A PDU was refused, or its command failed, for a reason of iSCSI's; for the log.
    virtual void pdu_refused(iscsi::Opcode opcode, std::string_view why) = 0;
    /// The peer is out of step: the connection is to be dropped, once the Reject is sent if there
    /// is one.
    virtual void out_of_step(std::string_view why, bool has_reject) = 0;
    /// The stream is over: 0, or an errno.
    virtual void stream_over(int error) = 0;

   protected:
    ~Owner() = default;
  };

  PduRouter(CommandWindow& window, CommandSet& commands, TaskManagement& tasks, ReplyStock& replies,
            TextResponder& texts, StageRecorder& stages, std::uint32_t segment_bytes_max, Owner& owner);

  /// From here on new requests are swallowed; data of commands that are under way is still taken.
  void take_no_requests() { takes_requests_ = false; }
  /// From here on everything is swallowed.
  void go_deaf() { deaf_ = true; }

 private:
  // iscsi::Receiver::Owner.
  iscsi::Intake header_arrived(const iscsi::GenericBhs& header,
                        std::span<const std::byte> additional) override;
  void pdu_arrived(std::span<const std::byte> collected) override;
  void data_is_spoiled() override;
  void header_is_spoiled() override { owner_.out_of_step("its header digest is wrong", false); }
  void heard() override { owner_.bytes_came(); }
  Duration rest(std::size_t bytes) override { return owner_.rest(std::exchange(commands_came_, 0), bytes); }
  void stream_ended(int error) override { owner_.stream_over(error); }

  iscsi::Intake route(const iscsi::GenericBhs& header, std::span<const std::byte> additional);
  iscsi::Intake take(const iscsi::GenericBhs& header, const CommandSet::Verdict& verdict);
  iscsi::Intake take_numbered(const iscsi::GenericBhs& header, iscsi::Intake::Kind kind);
  bool should_wait_for_earlier_commands(const iscsi::GenericBhs& header) const;
  iscsi::Intake come_early();
  void reject(const iscsi::GenericBhs& header, const iscsi::PduFault& fault);
  iscsi::Intake out_of_step(std::string_view why, bool has_reject);

  void log_out(const iscsi::LogoutRequestBhs& request);
  void answer_nop(const iscsi::NopOutBhs& request, std::span<const std::byte> data);
  void answer_text(const iscsi::TextRequestBhs& request, std::span<const std::byte> data);

  CommandWindow& window_;
  CommandSet& commands_;
  TaskManagement& tasks_;
  ReplyStock& replies_;
  TextResponder& texts_;
  StageRecorder& stages_;
  const std::uint32_t segment_bytes_max_;
  Owner& owner_;
  iscsi::GenericBhs request_;  // whose data segment is on its way
  bool pending_ = false;       // and which is to be acted on when it is here
  std::uint32_t commands_came_ = 0;  // since the receiver last asked for a rest
  bool takes_requests_ = true;
  bool deaf_ = false;
};

}  // namespace holdfast::target
