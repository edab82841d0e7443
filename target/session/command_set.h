#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/iscsi/framing.h"
#include "common/iscsi/parameters.h"
#include "common/iscsi/pdu.h"
#include "common/iscsi/receiver.h"
#include "target/session/data_memory.h"
#include "target/session/sender.h"
#include "target/session/session_parts.h"
#include "target/session/slot.h"
#include "target/session/stage_recorder.h"

namespace holdfast::target {

/// The SCSI commands that are allegiant to one connection: each goes from its PDU to its slot, gathers memory and data,
/// is executed by the device server, and answered. All of it is plain state in preallocated slots,
/// moved on by what arrives: PDUs, memory, the device server's word, sent batches.
class CommandSet final : private DataMemory::Share {
 public:
  struct Settings {
    iscsi::Parameters parameters;
    std::uint32_t queued_commands = 32;
    std::uint32_t send_segment_bytes_max = 8192;  // of a Data-In PDU, however much the peer takes
  };

  /// Whom it tells.
  class Owner {
   public:
    /// The device server is done with a command that it was asked to abort: it can touch the medium
    /// no more. Its answer, if there is one, is in the sender's line.
    virtual void command_aborted(const Slot& slot) = 0;
    /// No command is left.
    virtual void commands_gone() = 0;

   protected:
    ~Owner() = default;
  };

  /// How many immediate commands may be open beside the window.
  static constexpr std::uint32_t immediate_commands_max = 8;
  /// RFC 7143 section 4.2.2.1: such a request is ignored, but the log has it.
  static constexpr std::string_view outside_the_window = "its CmdSN is outside the window: ignored";

  CommandSet(const SessionParts& session, Sender& sender, StageRecorder& stages, const Settings& settings,
             Owner& owner);
  ~CommandSet();

  /// What a PDU's header comes to: where its data goes, or why it is refused. A refused PDU's data
  /// is swallowed.
  struct Verdict {
    iscsi::Intake intake{};
    /// The PDU is refused: it is to be answered with a Reject.
    std::optional<iscsi::PduFault> refused{};
    /// For the log: the command fails, with sense data that says so, or the PDU is ignored.
    std::string_view failed{};
    /// The command's turn has not come: one with a smaller CmdSN is missing.
    bool early = false;
  };
  /// `additional`: the header segments that follow the basic one.
  Verdict command_arrived(const iscsi::ScsiCommandBhs& header, std::span<const std::byte> additional);
  Verdict data_out_arrived(const iscsi::DataOutBhs& header);
  /// The data segment of the PDU that was received last is in its place.
  void data_landed();
  /// The same, but it is not what was sent: the command fails, once the peer owes it nothing more.
  void data_spoiled();

  /// The peer declared its MaxRecvDataSegmentLength anew.
  void set_peer_segment_bytes_max(std::uint32_t bytes);

  /// Whether the command can still be aborted.
  static bool is_abortable(const Slot& slot);
  /// ABORT TASK of one of these commands: `Owner::command_aborted` follows.
  void abort(Slot& slot);

  /// Executes nothing until `release`.
  void hold() { held_ = true; }
  void release();

  /// The connection is gone: nothing is received or sent any more. Every command is aborted;
  /// `commands_gone` follows, or `empty` is true at once. Where the session goes on, it is told by a
  /// unit attention.
  void close(bool session_goes_on);
  /// The receiver has let go of the memory that it was landing data in.
  void reader_gone();

  bool empty() const { return in_use_ == 0; }
  /// Those that are not free have a command.
  std::span<const std::unique_ptr<Slot>> slots() const { return slots_; }
  /// The peer owes data that was asked for or announced.
  bool awaits_data() const;

 private:
  friend class Slot;

  // What a slot's turn in the sender's line comes to.
  void retire(Slot& slot);
  void released(Slot& slot);

  // The way of a command, in order: command_arrival.cc has its first half.
  std::optional<iscsi::PduFault> check(const iscsi::ScsiCommandBhs& header,
                                       const iscsi::AhsContents& additional) const;
  Slot& open_slot(const iscsi::ScsiCommandBhs& header, std::span<const std::byte> extended_cdb);
  bool may_come_uninvited(const iscsi::ScsiCommandBhs& header) const;
  std::uint32_t uninvited_bytes(const iscsi::ScsiCommandBhs& header) const;
  bool take_uninvited(Slot& slot, std::uint32_t bytes);
  void begin(Slot& slot);
  void plan_data(Slot& slot, const iscsi::ScsiCommandBhs& header);

  void advance(Slot& slot);
  void execute(Slot& slot);
  static void done(Command& command);
  void finish(Slot& slot);
  void answer(Slot& slot);
  void fail(Slot& slot, const Outcome& why);
  void fail_for_spoiled_data(Slot& slot);
  void leave(Slot& slot);
  void free(Slot& slot);

  // The line for memory.
  std::size_t wanted() const override;
  void grant() override;
  bool take_rest(Slot& slot);
  void enter_line(Slot& slot);
  void leave_line(Slot& slot);

  ScsiTarget& target_;
  Nexus& nexus_;
  CommandWindow& window_;
  TagTable& tags_;  // of all the session's commands
  Sender& sender_;
  StageRecorder& stages_;
  const Settings settings_;
  const std::uint32_t uninvited_bytes_max_;  // that one command may bring
  std::uint32_t data_in_segment_bytes_ = 0;
  Owner& owner_;

  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> free_;
  std::size_t in_use_ = 0;
  std::uint32_t immediate_open_ = 0;
  std::uint32_t next_transfer_tag_ = 0;
  Slot* landing_ = nullptr;  // whose PDU the receiver is inside
  Slot* first_waiting_ = nullptr;
  Slot* last_waiting_ = nullptr;
  bool held_ = false;
  bool closed_ = false;
};

}  // namespace holdfast::target
