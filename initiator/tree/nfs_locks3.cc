#include "initiator/tree/nfs_locks3.h"

#include <fmt/format.h>
#include <nfsc/libnfs-raw-nlm.h>
#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "common/base/check.h"
#include "initiator/tree/portmap.h"
#include "initiator/tree/xdr.h"

namespace holdfast::initiator {
namespace {

constexpr Duration connect_deadline = std::chrono::seconds(10);
constexpr std::size_t arguments_room = 2048;
constexpr std::uint32_t calls_max = 64;

/// The lock in the name of this process. Points into everything.
nlm4_lock lock_of(const NfsHandle& file, const NfsRange& range, std::string& machine, std::string& owner) {
  nlm4_lock lock{};
  lock.caller_name = machine.data();
  lock.fh.data.data_len = static_cast<u_int>(file.size());
  lock.fh.data.data_val = const_cast<char*>(file.data());
  lock.oh = owner.data();
  lock.svid = static_cast<u_int>(::getpid());
  lock.l_offset = range.offset;
  lock.l_len = range.bytes;
  return lock;
}

std::string owner_name(const std::string& machine) { return fmt::format("{}@{}", ::getpid(), machine); }

Error lock_error(const char* verb, nlmstat4 status) {
  const char* hint = status == NLM4_DENIED_NOLOCKS ? ": does the server run rpc.statd?" : "";
  return Error{ErrorKind::refused, ENOLCK,
               fmt::format("{}: the server's lock manager said {}{}", verb, nlmstat4_to_str(status), hint)};
}

}  // namespace

WireUse NfsLocks3::wire() const {
  WireUse use = wire_before_;
  if (connection_ != nullptr) use += connection_->wire();
  return use;
}

void NfsLocks3::fail(const Error& why) {
  ended_ = true;
  if (connection_ != nullptr) connection_->fail(why);
}

Task<void> NfsLocks3::close() {
  ended_ = true;
  if (connection_ == nullptr) co_return;
  co_await connection_->close();
}

Task<Status> NfsLocks3::connect() {
  while (connecting_) {
    connected_.reset();
    co_await connected_.wait();
  }
  if (ended_) co_return Error{ErrorKind::cancelled, ECANCELED, "lock: the session is over"};
  if (connection_ != nullptr) co_return connection_->failed() ? Status(connection_->failure()) : Status();
  connecting_ = true;
  Status done = co_await connect_now();
  connecting_ = false;
  connected_.set();
  co_return done;
}

Task<Status> NfsLocks3::connect_now() {
  const Instant deadline = clock_now() + connect_deadline;
  const Result<std::uint16_t> port = co_await find_port(loop_, host_, lock_program, deadline, wire_before_);
  if (!port) co_return Error{ErrorKind::refused, ENOLCK, "lock: " + port.error().message};
  const Result<SocketAddress> address = SocketAddress::parse(host_.host(), *port);
  CHECK(address.ok());
  RpcConnection::Options options{
      .program = lock_program, .credential = RpcCredential::own(), .calls_max = calls_max};
  Result<std::unique_ptr<RpcConnection>> connected =
      co_await RpcConnection::connect(loop_, *address, options, deadline);
  if (!connected) co_return Error{ErrorKind::refused, ENOLCK, "lock: " + connected.error().message};
  connection_ = std::move(connected).value();
  if (ended_) connection_->fail(Error{ErrorKind::cancelled, ECANCELED, "the session is over"});
  co_return Status();
}

Task<Result<bool>> NfsLocks3::lock(const NfsHandle& file, const NfsRange& range, bool exclusive) {
  Status ready = co_await connect();
  if (!ready) co_return ready.error();
  RpcCall call;
  connection_->begin(call, NLM4_LOCK);
  std::string machine = RpcCredential::own().machine;
  std::string owner = owner_name(machine);
  NLM4_LOCKargs arguments{};
  arguments.exclusive = exclusive ? 1 : 0;
  arguments.lock = lock_of(file, range, machine, owner);
  CHECK(append_xdr(call.message, zdr_NLM4_LOCKargs, arguments, arguments_room));
  co_await connection_->perform(call);
  if (!call.status) co_return call.status.error();
  const Decoded<NLM4_LOCKres> result(call.results, zdr_NLM4_LOCKres);
  if (!result.ok()) co_return undecodable("lock");
  if (result->status == NLM4_GRANTED) co_return true;
  const bool later = result->status == NLM4_DENIED || result->status == NLM4_DENIED_GRACE_PERIOD;
  if (later) co_return false;
  co_return lock_error("lock", result->status);
}

Task<Status> NfsLocks3::unlock(const NfsHandle& file, const NfsRange& range) {
  Status ready = co_await connect();
  if (!ready) co_return ready;
  RpcCall call;
  connection_->begin(call, NLM4_UNLOCK);
  std::string machine = RpcCredential::own().machine;
  std::string owner = owner_name(machine);
  NLM4_UNLOCKargs arguments{};
  arguments.lock = lock_of(file, range, machine, owner);
  CHECK(append_xdr(call.message, zdr_NLM4_UNLOCKargs, arguments, arguments_room));
  co_await connection_->perform(call);
  if (!call.status) co_return call.status;
  const Decoded<NLM4_UNLOCKres> result(call.results, zdr_NLM4_UNLOCKres);
  if (!result.ok()) co_return undecodable("unlock");
  if (result->status != NLM4_GRANTED) co_return lock_error("unlock", result->status);
  co_return Status();
}

}  // namespace holdfast::initiator
