#include "tests/support/holdfastd.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <utility>

#include "common/runtime/fd.h"
#include "tests/support/program.h"

namespace holdfast::testing_support {

Result<std::unique_ptr<Holdfastd>> Holdfastd::start(const std::string& program, const std::string& image) {
  return serve(program, "Path=" + image + ",Type=fileio,IOMode=wb");
}

Result<std::unique_ptr<Holdfastd>> Holdfastd::serve(const std::string& program, const std::string& lun,
                                                    unsigned threads) {
  if (::access(program.c_str(), X_OK) != 0)
    return Error{ErrorKind::system, ENOENT, program + " is not built"};
  std::unique_ptr<Holdfastd> daemon(new Holdfastd(program, threads));
  std::ofstream(daemon->folder_.file("ietd.conf")) << "Target " << target << "\n    Lun 0 " << lun << "\n";
  if (Status started = daemon->restart(); !started) return started.error();
  return daemon;
}

Status Holdfastd::restart() {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return Error::from_errno(errno, "make a pipe");
  const Fd reading(pipe[0]);
  {
    const Fd writing(pipe[1]);
    pid_ = start_program({program_, "-f", "-c", folder_.file("ietd.conf"), "-a", "127.0.0.1", "-p", "0", "--control",
                          "none", "--state-dir", folder_.file("state"), "--ready-fd", "3", "--threads",
                          std::to_string(threads_)},
                         writing.get());
  }
  // "ready 127.0.0.1:PORT", or the end of the pipe when the daemon ended instead.
  std::string line;
  pollfd readable{reading.get(), POLLIN, 0};
  while (line.find('\n') == std::string::npos && ::poll(&readable, 1, 30'000) == 1) {
    char byte = 0;
    if (::read(reading.get(), &byte, 1) != 1) break;
    line += byte;
  }
  if (!line.starts_with("ready ")) return Error{ErrorKind::system, EIO, "holdfastd does not come up here"};
  portal_ = line.substr(6, line.find('\n') - 6);
  return {};
}

void Holdfastd::kill() {
  kill_program(pid_);
}

Holdfastd::~Holdfastd() { kill_program(pid_); }

}  // namespace holdfast::testing_support
