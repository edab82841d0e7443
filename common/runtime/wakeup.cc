#include "common/runtime/wakeup.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

namespace holdfast {

Result<Wakeup> Wakeup::open() {
  Fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fd) return Error::from_errno(errno, "open an event descriptor");
  return Wakeup(std::move(fd));
}

void Wakeup::notify() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(fd_.get(), &one, sizeof one);
}

Task<void> Wakeup::wait() {
  std::uint64_t count = 0;
  while (::read(fd_.get(), &count, sizeof count) != sizeof count)
    co_await Loop::current().perform(Operation::poll(fd_.get(), POLLIN));
}

}  // namespace holdfast
