#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <span>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/event.h"
#include "common/runtime/loop.h"
#include "common/runtime/socket.h"
#include "common/runtime/task.h"
#include "initiator/device/iscsi_session.h"
#include "initiator/device/path_witness.h"
#include "initiator/device/wire_use.h"

struct iscsi_context;
struct iscsi_data;
struct scsi_task;

namespace holdfast::initiator {

class LibiscsiSession;

/// One request to libiscsi and its answer. Its owner keeps it where it is until `done` was called.
struct LibiscsiCall {
  /// Called once, from the loop and never from inside libiscsi or the call that started it. The
  /// SCSI task, if there is one, is the callee's to free.
  void (*done)(LibiscsiCall&) = nullptr;
  void* owner = nullptr;

  int status = 0;  // SCSI_STATUS_…
  scsi_task* task = nullptr;

 private:
  friend class LibiscsiSession;
  LibiscsiSession* session_ = nullptr;
  LibiscsiCall* next_ = nullptr;
  bool outstanding_ = false;
};

/// One iSCSI session kept by libiscsi and driven by our loop: no thread, no reconnecting behind our
/// back, and no wait that a deadline of ours does not end. Whatever goes wrong with the connection,
/// and whatever step of a conversation misses its deadline, fails the session: then everything
/// outstanding is answered at once, and `failure` has the reason in words.
class LibiscsiSession final : public IscsiSession {
 public:
  /// Connects and logs in, following a few redirections, until `deadline`.
  static Task<Result<std::unique_ptr<LibiscsiSession>>> log_in(Loop& loop, IscsiLogin login,
                                                               Instant deadline);
  /// `close` has finished by then.
  ~LibiscsiSession() override;

  bool failed() const override { return context_ == nullptr; }
  IscsiEngine engine() const override { return IscsiEngine::libiscsi; }
  const Error& failure() const override { return failure_; }
  const std::string& portal() const override { return portal_; }
  std::map<std::string, std::string> negotiated() const override;
  WireUse wire() const override;
  /// libiscsi tells neither the command window's numbers nor the last StatSN, only whether the window is closed.
  ConnectionEvidence evidence() const override;
  bool ping() override;
  std::optional<PeerDoor> door() const override;

  ScsiCommand& add_command() override;
  void submit(ScsiCommand& command) override;

  Task<Result<std::vector<DiscoveredTarget>>> send_targets(Instant deadline) override;

  void fail(Error why) override;
  Task<void> close(Duration deadline) override;

 private:
  class Transfer;
  class Poll;
  class Flush;
  class Delivery;
  struct Parts;

  explicit LibiscsiSession(Loop& loop);
  /// Makes `call` ready to be the private data of `answer`.
  void prepare(LibiscsiCall& call);
  /// The callback for libiscsi's asynchronous calls.
  static void answer(iscsi_context* context, int status, void* data, void* call);
  /// Something was queued: it is sent at the end of this turn.
  void queued();
  static void discovered(iscsi_context* context, int status, void* data, void* call);
  static void ponged(iscsi_context* context, int status, void* data, void* session);
  static void heard(int level, const char* message);

  Status set_up(const IscsiLogin& login);
  Task<Status> connect(const IscsiLogin& login, Instant deadline);
  Task<Status> authenticate(const IscsiLogin& login, Instant deadline);
  Task<Status> converse(Instant deadline);
  /// The error with what was being done, and with whom.
  Error doing(const char* what, const Error& error) const;
  Task<Result<ScsiReply>> send_once(std::uint16_t lun, std::span<const std::uint8_t> cdb, std::uint32_t bytes,
                                    Instant deadline) override;
  void begin_conversation();
  void end_conversation();
  ScsiReply take_reply();

  void polled(std::int32_t result);
  void service(int events);
  void watch_socket();
  void overhear();
  void drain_and_fail();
  std::string library_words() const;

  Loop& loop_;
  iscsi_context* context_ = nullptr;
  std::string portal_;
  std::string redirected_to_;
  bool logged_in_ = false;
  bool gave_up_ = false;  // libiscsi has dropped the session and would now reconnect
  Error failure_;
  WireUse wire_at_end_;
  TcpState tcp_at_end_;
  const std::uint32_t id_ = new_connection_id();
  std::string initiator_;
  std::string congestion_control_;
  PingEvidence ping_;
  Instant last_received_{};
  Instant last_sent_{};
  std::vector<std::byte> transcript_;
  std::vector<DiscoveredTarget> discovered_;

  LibiscsiCall call_;  // the conversation's
  bool conversing_ = false;
  bool call_answered_ = false;
  Event changed_;
  std::vector<std::unique_ptr<Transfer>> transfers_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace holdfast::initiator
