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
#include "initiator/device/iscsi_url.h"
#include "initiator/device/path_witness.h"
#include "initiator/device/wire_use.h"

struct iscsi_context;
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

struct DiscoveredTarget {
  std::string name;
  std::vector<std::string> portals;  // "127.0.0.1:3260,1"
};

/// What a SCSI command of a conversation came to.
struct ScsiReply {
  int status = 0;  // SCSI_STATUS_…
  std::uint8_t sense_key = 0;
  std::uint16_t asc_ascq = 0;
  std::vector<std::uint8_t> data;

  bool good() const { return status == 0; }
  /// Big-endian bytes of `data`; zero where it is too short.
  std::uint64_t number(std::size_t offset, std::size_t bytes) const;
  /// Printable text of `data` without the spaces around it.
  std::string text(std::size_t offset, std::size_t bytes) const;
  /// The status and the sense data in words.
  std::string words() const;
};

/// A SCSI status and its sense data in words: "MEDIUM ERROR (3h), 0ch/00h".
std::string scsi_words(int status, std::uint8_t sense_key, std::uint16_t asc_ascq);

/// A LUN's number as libiscsi puts it into the first two bytes of the eight: peripheral addressing up
/// to 255, flat space addressing above (SAM-5 section 4.7).
constexpr int lun_address(std::uint16_t lun) { return lun < 256 ? lun : 0x4000 | lun; }

/// One iSCSI session kept by libiscsi and driven by our loop: no thread, no reconnecting behind our
/// back, and no wait that a deadline of ours does not end. Whatever goes wrong with the connection,
/// and whatever step of a conversation misses its deadline, fails the session: then everything
/// outstanding is answered at once, and `failure` has the reason in words.
class LibiscsiSession {
 public:
  struct Login {
    SocketAddress address;
    std::string user;
    std::string password;
    std::string target_user;  // whom the target must prove to be; empty: nobody
    std::string target_password;
    bool header_digest = false;  // CRC32C or nothing
    std::string target;  // empty: a discovery session
    std::string initiator = default_initiator_name();
  };

  /// What the URL says of it, at an address that has been resolved.
  static Login login_of(const IscsiUrl& url, const SocketAddress& address);
  /// "iqn.2026-11.example.holdfast:HOSTNAME".
  static std::string default_initiator_name();

  /// Connects and logs in, following a few redirections, until `deadline`.
  static Task<Result<std::unique_ptr<LibiscsiSession>>> log_in(Loop& loop, Login login, Instant deadline);
  /// `close` has finished by then.
  ~LibiscsiSession();
  LibiscsiSession(const LibiscsiSession&) = delete;
  LibiscsiSession& operator=(const LibiscsiSession&) = delete;

  bool failed() const { return context_ == nullptr; }
  const Error& failure() const { return failure_; }
  const std::string& portal() const { return portal_; }
  /// What the target answered and declared at login.
  std::map<std::string, std::string> negotiated() const;
  /// The bytes of the connection, up to its end once it has ended; no requests.
  WireUse wire() const;

  /// What is known of the connection but its requests. libiscsi tells neither the command window's
  /// numbers nor the last StatSN, only whether the window is closed.
  void examine(ConnectionEvidence& into) const;
  /// Sends a NOP-Out unless one is open.
  bool ping();
  std::optional<PeerDoor> door() const;

  // For queueing commands, as a device does.
  /// Null once the session has failed.
  iscsi_context* context() { return context_; }
  /// Makes `call` ready to be the private data of `answer`.
  void prepare(LibiscsiCall& call);
  /// Takes `call` back: libiscsi did not accept it.
  void withdraw(LibiscsiCall& call) { call.outstanding_ = false; }
  /// The callback for libiscsi's asynchronous calls.
  static void answer(iscsi_context* context, int status, void* data, void* call);
  /// Something was queued: it is sent at the end of this turn.
  void queued();

  // Conversations, one at a time.
  /// Sends a command that reads up to `bytes` and waits for its reply. Unit attentions are passed over.
  Task<Result<ScsiReply>> command(std::uint16_t lun, std::vector<std::uint8_t> cdb, std::uint32_t bytes,
                                  Instant deadline);
  /// SendTargets=All, in a discovery session.
  Task<Result<std::vector<DiscoveredTarget>>> send_targets(Instant deadline);

  /// Ends the session at once. Everything outstanding is answered later in this turn.
  void fail(Error why);
  /// Logs out within `deadline`, or not, and lets go of the connection.
  Task<void> close(Duration deadline);

 private:
  class Poll;
  class Flush;
  class Delivery;
  struct Parts;

  explicit LibiscsiSession(Loop& loop);
  static void discovered(iscsi_context* context, int status, void* data, void* call);
  static void ponged(iscsi_context* context, int status, void* data, void* session);
  static void heard(int level, const char* message);

  Status set_up(const Login& login);
  Task<Status> connect(const Login& login, Instant deadline);
  Task<Status> authenticate(const Login& login, Instant deadline);
  Error not_connected(const Error& why) const;
  Error not_logged_in(const Login& login, const Error& why) const;
  Task<Status> converse(Instant deadline);
  /// The error with what was being done, and with whom.
  Error doing(const char* what, const Error& error) const;
  Task<Result<ScsiReply>> send_once(std::uint16_t lun, std::span<const std::uint8_t> cdb,
                                    std::uint32_t bytes, Instant deadline);
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
  PingEvidence ping_;
  Instant last_received_{};
  Instant last_sent_{};
  std::vector<std::byte> transcript_;
  std::vector<DiscoveredTarget> discovered_;

  LibiscsiCall call_;  // the conversation's
  bool conversing_ = false;
  bool call_answered_ = false;
  Event changed_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace holdfast::initiator
