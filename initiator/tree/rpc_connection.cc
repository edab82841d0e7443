#include "initiator/tree/rpc_connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/base/check.h"
#include "common/base/endian.h"
#include "common/base/units.h"
#include "initiator/device/deadline.h"
#include "initiator/tree/rpc_connection_parts.h"
#include "initiator/tree/rpc_deadline.h"

namespace holdfast::initiator {
namespace {

constexpr std::size_t staging_bytes = 64 * KiB;
constexpr std::size_t reply_bytes_max = 2 * MiB;
constexpr std::size_t vectors_max = 48;
constexpr int receptions_a_turn = 16;
constexpr std::uint32_t null_procedure = 0;
constexpr std::byte zeros[4]{};

/// Many servers believe only root, who alone may use these ports, when it says who its users are.
constexpr std::uint16_t reserved_port_first = 665, reserved_port_last = 1023;

bool bind_to(int fd, const SocketAddress& peer, std::uint16_t port) {
  const Result<SocketAddress> own = SocketAddress::parse(peer.is_ipv6() ? "::" : "0.0.0.0", port);
  return ::bind(fd, own->get(), own->bytes()) == 0;
}

/// Servers that remember what they have answered may know us by our port as well.
bool bind_same_port(int fd, const SocketAddress& peer, std::uint16_t port) {
  const int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  return port != 0 && bind_to(fd, peer, port);
}

void bind_reserved_port(int fd, const SocketAddress& peer, std::uint32_t seed) {
  if (::geteuid() != 0) return;
  constexpr std::uint32_t ports = reserved_port_last - reserved_port_first + 1;
  for (std::uint32_t i = 0; i < ports; ++i) {
    const auto port = static_cast<std::uint16_t>(reserved_port_first + (seed + i) % ports);
    if (bind_to(fd, peer, port)) return;
    if (errno != EADDRINUSE) return;
  }
}

std::size_t padding(std::size_t bytes) { return (4 - bytes % 4) % 4; }

std::size_t size_on_wire(const RpcCall& call) {
  if (call.data.empty()) return call.message.size();
  return call.message.size() + 4 + call.data.size() + padding(call.data.size());
}

iovec vector_of(std::span<const std::byte> bytes) {
  return {const_cast<std::byte*>(bytes.data()), bytes.size()};
}

}  // namespace

RpcConnection::RpcConnection(Loop& loop, SocketAddress address, Options options)
    : loop_(loop),
      address_(address),
      options_(std::move(options)),
      staging_(staging_bytes),
      parts_(std::make_unique<Parts>(*this)) {
  // Two connections of a process must not count alike: servers know a repeated call by its number.
  if (::getrandom(&next_xid_, sizeof next_xid_, 0) != sizeof next_xid_) next_xid_ = 1;
}

RpcConnection::~RpcConnection() { CHECK(failed_ && parts_->idle() && given_up_.empty()); }

Task<Result<std::unique_ptr<RpcConnection>>> RpcConnection::connect(Loop& loop, SocketAddress address,
                                                                    Options options, Instant deadline) {
  std::unique_ptr<RpcConnection> connection(new RpcConnection(loop, address, std::move(options)));
  Status ready = connection->open_socket(0);
  if (ready) {
    RpcDeadline limit(loop, *connection, deadline);
    Status established = co_await connection->establish();
    ready = std::move(established);
    if (ready) {
      Status greeted = co_await connection->greet();
      ready = std::move(greeted);
    }
  }
  if (ready) co_return connection;
  co_await connection->close();
  Error error = ready.error();
  error.message =
      fmt::format("connect to {} at {}: {}", connection->options_.program.name, address.to_string(), error.message);
  co_return error;
}

/// Begins to connect, from `own_port` if there is one and it is free.
Status RpcConnection::open_socket(std::uint16_t own_port) {
  Result<Fd> opened = open_tcp(address_);
  if (!opened) return opened.error();
  socket_ = std::move(opened).value();
  const int fd = socket_.get();
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  set_no_delay(fd);
  set_keep_alive(fd);
  if (own_port == 0 || !bind_same_port(fd, address_, own_port)) bind_reserved_port(fd, address_, next_xid_);
  if (::connect(fd, address_.get(), address_.bytes()) == 0 || errno == EINPROGRESS) return {};
  return Error{ErrorKind::system, errno, std::generic_category().message(errno)};
}

Task<Status> RpcConnection::establish() {
  loop_.submit(Operation::poll(socket_.get(), POLLOUT), parts_->writer);
  while (!connected_ && !failed_) {
    changed_.reset();
    co_await changed_.wait();
  }
  if (failed_) co_return failure_;
  watch_socket();
  co_return Status();
}

Task<Status> RpcConnection::greet() {
  RpcCall call;
  begin(call, null_procedure);
  co_await perform(call);
  if (failed_) co_return failure_;
  co_return call.status;
}

WireUse RpcConnection::wire() const {
  WireUse use = wire_before_;
  if (!failed_ && !seeking_) use += bytes_of_socket(socket_.get());
  use.requests = calls_made_;
  return use;
}

void RpcConnection::examine(ConnectionEvidence& into) const {
  into.id = id_;
  into.failed = failed_ || seeking_;
  into.failure = into.failed ? failure_.code : 0;
  into.tcp = into.failed ? tcp_at_end_ : tcp_state(socket_.get());
  into.last_received = last_received_;
  into.last_sent = last_sent_;
  into.owed = static_cast<std::uint32_t>(sent_.size() + sending_.size());
  into.waiting = static_cast<std::uint32_t>(waiting_.size() + sending_.size());
  const RpcCall* oldest = sending_.empty() ? nullptr : sending_.front();
  for (const auto& [xid, call] : sent_)
    if (oldest == nullptr || call->sent_ < oldest->sent_) oldest = call;
  if (oldest == nullptr) return;
  OwedRequest& owed = into.oldest.emplace();
  owed.tag = oldest->xid_;
  owed.sent = oldest->sent_;
  owed.bytes = oldest->data.size();
  owed.code = oldest->procedure_;
}

std::optional<PeerDoor> RpcConnection::door() const {
  if (failed_ || seeking_) return std::nullopt;
  PeerDoor door;
  door.local = local_address(socket_.get());
  door.peer = peer_address(socket_.get());
  append_call(door.hello, 1, options_.program, null_procedure, options_.credential);
  const be32 mark = last_fragment | static_cast<std::uint32_t>(door.hello.size() - record_mark_bytes);
  std::memcpy(door.hello.data(), &mark, sizeof mark);
  return door;
}

void RpcConnection::begin(RpcCall& call, std::uint32_t procedure) {
  call.message.clear();
  call.data = {};
  call.results = {};
  call.status = Status();
  call.sent_again_ = false;
  call.xid_ = next_xid_++;
  call.procedure_ = procedure;
  append_call(call.message, call.xid_, options_.program, procedure, options_.credential);
}

void RpcConnection::repeat(RpcCall& call) {
  call.xid_ = next_xid_++;
  const be32 xid = call.xid_;
  std::memcpy(call.message.data() + record_mark_bytes, &xid, sizeof xid);
  call.results = {};
  call.status = Status();
  call.sent_again_ = false;
}

void RpcConnection::submit(RpcCall& call) {
  if (!parts_->flush.queued()) loop_.at_turn_end(parts_->flush);
  if (failed_) {
    call.status = failure_;
    given_up_.push_back(&call);
    return;
  }
  const be32 length = static_cast<std::uint32_t>(call.data.size());
  std::memcpy(call.data_length_, &length, sizeof length);
  const be32 mark = last_fragment | static_cast<std::uint32_t>(size_on_wire(call) - record_mark_bytes);
  std::memcpy(call.message.data(), &mark, sizeof mark);
  waiting_.push_back(&call);
}

void RpcConnection::send() {
  if (!connected_) return;
  while (!waiting_.empty() && sending_.size() + sent_.size() < options_.calls_max) {
    sending_.push_back(waiting_.front());
    waiting_.pop_front();
    last_sent_ = sending_.back()->sent_ = loop_.now();
    ++calls_made_;
  }
  while (connected_ && !failed_ && !sending_.empty())
    if (!send_some()) break;
  watch_socket();
}

/// One gathered send of as many calls as a system call takes. False if the socket is full.
bool RpcConnection::send_some() {
  std::array<iovec, vectors_max> vectors;
  std::size_t count = 0;
  for (const RpcCall* call : sending_) {
    if (count + 4 > vectors_max) break;
    vectors[count++] = vector_of(call->message);
    if (call->data.empty()) continue;
    vectors[count++] = vector_of(call->data_length_);
    vectors[count++] = vector_of(call->data);
    vectors[count++] = vector_of(std::span(zeros).first(padding(call->data.size())));
  }
  std::size_t skip = front_sent_;
  std::size_t first = 0;
  for (; skip >= vectors[first].iov_len; ++first) skip -= vectors[first].iov_len;
  vectors[first].iov_base = static_cast<std::byte*>(vectors[first].iov_base) + skip;
  vectors[first].iov_len -= skip;

  msghdr message{};
  message.msg_iov = vectors.data() + first;
  message.msg_iovlen = count - first;
  const ssize_t got = ::sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (got < 0) {
    if (errno == EINTR) return true;
    if (errno != EAGAIN && errno != EWOULDBLOCK)
      broke(Error{ErrorKind::peer_closed, errno, "send to the server: " + std::generic_category().message(errno)});
    return false;
  }
  sent(static_cast<std::size_t>(got));
  return true;
}

void RpcConnection::sent(std::size_t bytes) {
  front_sent_ += bytes;
  while (!sending_.empty() && front_sent_ >= size_on_wire(*sending_.front())) {
    RpcCall* call = sending_.front();
    sending_.pop_front();
    front_sent_ -= size_on_wire(*call);
    sent_.emplace(call->xid_, call);
  }
}

void RpcConnection::watch_socket() {
  if (failed_ || seeking_) return;
  if (!parts_->reader.in_flight()) loop_.submit(Operation::poll(socket_.get(), POLLIN | POLLRDHUP), parts_->reader);
  if (!sending_.empty() && !parts_->writer.in_flight())
    loop_.submit(Operation::poll(socket_.get(), POLLOUT), parts_->writer);
}

void RpcConnection::polled(std::int32_t result, bool writable) {
  changed_.set();
  if (failed_) return;
  if (seeking_) {
    int error = 0;
    socklen_t bytes = sizeof error;
    if (writable && result >= 0) ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &bytes);
    attempt_error_ = result < 0 ? -result : error;
    attempt_over_ = true;
    return;
  }
  if (result < 0) return broke(Error::from_errno(-result, "poll the connection"));
  if (writable) {
    if (!connected_) {
      int error = 0;
      socklen_t bytes = sizeof error;
      ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &bytes);
      if (error != 0) return fail(Error{ErrorKind::system, error, std::generic_category().message(error)});
      connected_ = true;
    }
    send();
    return;
  }
  receive();
  watch_socket();
}

