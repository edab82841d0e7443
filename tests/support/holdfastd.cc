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
  if (::access(program.c_str(), X_OK) != 0)
    return Error{ErrorKind::system, ENOENT, program + " is not built"};
  std::unique_ptr<Holdfastd> daemon(new Holdfastd);
  const std::string config = daemon->folder_.file("ietd.conf");
  std::ofstream(config) << "Target " << target << "\n    Lun 0 Path=" << image << ",Type=fileio,IOMode=wb\n";

  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return Error::from_errno(errno, "make a pipe");
  const Fd reading(pipe[0]);
  {
    const Fd writing(pipe[1]);
    daemon->pid_ = start_program({program, "-f", "-c", config, "-a", "127.0.0.1", "-p", "0", "--control", "none", "--ready-fd", "3"},
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
  daemon->portal_ = line.substr(6, line.find('\n') - 6);
  return daemon;
}

Holdfastd::~Holdfastd() { kill_program(pid_); }

}  // namespace holdfast::testing_support
