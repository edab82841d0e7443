#pragma once

#include <cstdint>

#include "common/base/clock.h"
#include "common/runtime/fd.h"
#include "common/runtime/socket.h"
#include "initiator/watch/evidence_sample.h"

namespace holdfast::initiator {

/// Sends datagrams to the port of holdfastd that sends them back, apart from every TCP connection. Never waits.
class EchoAsker {
 public:
  /// Where the datagrams go from now on.
  void aim(SocketAddress peer, std::uint16_t port);
  bool aimed() const { return static_cast<bool>(socket_); }
  void send();
  /// Takes in what came back.
  void listen(Instant now);
  const EchoCount& count() const { return count_; }

 private:
  void heard(std::uint64_t sequence, std::uint64_t received, Instant now);

  Fd socket_;
  std::uint64_t run_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t heard_sequence_ = 0;
  std::uint64_t heard_received_ = 0;
  EchoCount count_;
};

}  // namespace holdfast::initiator
