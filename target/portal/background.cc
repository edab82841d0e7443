#include "target/portal/background.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "target/portal/exit_code.h"

namespace holdfast::target {
namespace {

[[noreturn]] void wait_for_child(pid_t child, int from_child) {
  char byte = 0;
  ssize_t got = 0;
  do {
    got = ::read(from_child, &byte, 1);
  } while (got < 0 && errno == EINTR);
  if (got == 1) ::_exit(exit_ok);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  ::_exit(WIFEXITED(status) && WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : exit_cannot_start);
}

}  // namespace

Result<Background> Background::enter() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Error::from_errno(errno, "open a pipe");
  Fd from_child(ends[0]);
  Fd to_parent(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return Error::from_errno(errno, "fork");
  if (child > 0) {
    to_parent.reset();
    wait_for_child(child, from_child.get());
  }
  ::setsid();
  if (::chdir("/") != 0) return Error::from_errno(errno, "change to /");
  return Background(std::move(to_parent));
}

void Background::serving() {
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null >= 0) {
    for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(null, fd);
    if (null > STDERR_FILENO) ::close(null);
  }
  const char byte = 1;
  // If the parent was ended meanwhile, nobody is left to be told.
  [[maybe_unused]] const ssize_t written = ::write(to_parent_.get(), &byte, 1);
  to_parent_.reset();
}

}  // namespace holdfast::target
