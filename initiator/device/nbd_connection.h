#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/event.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "common/runtime/socket.h"
#include "common/runtime/task.h"
#include "initiator/device/nbd_url.h"
#include "initiator/device/path_witness.h"
#include "initiator/device/wire_use.h"

struct nbd_handle;

namespace holdfast::initiator {

class NbdConnection;

/// One request to libnbd and its answer. Its owner keeps it where it is until `done` was called.
struct NbdCall {
  /// Called once, from the loop and never from inside libnbd or the call that started it.
  void (*done)(NbdCall&) = nullptr;
  void* owner = nullptr;
  int error = 0;  // 0 or an errno

 private:
  friend class NbdConnection;
  NbdConnection* connection_ = nullptr;
  NbdCall* next_ = nullptr;
  std::size_t place_ = 0;  // in the connection's list
  std::int64_t handle_ = 0;
  Instant sent_{};
  std::uint64_t offset_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint16_t command_ = 0;
};

/// What a server says of an export when it is opened.
struct NbdExport {
  std::uint64_t bytes = 0;
  std::uint32_t block_bytes_minimum = 0;  // of requests, as are the next two; 0: the server said nothing
  std::uint32_t block_bytes_preferred = 0;
  std::uint32_t block_bytes_maximum = 0;
  bool read_only = false;
  bool flush = false;
  bool fua = false;
  bool trim = false;
  bool multi_conn = false;
  bool structured_replies = false;
  bool tls = false;
  std::string protocol;  // "newstyle-fixed"
  std::string library;   // "libnbd 1.14.2"
};

/// One connection to an export, kept by libnbd and driven by our loop: no thread, no reconnecting, and
/// no wait that a deadline of ours does not end. Whatever goes wrong fails the connection: then
/// everything outstanding is answered at once, and `failure` has the reason in words.
class NbdConnection {
 public:
  class Listener {
   public:
    /// From the loop, once, when the connection has failed, whoever ended it.
    virtual void connection_failed(NbdConnection& connection) = 0;

   protected:
    ~Listener() = default;
  };

  /// Connects and opens the export until `deadline`. `address` is where the URL's host is, which for
  /// TLS libnbd looks up once more, since a certificate is for a name; it is none for a Unix domain
  /// socket. At most `calls_max` requests are outstanding at once.
  static Task<Result<std::unique_ptr<NbdConnection>>> open(Loop& loop, NbdUrl url,
                                                           std::optional<SocketAddress> address,
                                                           std::size_t calls_max, Instant deadline);
  /// `close` has finished by then.
  ~NbdConnection();
  NbdConnection(const NbdConnection&) = delete;
  NbdConnection& operator=(const NbdConnection&) = delete;

  const NbdExport& facts() const { return facts_; }
  bool failed() const { return handle_ == nullptr; }
  const Error& failure() const { return failure_; }
  const std::string& portal() const { return portal_; }
  std::size_t outstanding() const { return outstanding_.size(); }
  void set_listener(Listener& listener) { listener_ = &listener; }
  /// The bytes of the connection, up to its end once it has ended; no requests.
  WireUse wire() const;
  void examine(ConnectionEvidence& into) const;
  /// None for a Unix domain socket.
  std::optional<PeerDoor> door() const;

  // Each starts one request, or says why it cannot: then nothing is outstanding.
  Status read(NbdCall& call, void* memory, std::size_t bytes, std::uint64_t offset);
  Status write(NbdCall& call, const void* memory, std::size_t bytes, std::uint64_t offset, bool durable);
  Status flush(NbdCall& call);
  Status trim(NbdCall& call, std::uint64_t bytes, std::uint64_t offset);

  /// Ends the connection at once. Everything outstanding is answered later in this turn.
  void fail(Error why);
  /// Says good-bye within `deadline`, or not, and lets go of the connection.
  Task<void> close(Duration deadline);

 private:
  class Poll;
  class Delivery;
  struct Parts;
  struct Negotiation;

  NbdConnection(Loop& loop, std::string portal, std::size_t calls_max);

  // The handshake, in nbd_handshake.cc.
  Status set_up(const NbdUrl& url);
  Task<Status> greet(const std::string& uri, Instant deadline);
  Task<Status> enter(const std::string& export_name, Instant deadline);
  Task<std::string> exports(Instant deadline);
  Task<Status> wait_for(bool (*reached)(const NbdConnection&), Instant deadline);
  static bool is_negotiating_or_open(const NbdConnection& connection);
  static bool is_option_answered(const NbdConnection& connection);
  static bool is_in_export(const NbdConnection& connection);
  Status hear_greeting();
  Error connect_error(const Error& why) const;
  bool is_connected();
  bool is_before_greeting() const;
  void learn_facts();

  static int answered(void* call, int* error);
  Status started(NbdCall& call, std::int64_t cookie);
  void prepare(NbdCall& call, std::uint16_t command, std::uint64_t bytes, std::uint64_t offset);
  void take_off(NbdCall& call);
  void retire(NbdCall& call, int error);

  void polled(std::int32_t result);
  void service(int events);
  bool has_more_to_read() const;
  void judge();
  void watch_socket();
  void judge_and_watch();

  Loop& loop_;
  nbd_handle* handle_ = nullptr;
  const std::string portal_;
  Fd socket_;  // our own descriptor of libnbd's socket, which libnbd closes as soon as it fails
  bool greeted_ = false;
  bool open_ = false;
  NbdExport facts_;
  Error failure_;
  WireUse wire_at_end_;
  TcpState tcp_at_end_;
  const std::uint32_t id_ = new_connection_id();
  Instant last_received_{};
  Instant last_sent_{};
  Listener* listener_ = nullptr;

  const std::size_t calls_max_;
  std::vector<NbdCall*> outstanding_;
  std::uint64_t answers_ = 0;
  Event changed_;
  std::unique_ptr<Negotiation> negotiation_;
  std::unique_ptr<Parts> parts_;
};

/// What libnbd last complained of on this thread, without the names of its own functions.
std::string libnbd_words();

}  // namespace holdfast::initiator
