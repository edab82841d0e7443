#include "common/runtime/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string_view>
#include <sys/prctl.h>
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

/// For exec, which does not change what it is given.
std::vector<char*> argument_list(const std::string& program, const std::vector<std::string>& arguments) {
  std::vector<char*> list;
  list.push_back(const_cast<char*>(program.c_str()));
  for (const std::string& argument : arguments) list.push_back(const_cast<char*>(argument.c_str()));
  list.push_back(nullptr);
  return list;
}

Result<pid_t> spawn(const ProcessRequest& request, int error_pipe) {
  SpawnSettings settings;
  ::posix_spawn_file_actions_addopen(&settings.actions, 0, "/dev/null", O_RDONLY, 0);
  if (!request.keep_output) ::posix_spawn_file_actions_addopen(&settings.actions, 1, "/dev/null", O_WRONLY, 0);
  if (request.keep_output) ::posix_spawn_file_actions_adddup2(&settings.actions, error_pipe, 1);
  ::posix_spawn_file_actions_adddup2(&settings.actions, error_pipe, 2);
  for (const auto& [ours, theirs] : request.descriptors)
    ::posix_spawn_file_actions_adddup2(&settings.actions, ours, theirs);
  // Signals that we block to read them from a descriptor must reach the program as usual.
  sigset_t none;
  ::sigemptyset(&none);
  ::posix_spawnattr_setsigmask(&settings.attributes, &none);
  ::posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETSIGMASK);

  // If there is none, the attempt to start it says so.
  const std::string path = find_program(request.program).value_or(request.program);
  std::vector<char*> arguments = argument_list(request.program, request.arguments);
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

/// A program that was started, and what is known of it.
struct Running {
  pid_t pid = 0;
  Fd pidfd;
  Fd errors;
};

Result<Running> start(const ProcessRequest& request) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
    return Error::from_errno(errno, "open a pipe for " + request.program);
  Running running;
  running.errors = Fd(ends[0]);
  Fd write_end(ends[1]);
  // The program is not used to a stderr that does not block; the flag belongs to each end alone.
  ::fcntl(write_end.get(), F_SETFL, 0);
  const Result<pid_t> pid = spawn(request, write_end.get());
  if (!pid) return pid.error();
  running.pid = *pid;
  running.pidfd = Fd(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
  if (!running.pidfd) {
    const int error = errno;
    ::kill(*pid, SIGKILL);
    ProcessOutcome outcome;
    reap(*pid, outcome);
    return Error::from_errno(error, "watch " + request.program);
  }
  ::fcntl(running.pidfd.get(), F_SETFD, FD_CLOEXEC);
  return running;
}

ProcessOutcome finish(const Running& running, bool timed_out) {
  ProcessOutcome outcome;
  reap(running.pid, outcome);
  outcome.timed_out = timed_out;
  outcome.error_output = read_what_is_there(running.errors.get());
  return outcome;
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
  Result<Running> running = start(request);
  if (!running) co_return running.error();
  Deadline deadline(loop, running->pidfd.get());
  deadline.arm(clock_now() + request.deadline);
  co_await loop.perform(Operation::poll(running->pidfd.get(), POLLIN));
  deadline.disarm();
  co_return finish(*running, deadline.passed());
}

Result<ProcessOutcome> run_process_and_wait(const ProcessRequest& request) {
  Result<Running> running = start(request);
  if (!running) return running.error();
  const Instant until = clock_now() + request.deadline;
  bool timed_out = false;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock_now()).count();
    pollfd ended{running->pidfd.get(), POLLIN, 0};
    const int ready = ::poll(&ended, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready > 0) break;
    if (ready < 0 && errno == EINTR) continue;
    timed_out = true;
    ::kill(running->pid, SIGKILL);
    break;
  }
  return finish(*running, timed_out);
}

std::optional<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos)
    return ::access(name.c_str(), X_OK) == 0 ? std::optional(name) : std::nullopt;
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
  return std::nullopt;
}

Result<pid_t> start_bound_process(const std::string& program, const std::vector<std::string>& arguments,
                                  int output) {
  const std::string path = find_program(program).value_or(program);
  std::vector<char*> list = argument_list(program, arguments);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno(errno, "open a pipe for " + program);
  Fd failure(ends[0]);
  Fd failing(ends[1]);
  const Fd input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return Error::from_errno(errno, "start " + path);
  if (pid == 0) {
    sigset_t none;
    ::sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(127);
    ::dup2(input.get(), 0);
    ::dup2(output, 1);
    ::dup2(output, 2);
    ::execv(path.c_str(), list.data());
    const int error = errno;
    [[maybe_unused]] const ssize_t told = ::write(failing.get(), &error, sizeof error);
    ::_exit(127);
  }
  failing.reset();
  int error = 0;
  if (::read(failure.get(), &error, sizeof error) != sizeof error) return pid;
  ::waitpid(pid, nullptr, 0);
  return Error::from_errno(error, "start " + path);
}

}  // namespace holdfast
