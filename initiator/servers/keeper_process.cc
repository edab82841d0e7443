#include "initiator/servers/keeper_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "common/runtime/process.h"

namespace holdfast::initiator {
namespace {

/// What is killed ends within this time, or waits for a disk, where nobody can help it.
constexpr Duration killing_patience = std::chrono::seconds(2);
constexpr int tick_ms = 50;

/// The processes whose parent we are; among them those whose own parents have gone.
std::vector<pid_t> our_children() {
  std::vector<pid_t> children;
  DIR* proc = ::opendir("/proc");
  if (proc == nullptr) return children;
  while (const dirent* entry = ::readdir(proc)) {
    const pid_t pid = std::atoi(entry->d_name);
    if (pid <= 0) continue;
    std::array<char, 64> path{};
    std::snprintf(path.data(), path.size(), "/proc/%d/stat", pid);
    const Fd stat(::open(path.data(), O_RDONLY | O_CLOEXEC));
    std::array<char, 512> text{};
    if (!stat || ::read(stat.get(), text.data(), text.size() - 1) <= 0) continue;
    // The name stands in parentheses and may hold some itself; the state and the parent follow.
    const std::string_view line(text.data());
    const std::size_t end = line.rfind(')');
    int parent = 0;
    if (end == std::string_view::npos || std::sscanf(text.data() + end, ") %*c %d", &parent) != 1) continue;
    if (parent == ::getpid()) children.push_back(pid);
  }
  ::closedir(proc);
  return children;
}

/// A log that holds the end of what was said. When it is full its older half is dropped.
class Log {
 public:
  explicit Log(const std::string& path)
      : fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {}

  void take_from(int pipe) {
    std::array<char, 8192> piece{};
    for (int pieces = 0; pieces < 16; ++pieces) {
      const ssize_t got = ::read(pipe, piece.data(), piece.size());
      if (got <= 0) return;
      if (!fd_) continue;
      const auto count = static_cast<std::size_t>(got);
      if (bytes_ + count > Keeper::log_bytes_max) drop_half();
      bytes_ += static_cast<std::size_t>(std::max<ssize_t>(::write(fd_.get(), piece.data(), count), 0));
    }
  }

 private:
  void drop_half() {
    std::string text(bytes_ / 2, '\0');
    const ssize_t got = ::pread(fd_.get(), text.data(), text.size(), static_cast<off_t>(bytes_ - text.size()));
    bytes_ = 0;
    if (::ftruncate(fd_.get(), 0) != 0 || ::lseek(fd_.get(), 0, SEEK_SET) != 0 || got <= 0) return;
    const ssize_t put = ::write(fd_.get(), text.data(), static_cast<std::size_t>(got));
    bytes_ = static_cast<std::size_t>(std::max<ssize_t>(put, 0));
  }

  Fd fd_;
  std::size_t bytes_ = 0;
};

std::string ending_of(int status) {
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  return "exit code " + std::to_string(WEXITSTATUS(status));
}

class Keeping {
 public:
  Keeping(const KeptProgram& program, int life, int news)
      : program_(program), life_(life), news_(news), log_(program.log_path) {}

  void run() {
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    signals_ = Fd(::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK));
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return tell("no pipe for its output");
    output_ = Fd(ends[0]);
    Fd into(ends[1]);
    ::fcntl(into.get(), F_SETFL, 0);
    const Result<pid_t> started = start_bound_process(program_.program, program_.arguments, into.get());
    into.reset();
    if (!started) return tell(started.error().message);
    pid_ = *started;
    while (any_left_ && !asked_to_end_) turn();
    log_.take_from(output_.get());
    if (!any_left_) tell(ending_);
    end_them();
  }

 private:
  void turn() {
    pollfd ready[3] = {{life_, POLLIN, 0}, {signals_.get(), POLLIN, 0}, {output_ ? output_.get() : -1, POLLIN, 0}};
    ::poll(ready, 3, asked_to_end_ ? tick_ms : -1);
    if (ready[0].revents != 0) asked_to_end_ = true;
    if (asked_to_end_) life_ = -1;  // It has told us all that it will.
    if (ready[2].revents != 0) log_.take_from(output_.get());
    if ((ready[2].revents & (POLLHUP | POLLERR)) != 0) output_.reset();
    signalfd_siginfo ignored{};
    while (::read(signals_.get(), &ignored, sizeof ignored) > 0) {
    }
    reap();
  }

  void reap() {
    for (;;) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, WNOHANG);
      if (pid == 0) return;
      if (pid < 0 && errno == EINTR) continue;
      if (pid < 0) {
        any_left_ = false;
        return;
      }
      // A program that goes into the background ends well at first; how it ends there comes later.
      if (pid == pid_ || ending_.empty() || ending_ == "exit code 0") ending_ = ending_of(status);
    }
  }

  /// Each of ours, and of theirs when they have gone, is asked once; then all are killed.
  void end_them() {
    asked_to_end_ = true;
    const Instant asked = clock_now();
    std::set<pid_t> told;
    while (any_left_ && clock_now() - asked < program_.patience) {
      for (const pid_t child : our_children())
        if (told.insert(child).second) ::kill(child, SIGTERM);
      turn();
    }
    const Instant killed = clock_now();
    while (any_left_ && clock_now() - killed < killing_patience) {
      for (const pid_t child : our_children()) ::kill(child, SIGKILL);
      turn();
    }
  }

  void tell(const std::string& words) const {
    [[maybe_unused]] const ssize_t told = ::write(news_, words.data(), words.size());
  }

  const KeptProgram& program_;
  int life_;
  const int news_;
  Log log_;
  Fd signals_;
  Fd output_;
  pid_t pid_ = 0;
  bool any_left_ = true;
  bool asked_to_end_ = false;
  std::string ending_;
};

}  // namespace

void become_keeper(const char* name, std::vector<int> kept) {
  ::setsid();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::prctl(PR_SET_PDEATHSIG, 0);
  ::prctl(PR_SET_NAME, name);
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  // A terminal or pipe of our parent's must not wait for us to let go of it.
  const int nowhere = ::open("/dev/null", O_RDWR);
  for (int standard = 0; standard <= 2; ++standard) ::dup2(nowhere, standard);
  std::sort(kept.begin(), kept.end());
  unsigned first = 3;
  for (const int fd : kept) {
    if (fd < 0) continue;
    const auto number = static_cast<unsigned>(fd);
    if (number > first) ::close_range(first, number - 1, 0);
    first = number + 1;
  }
  ::close_range(first, ~0U, 0);
  // The storage that it watches over must stay free to be unmounted, as must where we were started.
  [[maybe_unused]] const int moved = ::chdir("/");
}

void keep_program(const KeptProgram& program, int life, int news) {
  Keeping(program, life, news).run();
  ::_exit(0);
}

}  // namespace holdfast::initiator
