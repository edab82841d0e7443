#include "target/portal/socket_conversation.h"

#include <sys/socket.h>

#include "common/base/units.h"

namespace holdfast::target {

void SocketDeadline::expire() { ::shutdown(fd_, SHUT_RDWR); }

Task<bool> send_all(Loop& loop, int fd, const std::string& text, Duration time) {
  SocketDeadline deadline(loop, fd, time);
  std::size_t sent = 0;
  while (sent < text.size()) {
    iovec vector{const_cast<char*>(text.data()) + sent, text.size() - sent};
    msghdr message{};
    message.msg_iov = &vector;
    message.msg_iovlen = 1;
    const std::int32_t got = co_await loop.perform(Operation::sendmsg(fd, &message, MSG_NOSIGNAL));
    if (got <= 0) co_return false;
    sent += static_cast<std::size_t>(got);
  }
  co_return true;
}

Task<void> swallow(Loop& loop, int fd, Duration time) {
  SocketDeadline deadline(loop, fd, time);
  char piece[4096];
  for (std::size_t taken = 0; taken < MiB;) {
    const std::int32_t got = co_await loop.perform(Operation::recv(fd, piece, sizeof piece));
    if (got <= 0) co_return;
    taken += static_cast<std::size_t>(got);
  }
}

}  // namespace holdfast::target
