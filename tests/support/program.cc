#include "tests/support/program.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "common/runtime/socket.h"

namespace holdfast::testing_support {

pid_t start_program(std::vector<std::string> words, int ready) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int silence = ::open("/dev/null", O_RDWR);
  for (int fd : {0, 1, 2}) ::dup2(silence, fd);
  if (ready >= 0) ::dup2(ready, 3);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

bool has_ended(pid_t pid) {
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT);
  return info.si_pid == pid;
}

bool run_program(std::vector<std::string> words) {
  const pid_t pid = start_program(std::move(words));
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::uint16_t free_port() {
  Result<SocketAddress> any = SocketAddress::parse("127.0.0.1", 0);
  CHECK(any.ok());
  Result<Fd> listener = listen_tcp(*any, 1);
  CHECK(listener.ok());
  return local_address(listener->get()).port();
}

void kill_program(pid_t& pid) {
  if (pid <= 0) return;
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
  pid = -1;
}

}  // namespace holdfast::testing_support
