#include "initiator/watch/echo_asker.h"

#include <sys/random.h>
#include <sys/socket.h>

#include <cstring>

#include "common/base/echo_datagram.h"

namespace holdfast::initiator {

void EchoAsker::aim(SocketAddress peer, std::uint16_t port) {
  const Result<SocketAddress> to = SocketAddress::parse(peer.host(), port);
  if (!to) return;
  socket_ = Fd(::socket(to->get()->sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket_ && ::connect(socket_.get(), to->get(), to->bytes()) != 0) socket_.reset();
  if (::getrandom(&run_, sizeof run_, 0) != sizeof run_) run_ = 1;
  sequence_ = heard_sequence_ = heard_received_ = 0;
}

void EchoAsker::send() {
  if (!socket_) return;
  EchoDatagram datagram;
  datagram.run = run_;
  datagram.sequence = ++sequence_;
  // One that cannot be sent is as one that is lost.
  const ssize_t sent = ::send(socket_.get(), &datagram, sizeof datagram, MSG_NOSIGNAL);
  static_cast<void>(sent);
  ++count_.sent;
}

void EchoAsker::listen(Instant now) {
  constexpr int datagrams_max = 64;
  for (int i = 0; socket_ && i < datagrams_max; ++i) {
    EchoDatagram datagram;
    const ssize_t got = ::recv(socket_.get(), &datagram, sizeof datagram, 0);
    if (got < 0) return;
    const bool ours = got == sizeof datagram && datagram.magic == EchoDatagram::magic_value && datagram.run == run_;
    if (ours && datagram.sequence <= sequence_) heard(datagram.sequence, datagram.received, now);
  }
}

void EchoAsker::heard(std::uint64_t sequence, std::uint64_t received, Instant now) {
  ++count_.answered;
  if (sequence <= heard_sequence_) return;
  const std::uint64_t missing = sequence - heard_sequence_ - 1;
  if (missing > 1 && heard_sequence_ > 0 && received > heard_received_) {
    count_.unanswered = static_cast<std::uint32_t>(missing);
    count_.unanswered_received = static_cast<std::uint32_t>(received - heard_received_ - 1);
    count_.answered_again = now;
  }
  heard_sequence_ = sequence;
  heard_received_ = received;
}

}  // namespace holdfast::initiator
