#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/event.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "common/runtime/scope.h"
#include "common/runtime/socket.h"
#include "common/runtime/task.h"
#include "initiator/device/path_witness.h"
#include "initiator/device/wire_use.h"
#include "initiator/tree/rpc_message.h"

namespace holdfast::initiator {

class ReconnectListener;

/// One remote call and its answer. Its owner keeps it where it is until `done` was called.
struct RpcCall {
  RpcCall() = default;
  RpcCall(const RpcCall&) = delete;
  RpcCall& operator=(const RpcCall&) = delete;

  /// The message: its head by `RpcConnection::begin`, then the arguments.
  std::vector<std::byte> message;
  /// An opaque that ends the message and is not copied into it; its length and padding are not part
  /// of `message` either. Not sent if it is empty.
  std::span<const std::byte> data;

  /// The answer: how it went, and the results within `reply`.
  Status status;
  std::vector<std::byte> reply;
  std::span<std::byte> results;

  /// Called once, from the loop and never from inside `submit`.
  void (*done)(RpcCall&) = nullptr;
  void* owner = nullptr;

  /// It was sent on a connection that broke, and once more on the next: it may have been carried out twice,
  /// and the first time may be still to come.
  bool sent_again() const { return sent_again_; }

 private:
  friend class RpcConnection;
  bool sent_again_ = false;
  std::uint32_t xid_ = 0;
  std::uint32_t procedure_ = 0;
  Instant sent_{};
  std::byte data_length_[4]{};
};

/// A TCP connection to one RPC program. What breaks the connection ends every call with the reason, and
/// every later one; unless `seek_again` was called: then the server is sought by our schedule, and what it
/// has not answered is sent once more under the same number, by which it can know it again. A call has no
/// deadline of its own.
class RpcConnection {
 public:
  struct Options {
    RpcProgram program;
    RpcCredential credential;
    std::uint32_t calls_max = 1;  // in flight at once; more wait for their turn
  };
  /// Connects, and makes sure that the program is served there.
  static Task<Result<std::unique_ptr<RpcConnection>>> connect(Loop& loop, SocketAddress address, Options options,
                                                              Instant deadline);
  /// `close` has finished by then.
  ~RpcConnection();
  RpcConnection(const RpcConnection&) = delete;
  RpcConnection& operator=(const RpcConnection&) = delete;

  /// From now on, for so long after each break. `listener` outlives the connection.
  void seek_again(Duration time, ReconnectListener* listener) {
    seek_for_ = time;
    listener_ = listener;
  }
  /// How often it broke and came back.
  std::uint32_t reconnects() const { return reconnects_; }

  bool failed() const { return failed_; }
  const Error& failure() const { return failure_; }
  const SocketAddress& address() const { return address_; }
  WireUse wire() const;
  void examine(ConnectionEvidence& into) const;
  std::optional<PeerDoor> door() const;

  /// Empties `call` and puts the head of its message.
  void begin(RpcCall& call, std::uint32_t procedure);
  /// Makes ready to send a call once more that was answered.
  void repeat(RpcCall& call);
  void submit(RpcCall& call);

  /// The coroutine's form of `submit`.
  class Performing {
   public:
    Performing(RpcConnection& connection, RpcCall& call) : connection_(connection), call_(call) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
      waiter_ = waiter;
      call_.owner = this;
      call_.done = [](RpcCall& call) {
        Loop::current().ready(static_cast<Performing*>(call.owner)->waiter_);
      };
      connection_.submit(call_);
    }
    void await_resume() const noexcept {}

   private:
    RpcConnection& connection_;
    RpcCall& call_;
    std::coroutine_handle<> waiter_;
  };
  Performing perform(RpcCall& call) { return Performing(*this, call); }

  /// Waits, but no longer than the connection lives.
  Task<void> pause(Duration time);

  /// Ends the connection; every call is done with `why` a little later.
  void fail(Error why);
  /// Lets go of the connection.
  Task<void> close();

 private:
  class Poll;
  class Flush;
  struct Parts;

  RpcConnection(Loop& loop, SocketAddress address, Options options);
  Status open_socket(std::uint16_t own_port);
  void broke(Error why);
  Task<void> seek();
  Task<Status> attempt(Duration limit);
  Task<void> let_go();
  void resume(int attempts);
  Task<Status> establish();
  Task<Status> greet();

  void send();
  bool send_some();
  void sent(std::size_t bytes);
  void receive();
  void consume(std::span<const std::byte> bytes);
  void begin_fragment();
  void end_fragment();
  void deliver();
  void polled(std::int32_t result, bool writable);
  void watch_socket();
  void finish(RpcCall& call, Status status);
  void answer_failed_calls();

  Loop& loop_;
  const SocketAddress address_;
  const Options options_;
  Fd socket_;
  bool connected_ = false;
  bool heard_ = false;  // something that looks like RPC came back
  bool failed_ = false;
  Error failure_;
  WireUse wire_before_;  // of sockets that are closed
  TcpState tcp_at_end_;
  std::uint32_t id_ = new_connection_id();
  Instant last_received_{};
  Instant last_sent_{};
  std::uint64_t calls_made_ = 0;
  std::uint32_t next_xid_;

  std::deque<RpcCall*> waiting_;  // for their turn
  std::deque<RpcCall*> sending_;
  std::size_t front_sent_ = 0;  // bytes of sending_.front()
  std::unordered_map<std::uint32_t, RpcCall*> sent_;
  std::vector<RpcCall*> given_up_;

  std::vector<std::byte> staging_;
  std::vector<std::byte> record_;
  std::size_t record_at_ = 0;  // of record_, filled
  std::byte mark_[record_mark_bytes]{};
  std::size_t mark_at_ = 0;
  bool in_fragment_ = false;
  bool last_fragment_ = false;

  // After a break.
  Duration seek_for_{};  // zero: it is not sought again
  ReconnectListener* listener_ = nullptr;
  bool seeking_ = false;
  bool attempt_over_ = false;
  int attempt_error_ = 0;
  Instant lost_at_{};
  Instant port_tried_for_{};
  std::size_t calls_sent_again_ = 0;
  std::uint32_t reconnects_ = 0;

  Event changed_;
  Event pauses_;
  Scope work_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace holdfast::initiator
