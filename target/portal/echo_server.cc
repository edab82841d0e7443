#include "target/portal/echo_server.h"

#include <cerrno>
#include <utility>

#include "target/portal/sockets.h"

namespace holdfast::target {
namespace {

/// Where a receive fails again and again, as it may for want of memory.
constexpr Duration retry_after = std::chrono::milliseconds(100);

/// What is there to be said back is said back now or not at all.
void send_back(int fd, EchoDatagram& datagram, const msghdr& asked) {
  iovec vector{&datagram, sizeof datagram};
  msghdr answer{};
  answer.msg_name = asked.msg_name;
  answer.msg_namelen = asked.msg_namelen;
  answer.msg_iov = &vector;
  answer.msg_iovlen = 1;
  // One that cannot be sent is as one that is lost on its way.
  [[maybe_unused]] const ssize_t sent = ::sendmsg(fd, &answer, MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace

Result<Fd> EchoServer::listen_on(std::string_view place) {
  Result<SocketAddress> address = parse_place(place);
  if (!address) return address.error();
  Fd fd(::socket(address->get()->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return Error::from_errno(errno, "open a UDP socket");
  // A few datagrams: what has waited long is of no use to who asked.
  const int buffer_bytes = 16 * 1024;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
  if (::bind(fd.get(), address->get(), address->bytes()) != 0)
    return Error::from_errno(errno, "listen on UDP " + address->to_string());
  return fd;
}

EchoServer::EchoServer(Loop& loop, Fd fd)
    : Timer(loop), loop_(loop), fd_(std::move(fd)), address_(local_address(fd_.get())), book_(loop.now()) {}

void EchoServer::start() { receive(); }

void EchoServer::receive() {
  if (const std::optional<Instant> later = book_.take_turn(loop_.now())) {
    arm(*later);
    return;
  }
  vector_ = {data_.data(), data_.size()};
  message_ = {};
  message_.msg_name = &from_;
  message_.msg_namelen = sizeof from_;
  message_.msg_iov = &vector_;
  message_.msg_iovlen = 1;
  loop_.submit(Operation::recvmsg(fd_.get(), &message_), *this);
}

void EchoServer::complete(std::int32_t result, bool) {
  if (stopped_) {
    over_.set();
    return;
  }
  if (result < 0) {
    arm(loop_.now() + retry_after);
    return;
  }
  std::optional<EchoDatagram> answer = book_.answer(std::span(data_).first(static_cast<std::size_t>(result)));
  if (answer) send_back(fd_.get(), *answer, message_);
  receive();
}

void EchoServer::expire() { receive(); }

Task<void> EchoServer::stop() {
  stopped_ = true;
  disarm();
  if (in_flight()) {
    loop_.cancel(*this);
    co_await over_.wait();
  }
}

}  // namespace holdfast::target
