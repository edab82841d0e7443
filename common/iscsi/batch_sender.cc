#include "common/iscsi/batch_sender.h"

#include <cerrno>

#include "common/base/check.h"

namespace holdfast::iscsi {

BatchSender::BatchSender(Loop& loop, int fd, Digests digests, Owner& owner)
    : loop_(loop), fd_(fd), owner_(owner), batch_(digests) {
  stay_on(loop.thread());
}

void BatchSender::send() {
  const msghdr* message = batch_.message();
  CHECK(message != nullptr);
  loop_.submit(Operation::sendmsg(fd_, message, MSG_WAITALL | MSG_NOSIGNAL), *this);
}

void BatchSender::stop() {
  stopped_ = true;
  if (in_flight()) loop_.cancel(*this);
}

// MSG_WAITALL makes the kernel go on by itself where the socket has no room for all of it. A kernel
// that does not know that for sendmsg tells how far it came, and we ask again.
void BatchSender::complete(std::int32_t result, bool) {
  if (result <= 0) return owner_.batch_gone(result == 0 ? EPIPE : -result);
  bytes_sent_ += static_cast<std::uint64_t>(result);
  batch_.consumed(static_cast<std::size_t>(result));
  if (batch_.message() == nullptr) return owner_.batch_gone(0);
  if (stopped_) return owner_.batch_gone(ECANCELED);
  send();
}

}  // namespace holdfast::iscsi
