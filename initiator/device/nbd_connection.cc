#include "initiator/device/nbd_connection.h"

#include <fmt/format.h>
#include <libnbd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "initiator/device/deadline.h"
#include "initiator/device/nbd_connection_parts.h"

namespace holdfast::initiator {
namespace {

// One turn of the loop hands at most so many answers out before it looks at anything else.
constexpr int answers_a_turn_max = 256;

// The commands' numbers in the protocol.
constexpr std::uint16_t command_read = 0, command_write = 1, command_flush = 3, command_trim = 4;

}  // namespace

NbdConnection::NbdConnection(Loop& loop, std::string portal, std::size_t calls_max)
    : loop_(loop),
      portal_(std::move(portal)),
      calls_max_(calls_max),
      negotiation_(std::make_unique<Negotiation>()),
      parts_(std::make_unique<Parts>(*this)) {
  outstanding_.reserve(calls_max);
}

NbdConnection::~NbdConnection() { CHECK(failed() && parts_->idle()); }

WireUse NbdConnection::wire() const { return failed() ? wire_at_end_ : bytes_of_socket(socket_.get()); }

std::string libnbd_words() {
  const char* said = nbd_get_error();
  std::string words = said == nullptr ? "" : said;
  // "nbd_aio_notify_read: recv: Connection reset by peer"
  if (words.starts_with("nbd_")) words.erase(0, std::min(words.find(": "), words.size() - 2) + 2);
  if (words.starts_with("handshake: ")) words.erase(0, 11);
  return words.empty() ? "libnbd does not say why" : words;
}

int NbdConnection::answered(void* data, int* error) {
  auto& call = *static_cast<NbdCall*>(data);
  call.connection_->retire(call, *error);
  return 1;  // libnbd is to forget the command
}

void NbdConnection::examine(ConnectionEvidence& into) const {
  into.id = id_;
  into.failed = failed();
  into.failure = failure_.code;
  into.tcp = failed() ? tcp_at_end_ : tcp_state(socket_.get());
  into.last_received = last_received_;
  into.last_sent = last_sent_;
  into.owed = static_cast<std::uint32_t>(outstanding_.size());
  const auto oldest = std::min_element(outstanding_.begin(), outstanding_.end(),
                                       [](const NbdCall* a, const NbdCall* b) { return a->sent_ < b->sent_; });
  if (oldest == outstanding_.end()) return;
  OwedRequest& owed = into.oldest.emplace();
  owed.tag = static_cast<std::uint64_t>((*oldest)->handle_);
  owed.sent = (*oldest)->sent_;
  owed.offset = (*oldest)->offset_;
  owed.bytes = (*oldest)->bytes_;
  owed.code = (*oldest)->command_;
}

std::optional<PeerDoor> NbdConnection::door() const {
  if (failed() || !tcp_state(socket_.get()).known) return std::nullopt;
  PeerDoor door;
  door.local = local_address(socket_.get());
  door.peer = peer_address(socket_.get());
  return door;
}

void NbdConnection::prepare(NbdCall& call, std::uint16_t command, std::uint64_t bytes, std::uint64_t offset) {
  CHECK(outstanding_.size() < calls_max_);
  last_sent_ = call.sent_ = loop_.now();
  call.command_ = command;
  call.bytes_ = bytes;
  call.offset_ = offset;
  call.connection_ = this;
  call.error = 0;
  call.place_ = outstanding_.size();
  outstanding_.push_back(&call);
}

void NbdConnection::take_off(NbdCall& call) {
  CHECK(outstanding_[call.place_] == &call);
  outstanding_[call.place_] = outstanding_.back();
  outstanding_[call.place_]->place_ = call.place_;
  outstanding_.pop_back();
}

void NbdConnection::retire(NbdCall& call, int error) {
  take_off(call);
  ++answers_;
  call.error = error;
  parts_->delivery.push(call);
}

/// libnbd has taken the request, or refuses it. Sending it may have met the connection's end.
Status NbdConnection::started(NbdCall& call, std::int64_t cookie) {
  if (cookie >= 0) {
    call.handle_ = cookie;
    judge_and_watch();
    return {};
  }
  const int code = nbd_get_errno();
  take_off(call);
  return Error{ErrorKind::system, code == 0 ? EIO : code, libnbd_words()};
}

Status NbdConnection::read(NbdCall& call, void* memory, std::size_t bytes, std::uint64_t offset) {
  prepare(call, command_read, bytes, offset);
  const nbd_completion_callback done{&NbdConnection::answered, &call, nullptr};
  return started(call, nbd_aio_pread(handle_, memory, bytes, offset, done, 0));
}

Status NbdConnection::write(NbdCall& call, const void* memory, std::size_t bytes, std::uint64_t offset,
                            bool durable) {
  prepare(call, command_write, bytes, offset);
  const nbd_completion_callback done{&NbdConnection::answered, &call, nullptr};
  const std::uint32_t flags = durable ? LIBNBD_CMD_FLAG_FUA : 0;
  return started(call, nbd_aio_pwrite(handle_, memory, bytes, offset, done, flags));
}

Status NbdConnection::flush(NbdCall& call) {
  prepare(call, command_flush, 0, 0);
  const nbd_completion_callback done{&NbdConnection::answered, &call, nullptr};
  return started(call, nbd_aio_flush(handle_, done, 0));
}

Status NbdConnection::trim(NbdCall& call, std::uint64_t bytes, std::uint64_t offset) {
  prepare(call, command_trim, bytes, offset);
  const nbd_completion_callback done{&NbdConnection::answered, &call, nullptr};
  return started(call, nbd_aio_trim(handle_, bytes, offset, done, 0));
}

void NbdConnection::watch_socket() {
  if (failed()) return;
  const int fd = socket_ ? socket_.get() : nbd_aio_get_fd(handle_);
  if (fd < 0) return;
  const unsigned direction = nbd_aio_get_direction(handle_);
  if ((direction & LIBNBD_AIO_DIRECTION_READ) != 0 && !parts_->reader.in_flight())
    loop_.submit(Operation::poll(fd, POLLIN), parts_->reader);
  if ((direction & LIBNBD_AIO_DIRECTION_WRITE) != 0 && !parts_->writer.in_flight())
    loop_.submit(Operation::poll(fd, POLLOUT), parts_->writer);
}

/// After a call of libnbd's that may have sent something, or met the end.
void NbdConnection::judge_and_watch() {
  if (!failed()) judge();
  watch_socket();
}

void NbdConnection::polled(std::int32_t result) {
  changed_.set();
  if (failed()) return;
  if ((result & POLLIN) != 0) last_received_ = loop_.now();
  if (result < 0) return fail(Error::from_errno(-result, "poll the connection"));
  // libnbd meets a broken connection by itself, whichever way it looks.
  const bool broken = (result & (POLLERR | POLLHUP)) != 0;
  const int events = broken ? POLLIN | POLLOUT : result & (POLLIN | POLLOUT);
  if ((events & POLLIN) != 0 && !greeted_ && is_connected()) {
    if (Status heard = hear_greeting(); !heard) return fail(heard.error());
  }
  service(events);
  watch_socket();
}

void NbdConnection::service(int events) {
  for (int i = 0; i < answers_a_turn_max && !failed(); ++i) {
    const std::uint64_t before = answers_;
    const unsigned direction = nbd_aio_get_direction(handle_);
    // The libnbd call for one direction may make the other's wrong, so it is one of them at a time.
    if ((events & POLLIN) != 0 && (direction & LIBNBD_AIO_DIRECTION_READ) != 0)
      nbd_aio_notify_read(handle_);
    else if ((events & POLLOUT) != 0 && (direction & LIBNBD_AIO_DIRECTION_WRITE) != 0)
      nbd_aio_notify_write(handle_);
    else
      return;
    judge();
    // libnbd is off the stack. What follows on an answer is sent now and not after the last one, so
    // that the server has work while the rest is read.
    if (answers_ != before) parts_->delivery.hand_out();
    // It reads one answer at a time, and the next may be there already. It must not look for one in
    // vain: libnbd 1.14 then sends nothing until something comes.
    if (failed() || answers_ == before || !has_more_to_read()) return;
  }
}

bool NbdConnection::has_more_to_read() const {
  int waiting = 0;
  return socket_ && ::ioctl(socket_.get(), FIONREAD, &waiting) == 0 && waiting > 0;
}

/// Whether libnbd has come to the end of the connection, and why.
void NbdConnection::judge() {
  const bool dead = nbd_aio_is_dead(handle_) == 1;
  if (!dead && nbd_aio_is_closed(handle_) != 1) {
    // libnbd may have read the greeting in the very call that connects.
    greeted_ = greeted_ || (is_connected() && !is_before_greeting());
    return;
  }
  const int code = dead ? nbd_get_errno() : 0;
  std::byte next{};
  const bool ended = socket_ && ::recv(socket_.get(), &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
  if (!dead || (ended && code == 0))
    return fail(Error{ErrorKind::peer_closed, ECONNRESET, "the server closed the connection"});
  if (code == 0) return fail(Error{ErrorKind::protocol, EPROTO, libnbd_words()});
  fail(Error{ErrorKind::system, code, libnbd_words()});
}

void NbdConnection::fail(Error why) {
  if (failed()) return;
  wire_at_end_ = wire();
  tcp_at_end_ = tcp_state(socket_.get());
  failure_ = std::move(why);
  loop_.cancel(parts_->reader);
  loop_.cancel(parts_->writer);
  // The other end is told now, although the socket stays open until the polls have let go of it.
  if (socket_) ::shutdown(socket_.get(), SHUT_RDWR);
  nbd_close(std::exchange(handle_, nullptr));
  while (!outstanding_.empty()) retire(*outstanding_.back(), ENOTCONN);
  parts_->delivery.wake();
  changed_.set();
}

Task<void> NbdConnection::close(Duration deadline) {
  if (!failed() && open_ && deadline > Duration(0) && nbd_aio_disconnect(handle_, 0) == 0) {
    judge_and_watch();
    Deadline limit(loop_, changed_, clock_now() + deadline);
    while (!failed() && !limit.passed()) {
      changed_.reset();
      co_await changed_.wait();
    }
  }
  fail(Error{ErrorKind::cancelled, ECANCELED, "the connection was closed"});
  while (!parts_->idle()) {
    changed_.reset();
    co_await changed_.wait();
  }
  socket_.reset();
}

void NbdConnection::Poll::complete(std::int32_t result, bool) { connection_.polled(result); }

void NbdConnection::Delivery::push(NbdCall& call) {
  call.next_ = nullptr;
  *tail_ = &call;
  tail_ = &call.next_;
  wake();
}

void NbdConnection::Delivery::wake() {
  if (!queued()) connection_.loop_.defer(*this);
}

void NbdConnection::Delivery::run() { hand_out(); }

void NbdConnection::Delivery::hand_out() {
  NbdCall* call = std::exchange(head_, nullptr);
  tail_ = &head_;
  connection_.changed_.set();
  // The device is told first, so that whoever hears of an error finds the reason.
  if (connection_.failed() && !std::exchange(told_, true) && connection_.listener_ != nullptr)
    connection_.listener_->connection_failed(connection_);
  while (call != nullptr) {
    NbdCall* next = call->next_;
    // What libnbd or we gave up has the connection's error; no server can answer with this one.
    if (call->error == ENOTCONN && connection_.failed()) call->error = connection_.failure_.code;
    call->done(*call);
    call = next;
  }
}

}  // namespace holdfast::initiator
