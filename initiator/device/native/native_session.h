#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/iscsi/batch_sender.h"
#include "common/iscsi/parameters.h"
#include "common/iscsi/pdu.h"
#include "common/iscsi/receiver.h"
#include "common/runtime/event.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/device/iscsi_session.h"
#include "initiator/device/native/native_command.h"
#include "initiator/device/native/native_login.h"
#include "initiator/device/path_witness.h"
#include "initiator/device/wire_use.h"

namespace holdfast::initiator {

/// One iSCSI session of our own making, over one connection: commands go out in one gathered send per
/// turn of the loop, data lands where it belongs, and a command costs no allocation and no search.
///
/// What comes from the target is data: whatever breaks the protocol fails the session, as does the end
/// of the connection, and `failure` has the reason in words. Then every command is given back as soon
/// as the kernel lets go of its memory. It never reconnects by itself.
class NativeSession final : public IscsiSession,
                            private iscsi::Receiver::Owner,
                            private iscsi::BatchSender::Owner {
 public:
  struct Options {
    std::uint32_t commands_max = 32;  // at once
    /// How often the target is pinged (NOP-Out), whatever else goes on.
    Duration ping_every = std::chrono::seconds(5);
  };

  /// Connects and logs in, following a few redirections, until `deadline`.
  static Task<Result<std::unique_ptr<NativeSession>>> log_in(Loop& loop, IscsiLogin login, Options options,
                                                             Instant deadline);
  /// Takes over a connection on which the login is done.
  NativeSession(Loop& loop, LoggedIn in, const Options& options);
  /// `close` has finished by then.
  ~NativeSession() override;

  bool failed() const override { return failed_; }
  IscsiEngine engine() const override { return IscsiEngine::native; }
  const Error& failure() const override { return failure_; }
  const std::string& portal() const override { return in_.portal; }
  /// What the target answered and declared, and how it answers pings.
  std::map<std::string, std::string> negotiated() const override;
  WireUse wire() const override;
  const iscsi::Parameters& parameters() const { return in_.parameters; }

  ScsiCommand& add_command() override;
  void submit(ScsiCommand& command) override;
  /// At most `commands_max` at once.
  void submit(NativeCommand& command);

  Task<Result<std::vector<DiscoveredTarget>>> send_targets(Instant deadline) override;
  /// ABORT TASK of what `task_tag` and `task_cmd_sn` name, or LOGICAL UNIT RESET without them.
  Task<Result<iscsi::TaskManagementResponseCode>> manage_tasks(iscsi::TaskManagementFunction function,
                                                               std::uint16_t lun, Instant deadline,
                                                               std::uint32_t task_tag = iscsi::reserved_tag,
                                                               std::uint32_t task_cmd_sn = 0);
  ConnectionEvidence evidence() const override;
  std::optional<PeerDoor> door() const override;
  bool ping() override;
  void fail(Error why) override;
  Task<void> close(Duration deadline) override;

 protected:
  Task<Result<ScsiReply>> send_once(std::uint16_t lun, std::span<const std::uint8_t> cdb, std::uint32_t bytes,
                                    Instant deadline) override;

 private:
  class Flush;
  class Ending;
  class Clockwork;
  struct Parts;

  /// A PDU that is no command: a ping, a question, a farewell.
  struct Control {
    iscsi::GenericBhs header;
    std::string text;
  };
  enum class Asking : std::uint8_t { nothing, targets, negotiation };

  /// Answers to the target's own pings and the like that may wait to be sent. A target that has more of
  /// them outstanding does not read what it asks for.
  static constexpr std::size_t controls_max = 64;
  /// In the tags of what is no command.
  static constexpr std::uint32_t control_tag_bit = 0x4000'0000;

  // Conversations.
  std::uint32_t next_control_tag();
  Task<Status> await_answer(Instant deadline);
  Error doing(const char* what, const Error& error) const;
  void queue_logout();
  void queue_text(std::string_view text, std::uint32_t target_transfer_tag);

  // Sending, in native_session_send.cc.
  void flush_soon();
  void flush();
  void fill(iscsi::Batch& batch);
  bool may_send_commands() const;
  void send_controls(iscsi::Batch& batch);
  void send_command(iscsi::Batch& batch, NativeCommand& command);
  void send_data(iscsi::Batch& batch, NativeCommand& command);
  void refer_to(NativeCommand& command);
  void queue_control(const iscsi::GenericBhs& header, std::string text);
  void batch_gone(int error) override;
  void release_sent();
  void put_in_line(NativeCommand& command);
  void take_out_of_line(NativeCommand& command);

  // Receiving, in native_session_receive.cc.
  iscsi::Intake header_arrived(const iscsi::GenericBhs& header, std::span<const std::byte> additional) override;
  void pdu_arrived(std::span<const std::byte> collected) override;
  void header_is_spoiled() override { digest_is_wrong("header"); }
  void data_is_spoiled() override { digest_is_wrong("data"); }
  void digest_is_wrong(const char* of_what);
  void heard() override { last_heard_ = loop_.now(); }
  void stream_ended(int error) override;
  iscsi::Intake broken(std::string_view how);
  const char* take_numbers(const iscsi::GenericBhs& header);
  NativeCommand* find_command(std::uint32_t tag) const;
  iscsi::Intake data_in_arrived(const iscsi::GenericBhs& header);
  void r2t_arrived(const iscsi::GenericBhs& header);
  void response_arrived(std::span<const std::byte> sense);
  void nop_in_arrived();
  void async_message_arrived();
  void text_arrived(std::span<const std::byte> data);
  void take_negotiation();
  void reject_arrived(std::span<const std::byte> data);
  void answer_arrived(std::uint32_t tag);
  void answered(NativeCommand& command);
  void deliver(NativeCommand& command);

  void tick();
  void leave(std::uint32_t seconds);
  static Error asked_to_leave();
  bool idle() const;
  void give_back_when_idle();

  Loop& loop_;
  LoggedIn in_;
  const Options options_;
  bool failed_ = false;
  bool settled_ = false;  // and everything was given back
  Error failure_;
  WireUse wire_at_end_;
  TcpState tcp_at_end_;
  const std::uint32_t id_ = new_connection_id();
  Event changed_;

  // Sequence numbers (RFC 7143 section 4.2.2).
  std::uint32_t cmd_sn_;       // of the next command
  std::uint32_t exp_cmd_sn_;   // of the target, as it last said
  std::uint32_t max_cmd_sn_;
  std::uint32_t exp_stat_sn_;

  // Commands by their tags: the place in the low bits, a number that changes in the high ones.
  std::vector<NativeCommand*> commands_;
  std::vector<std::uint16_t> free_places_;
  std::uint32_t tag_number_ = 0;
  NativeCommand* waiting_ = nullptr;  // for the window, in order
  NativeCommand* last_waiting_ = nullptr;
  NativeCommand* line_ = nullptr;  // commands with data to send
  NativeCommand* end_of_line_ = nullptr;

  std::vector<NativeCommand*> in_batch_;
  int send_error_ = 0;
  std::vector<Control> controls_;
  std::vector<std::string> texts_in_batch_;

  // The PDU that is arriving.
  iscsi::GenericBhs arriving_;
  NativeCommand* arriving_for_ = nullptr;

  // Questions, one at a time, and pings beside them.
  std::uint32_t control_number_ = 0;
  std::uint32_t awaited_tag_ = iscsi::reserved_tag;
  iscsi::TaskManagementResponseCode management_answer_{};
  Asking asking_ = Asking::nothing;
  std::string text_;
  bool leaving_ = false;
  Instant leave_by_{};
  bool ping_open_ = false;
  std::uint32_t ping_tag_ = iscsi::reserved_tag;
  PingEvidence ping_;
  std::uint64_t answered_ping_ = 0;  // its number
  Instant last_heard_;
  Instant last_sent_;

  std::deque<NativeCommand> own_commands_;  // of `add_command`; it never moves them
  NativeCommand conversation_;
  bool conversing_ = false;
  std::vector<std::uint8_t> reply_;
  iovec reply_vector_{};

  std::unique_ptr<Parts> parts_;
};

}  // namespace holdfast::initiator
