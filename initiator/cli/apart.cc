#include "initiator/cli/apart.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "common/runtime/fd.h"

namespace holdfast::initiator {
namespace {

constexpr int not_started_exit_code = 3;
/// How long a process that has said its exit code, or was asked twice to end, may take to do so.
constexpr int patience_ms = 500;

/// The process that waits for the one that works.
class Front {
 public:
  Front(pid_t child, Fd notices, Fd signals)
      : child_(child), notices_(std::move(notices)), signals_(std::move(signals)) {}

  int wait() {
    for (;;) {
      pollfd ready[2] = {{notices_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
      const int count = ::poll(ready, 2, code_ ? patience_ms : -1);
      if (count == 0) return *code_;
      if (count < 0) continue;
      if (ready[1].revents != 0 && take_signal()) return *code_;
      if (ready[0].revents != 0) take_notice();
    }
  }

 private:
  /// True when the child has ended.
  bool take_signal() {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) return false;
    const int number = static_cast<int>(info.ssi_signo);
    switch (number) {
      case SIGCHLD: return reap();
      case SIGCONT: ::kill(child_, SIGCONT); return false;
      case SIGTSTP:
        ::kill(child_, SIGSTOP);
        ::raise(SIGSTOP);
        return false;
      default:
        ::kill(child_, number);
        if (asked_to_end_) code_ = 128 + number;
        asked_to_end_ = true;
        return false;
    }
  }

  void take_notice() {
    int code = 0;
    if (::read(notices_.get(), &code, sizeof code) == sizeof code) code_ = code;
    // One notice is enough; without this the end of the pipe would wake us for ever.
    notices_.reset();
  }

  bool reap() {
    int status = 0;
    if (::waitpid(child_, &status, WNOHANG) != child_) return false;
    if (WIFSIGNALED(status)) {
      std::signal(WTERMSIG(status), SIG_DFL);
      sigset_t all;
      sigfillset(&all);
      ::sigprocmask(SIG_UNBLOCK, &all, nullptr);
      ::raise(WTERMSIG(status));
    }
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
  }

  pid_t child_;
  Fd notices_;
  Fd signals_;
  bool asked_to_end_ = false;
  std::optional<int> code_;
};

int cannot(const char* what) {
  std::fprintf(stderr, "holdfast: %s: %s\n", what, std::strerror(errno));
  return not_started_exit_code;
}

}  // namespace

void ExitNotice::send(int code) const {
  if (fd_ < 0) return;
  ::close(STDOUT_FILENO);
  ::close(STDERR_FILENO);
  [[maybe_unused]] const ssize_t sent = ::write(fd_, &code, sizeof code);
}

int run_apart(const std::function<int(ExitNotice)>& work) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return cannot("make a pipe");
  Fd reading(pipe[0]);
  Fd writing(pipe[1]);
  sigset_t passed_on;
  sigset_t before;
  sigemptyset(&passed_on);
  for (int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGCHLD}) sigaddset(&passed_on, number);
  ::sigprocmask(SIG_BLOCK, &passed_on, &before);

  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return cannot("start a process");
  if (child == 0) {
    // A group of its own, so that what the terminal sends reaches it once, through its parent. From
    // there it may still write to the terminal, whatever `stty tostop` says.
    ::setpgid(0, 0);
    std::signal(SIGTTOU, SIG_IGN);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(not_started_exit_code);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    reading.reset();
    return work(ExitNotice(writing.get()));
  }
  writing.reset();
  Fd signals(::signalfd(-1, &passed_on, SFD_CLOEXEC));
  if (!signals) {
    ::kill(child, SIGKILL);
    return cannot("open a signal descriptor");
  }
  return Front(child, std::move(reading), std::move(signals)).wait();
}

}  // namespace holdfast::initiator
