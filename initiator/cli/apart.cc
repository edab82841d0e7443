#include "initiator/cli/apart.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
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
  Front(pid_t child, Fd notices, Fd signals, std::optional<Duration> limit)
      : child_(child), notices_(std::move(notices)), signals_(std::move(signals)) {
    if (limit) until_ = clock_now() + *limit;
  }

  ApartEnd wait() {
    for (;;) {
      pollfd ready[2] = {{notices_.get(), POLLIN, 0}, {signals_.get(), POLLIN, 0}};
      const int count = ::poll(ready, 2, time_left());
      if (count == 0 && said_) return end_;
      if (count == 0 && until_ && clock_now() >= *until_) kill();
      if (count <= 0) continue;
      if (ready[1].revents != 0 && take_signal()) return end_;
      if (ready[0].revents != 0) take_notice();
    }
  }

 private:
  int time_left() const {
    if (said_) return patience_ms;
    if (!until_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until_ - clock_now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000));
  }

  void kill() {
    ::kill(child_, SIGKILL);
    end_.over_time = true;
    say(128 + SIGKILL);
  }

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
        if (end_.asked != 0) say(128 + number);
        if (end_.asked == 0) end_.asked = number;
        return false;
    }
  }

  void take_notice() {
    int code = 0;
    if (::read(notices_.get(), &code, sizeof code) == sizeof code) say(code);
    // One notice is enough; without this the end of the pipe would wake us for ever.
    notices_.reset();
  }

  void say(int code) {
    said_ = true;
    end_.code = code;
  }

  bool reap() {
    int status = 0;
    if (::waitpid(child_, &status, WNOHANG) != child_) return false;
    end_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    end_.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return true;
  }

  pid_t child_;
  Fd notices_;
  Fd signals_;
  std::optional<Instant> until_;
  bool said_ = false;  // what its exit code is, or would be
  ApartEnd end_;
};

ApartEnd cannot(const char* what) {
  std::fprintf(stderr, "holdfast: %s: %s\n", what, std::strerror(errno));
  ApartEnd end;
  end.code = not_started_exit_code;
  return end;
}

}  // namespace

void ExitNotice::send(int code) const {
  if (fd_ < 0) return;
  ::close(STDOUT_FILENO);
  ::close(STDERR_FILENO);
  [[maybe_unused]] const ssize_t sent = ::write(fd_, &code, sizeof code);
}

ApartEnd run_apart_and_tell(const std::function<int(ExitNotice)>& work, std::optional<Duration> limit) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return cannot("make a pipe");
  Fd reading(pipe[0]);
  Fd writing(pipe[1]);
  sigset_t passed_on;
  sigset_t before;
  sigemptyset(&passed_on);
  for (int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGCHLD}) sigaddset(&passed_on, number);
  ::sigprocmask(SIG_BLOCK, &passed_on, &before);

  std::fflush(nullptr);  // Else what is buffered would be written by both.
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) {
    const ApartEnd end = cannot("start a process");
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    return end;
  }
  if (child == 0) {
    // A group of its own, so that what the terminal sends reaches it once, through its parent. From
    // there it may still write to the terminal, whatever `stty tostop` says.
    ::setpgid(0, 0);
    std::signal(SIGTTOU, SIG_IGN);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(not_started_exit_code);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    reading.reset();
    std::exit(work(ExitNotice(writing.get())));
  }
  writing.reset();
  Fd signals(::signalfd(-1, &passed_on, SFD_CLOEXEC));
  ApartEnd end;
  if (!signals) {
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    end = cannot("open a signal descriptor");
  } else {
    end = Front(child, std::move(reading), std::move(signals), limit).wait();
  }
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return end;
}

int run_apart(const std::function<int(ExitNotice)>& work) {
  const ApartEnd end = run_apart_and_tell(work);
  if (end.signal == 0) return end.code;
  std::signal(end.signal, SIG_DFL);
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_UNBLOCK, &all, nullptr);
  ::raise(end.signal);
  return end.code;
}

}  // namespace holdfast::initiator
