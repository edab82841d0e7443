#include "common/runtime/process.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string_view>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/runtime/fd.h"
#include "common/runtime/timer.h"

namespace holdfast {
namespace {

constexpr std::size_t error_output_bytes_max = 64 * 1024;

/// Kills a process when its time is over.
class Deadline final : public Timer {
 public:
  Deadline(Loop& loop, int pidfd) : Timer(loop), pidfd_(pidfd) {}
  ~Deadline() = default;
  bool passed() const { return passed_; }

 private:
  void expire() override {
    passed_ = true;
    ::syscall(SYS_pidfd_send_signal, pidfd_, SIGKILL, nullptr, 0);
  }
  int pidfd_;
  bool passed_ = false;
};

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::string folders = path == nullptr ? "/usr/bin:/bin" : path;
  folders += ":/usr/sbin:/sbin";
  std::string_view left = folders;
  while (!left.empty()) {
    const std::size_t end = std::min(left.find(':'), left.size());
    std::string candidate(left.substr(0, end));
    candidate += '/';
    candidate += name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  return name;  // The attempt to start it will say that it is not there.
}

/// posix_spawn's two records, freed however the attempt ends.
struct SpawnSettings {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;

  SpawnSettings() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
  }
};

Result<pid_t> spawn(const ProcessRequest& request, int error_pipe) {
  SpawnSettings settings;
  ::posix_spawn_file_actions_addopen(&settings.actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&settings.actions, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&settings.actions, error_pipe, 2);
  for (const auto& [ours, theirs] : request.descriptors)
    ::posix_spawn_file_actions_adddup2(&settings.actions, ours, theirs);
  // Signals that we block to read them from a descriptor must reach the program as usual.
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&settings.attributes, &none);
  ::posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETSIGMASK);

  const std::string path = find_program(request.program);
  std::vector<char*> arguments;
  arguments.push_back(const_cast<char*>(request.program.c_str()));
  for (const std::string& argument : request.arguments)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, path.c_str(), &settings.actions, &settings.attributes,
                                  arguments.data(), environ);
  if (error != 0) return Error::from_errno(error, "start " + path);
  return pid;
}

std::string read_what_is_there(int fd) {
  std::string text(error_output_bytes_max, '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t got = ::read(fd, text.data() + filled, text.size() - filled);
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  text.resize(filled);
  return text;
}

/// Fetches how the process ended; it has ended by now, so this does not wait.
void reap(int pid, ProcessOutcome& outcome) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  outcome.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

}  // namespace

std::string ProcessOutcome::describe() const {
  std::string text;
  if (timed_out)
    text = "killed, because it took too long";
  else if (signal != 0)
    text = "ended by signal " + std::to_string(signal);
  else
    text = "exit code " + std::to_string(exit_code);
  std::string words = error_output;
  while (!words.empty() && (words.back() == '\n' || words.back() == ' ')) words.pop_back();
  std::replace(words.begin(), words.end(), '\n', ' ');
  if (!words.empty()) text += ": " + words;
  return text;
}

Task<Result<ProcessOutcome>> run_process(Loop& loop, const ProcessRequest& request) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
    co_return Error::from_errno(errno, "open a pipe for " + request.program);
  Fd read_end(ends[0]);
  Fd write_end(ends[1]);
  // The program is not used to a stderr that does not block; the flag belongs to each end alone.
  ::fcntl(write_end.get(), F_SETFL, 0);
  const Result<pid_t> pid = spawn(request, write_end.get());
  write_end.reset();
  if (!pid) co_return pid.error();

  ProcessOutcome outcome;
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
  if (!pidfd) {
    const int error = errno;
    ::kill(*pid, SIGKILL);
    reap(*pid, outcome);
    co_return Error::from_errno(error, "watch " + request.program);
  }
  ::fcntl(pidfd.get(), F_SETFD, FD_CLOEXEC);
  Deadline deadline(loop, pidfd.get());
  deadline.arm(clock_now() + request.deadline);
  co_await loop.perform(Operation::poll(pidfd.get(), POLLIN));
  deadline.disarm();
  reap(*pid, outcome);
  outcome.timed_out = deadline.passed();
  outcome.error_output = read_what_is_there(read_end.get());
  co_return outcome;
}

}  // namespace holdfast
