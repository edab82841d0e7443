#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>

#include "common/iscsi/framing.h"
#include "common/iscsi/pdu.h"
#include "target/session/command_set.h"
#include "target/session/command_window.h"
#include "target/session/sender.h"
#include "target/session/session_parts.h"

namespace holdfast::target {

/// What ABORT TASK is to do (RFC 7143 section 11.5.1).
enum class AbortDecision : std::uint8_t {
  abort,           // the command is here: abort it, then answer "function complete"
  never_to_come,   // it was never received: it counts as received now, and is ignored if it comes
  does_not_exist,  // it was answered already, or never was
};

/// `abortable`: a command with that Referenced Task Tag and LUN is open. `ref_cmd_sn` is judged
/// only if there is none, against the CmdSN of the request itself. Pure.
AbortDecision decide_abort(bool abortable, std::uint32_t ref_cmd_sn, std::uint32_t cmd_sn,
                           const CommandWindow& window);

/// The task management functions that came by one connection (section 11.5). They reach the commands
/// of the whole session. A response is sent when the
/// commands that it speaks of can no longer touch the medium, and not before.
class TaskManagement {
 public:
  /// How many functions may be under way.
  static constexpr std::size_t functions_max = 8;

  class Owner {
   public:
    /// No function is under way any more.
    virtual void task_management_done() = 0;
    /// TARGET COLD RESET: every session of the target is to end; ours once its answer is sent.
    virtual void cold_reset_done() = 0;

   protected:
    ~Owner() = default;
  };

  TaskManagement(const SessionParts& session, Sender& sender, Owner& owner);

  /// Starts a function, or says why its PDU is refused.
  std::optional<iscsi::PduFault> arrived(const iscsi::TaskManagementRequestBhs& header);
  /// The device server is done with a command that it was asked to abort.
  void command_aborted(const Slot& slot);
  /// Nothing is sent any more; what the device server was asked for still ends.
  void close() { closed_ = true; }
  bool empty() const;

 private:
  /// One function, from its request to its response.
  class Function final : public Outgoing {
   public:
    enum class Stage : std::uint8_t { free, aborting, resetting, answering };

    Stage stage = Stage::free;
    std::uint32_t tag = 0;
    const Slot* slot = nullptr;  // what is being aborted
    iscsi::TaskManagementResponseCode response{};
    TaskManagement* owner = nullptr;

   private:
    Fill fill(iscsi::Batch& batch, Numbers& numbers) override;
    void released() override;
  };

  void abort_task(Function& function, const iscsi::TaskManagementRequestBhs& header);
  void abort_task_set(Function& function, const iscsi::TaskManagementRequestBhs& header);
  void reset_logical_unit(Function& function, const iscsi::TaskManagementRequestBhs& header);
  void reset_target(Function& function, bool cold);
  /// Answers when what the device server was asked for is done.
  std::function<void()> completion_of(Function& function);
  void answer(Function& function, iscsi::TaskManagementResponseCode response);

  ScsiTarget& target_;
  Nexus& nexus_;
  CommandWindow& window_;
  TagTable& tags_;
  Sender& sender_;
  Owner& owner_;
  std::array<Function, functions_max> functions_;
  bool closed_ = false;
};

}  // namespace holdfast::target
