#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <string_view>

#include "common/base/result.h"
#include "common/runtime/completion.h"
#include "common/runtime/event.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "common/runtime/socket.h"
#include "common/runtime/task.h"
#include "common/runtime/timer.h"
#include "target/portal/echo_book.h"

namespace holdfast::target {

/// Sends the datagrams of those back who ask whether this process is there (`EchoDatagram`). What
/// comes faster than `EchoBook` allows waits in a small queue of the kernel's, which drops the rest.
class EchoServer final : private Completion, private Timer {
 public:
  /// A UDP socket on `place`, ADDR:PORT.
  static Result<Fd> listen_on(std::string_view place);

  EchoServer(Loop& loop, Fd fd);
  void start();
  /// Waits until the kernel has let go of its memory.
  Task<void> stop();
  const SocketAddress& address() const { return address_; }

 private:
  void receive();
  void complete(std::int32_t result, bool more) override;
  void expire() override;

  Loop& loop_;
  Fd fd_;
  const SocketAddress address_;
  EchoBook book_;
  std::array<std::byte, 2 * sizeof(EchoDatagram)> data_{};  // longer than any that is answered
  iovec vector_{};
  sockaddr_storage from_{};
  msghdr message_{};
  bool stopped_ = false;
  Event over_;
};

}  // namespace holdfast::target