void RpcConnection::receive() {
  for (int round = 0; round < receptions_a_turn && !failed_ && !seeking_; ++round) {
    const std::size_t missing = record_.size() - record_at_;
    iovec vectors[2] = {{record_.data() + record_at_, missing}, {staging_.data(), staging_.size()}};
    msghdr message{};
    message.msg_iov = missing == 0 ? vectors + 1 : vectors;
    message.msg_iovlen = missing == 0 ? 1 : 2;
    const ssize_t got = ::recvmsg(socket_.get(), &message, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (got < 0)
      return broke(Error{ErrorKind::peer_closed, errno,
                         "the connection broke: " + std::generic_category().message(errno)});
    if (got == 0)
      return broke(Error{ErrorKind::peer_closed, ECONNRESET,
                         heard_ ? "the server closed the connection"
                                : "it closed the connection without an answer: is this the right port?"});
    const auto bytes = static_cast<std::size_t>(got);
    last_received_ = loop_.now();
    const std::size_t direct = std::min(bytes, missing);
    record_at_ += direct;
    if (in_fragment_ && record_at_ == record_.size()) end_fragment();
    if (!failed_) consume(std::span(staging_).first(bytes - direct));
    if (bytes < missing + staging_.size()) return;
  }
}

void RpcConnection::consume(std::span<const std::byte> bytes) {
  while (!bytes.empty() && !failed_) {
    const bool at_mark = !in_fragment_;
    std::byte* to = at_mark ? mark_ + mark_at_ : record_.data() + record_at_;
    const std::size_t room = at_mark ? record_mark_bytes - mark_at_ : record_.size() - record_at_;
    const std::size_t part = std::min(room, bytes.size());
    std::memcpy(to, bytes.data(), part);
    bytes = bytes.subspan(part);
    (at_mark ? mark_at_ : record_at_) += part;
    if (part < room) return;
    if (at_mark)
      begin_fragment();
    else
      end_fragment();
  }
}

void RpcConnection::begin_fragment() {
  be32 mark;
  std::memcpy(&mark, mark_, sizeof mark);
  mark_at_ = 0;
  last_fragment_ = (mark & last_fragment) != 0;
  const std::size_t bytes = mark & ~last_fragment;
  if (record_.size() + bytes > reply_bytes_max)
    return fail(Error{ErrorKind::protocol, EPROTO,
                      heard_ ? fmt::format("the server sent a message of {} bytes, which is too much", bytes)
                             : "what answers there does not speak RPC: is this the right port?"});
  record_.resize(record_.size() + bytes);
  in_fragment_ = true;
  if (bytes == 0) end_fragment();
}

void RpcConnection::end_fragment() {
  in_fragment_ = false;
  if (last_fragment_) deliver();
}

void RpcConnection::deliver() {
  const Result<std::uint32_t> xid = reply_xid(record_);
  if (!xid) return fail(xid.error());
  heard_ = true;
  const auto found = sent_.find(*xid);
  if (found == sent_.end())
    return fail(Error{ErrorKind::protocol, EPROTO, "the server answered a call that we have not made"});
  RpcCall& call = *found->second;
  sent_.erase(found);
  call.reply = std::exchange(record_, std::move(call.reply));
  record_.clear();
  record_at_ = 0;
  const Result<std::span<std::byte>> results = reply_results(call.reply);
  if (results) call.results = *results;
  if (!waiting_.empty() && !parts_->flush.queued()) loop_.at_turn_end(parts_->flush);
  finish(call, results ? Status() : Status(results.error()));
}

void RpcConnection::finish(RpcCall& call, Status status) {
  call.status = std::move(status);
  call.done(call);
}

void RpcConnection::fail(Error why) {
  if (failed_) return;
  if (!seeking_) {
    wire_before_ = wire();
    tcp_at_end_ = tcp_state(socket_.get());
  }
  failed_ = true;
  connected_ = false;
  failure_ = std::move(why);
  loop_.cancel(parts_->reader);
  loop_.cancel(parts_->writer);
  ::shutdown(socket_.get(), SHUT_RDWR);
  for (RpcCall* call : waiting_) given_up_.push_back(call);
  for (RpcCall* call : sending_) given_up_.push_back(call);
  for (const auto& [xid, call] : sent_) given_up_.push_back(call);
  waiting_.clear();
  sending_.clear();
  sent_.clear();
  for (RpcCall* call : given_up_) call->status = failure_;
  if (!parts_->flush.queued()) loop_.at_turn_end(parts_->flush);
  changed_.set();
  pauses_.set();
}

void RpcConnection::answer_failed_calls() {
  std::vector<RpcCall*> calls;
  calls.swap(given_up_);
  for (RpcCall* call : calls) call->done(*call);
}

Task<void> RpcConnection::pause(Duration time) {
  Deadline over(loop_, pauses_, clock_now() + time);
  while (!failed_ && !over.passed()) {
    pauses_.reset();
    co_await pauses_.wait();
  }
}

Task<void> RpcConnection::close() {
  fail(Error{ErrorKind::cancelled, ECANCELED, "the connection was closed"});
  while (!parts_->idle()) {
    changed_.reset();
    co_await changed_.wait();
  }
  co_await work_.join();
  socket_.reset();
}

}  // namespace holdfast::initiator
