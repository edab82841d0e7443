#include "common/runtime/signals.h"

#include <poll.h>
#include <sys/signalfd.h>

#include <cerrno>
#include <csignal>
#include <utility>

namespace holdfast {

Result<Signals> Signals::open(std::initializer_list<int> numbers) {
  sigset_t set;
  sigemptyset(&set);
  for (int number : numbers) sigaddset(&set, number);
  if (::pthread_sigmask(SIG_BLOCK, &set, nullptr) != 0) return Error::from_errno(errno, "block signals");
  Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return Error::from_errno(errno, "open a signal descriptor");
  return Signals(std::move(fd));
}

Task<int> Signals::next() {
  while (!stopped_) {
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof info) == sizeof info)
      co_return static_cast<int>(info.ssi_signo);
    IoAwaiter readable(Loop::current(), Operation::poll(fd_.get(), POLLIN));
    waiting_ = &readable;
    co_await readable;
    waiting_ = nullptr;
  }
  co_return 0;
}

void Signals::stop() {
  stopped_ = true;
  if (waiting_ != nullptr) Loop::current().cancel(*waiting_);
}

}  // namespace holdfast
