#include "initiator/servers/interrupts.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace holdfast::initiator {

Result<Interrupts> Interrupts::open() {
  sigset_t held;
  sigset_t before;
  sigemptyset(&held);
  for (int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaddset(&held, number);
  ::sigprocmask(SIG_BLOCK, &held, &before);
  Fd fd(::signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return Error::from_errno(errno, "open a signal descriptor");
  return Interrupts(std::move(fd), before);
}

Interrupts::~Interrupts() {
  if (fd_) restore();
}

int Interrupts::signal() {
  signalfd_siginfo info{};
  if (signal_ == 0 && ::read(fd_.get(), &info, sizeof info) == sizeof info) note(static_cast<int>(info.ssi_signo));
  return signal_;
}

void Interrupts::note(int signal) {
  if (signal_ == 0) signal_ = signal;
}

bool Interrupts::sleep(Duration time) {
  const Instant until = clock_now() + time;
  while (signal() == 0) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock_now()).count();
    if (left <= 0) return true;
    pollfd came{fd_.get(), POLLIN, 0};
    ::poll(&came, 1, static_cast<int>(left));
  }
  return false;
}

void Interrupts::restore() const { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }

}  // namespace holdfast::initiator
