#include "tests/support/tgtd.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "tests/support/program.h"

namespace holdfast::testing_support {
namespace {

std::string control_socket(int control) { return fmt::format("/var/run/tgtd/socket.{}", control); }

}  // namespace

Result<std::unique_ptr<Tgtd>> Tgtd::start(const std::vector<std::string>& images) {
  if (::access("/usr/sbin/tgtd", X_OK) != 0 && !run_program({"tgtd", "--version"}))
    return Error{ErrorKind::system, ENOENT, "tgtd is not installed (package tgt)"};
  if (::geteuid() != 0) return Error{ErrorKind::system, EPERM, "tgtd needs root for its control socket"};
  // Another test may have taken the control number or the port between our look and tgtd's.
  for (int attempt = 0; attempt < 10; ++attempt) {
    const int control = 1000 + (static_cast<int>(::getpid()) * 7 + attempt * 997) % 30'000;
    if (::access(control_socket(control).c_str(), F_OK) == 0) continue;
    const std::uint16_t port = free_port();
    const pid_t pid = start_program({"tgtd", "-f", "-C", std::to_string(control), "--iscsi",
                                     fmt::format("portal=127.0.0.1:{}", port)});
    std::unique_ptr<Tgtd> daemon(new Tgtd(pid, control, port));
    bool answers = false;
    for (int look = 0; look < 500 && !answers && !has_ended(pid); ++look) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      answers = daemon->administer({"--op", "show", "--mode", "target"});
    }
    if (!answers) continue;
    bool served = daemon->administer({"--op", "new", "--mode", "target", "--tid", "1", "-T", target});
    for (std::size_t i = 0; i < images.size(); ++i)
      served &= daemon->administer({"--op", "new", "--mode", "logicalunit", "--tid", "1", "--lun",
                                    std::to_string(i + 1), "-b", images[i]});
    served &= daemon->administer({"--op", "bind", "--mode", "target", "--tid", "1", "-I", "ALL"});
    if (served) return daemon;
  }
  return Error{ErrorKind::system, EIO, "tgtd does not come up here"};
}

Tgtd::~Tgtd() {
  kill();
  ::unlink(control_socket(control_).c_str());
  ::unlink((control_socket(control_) + ".lock").c_str());
}

std::string Tgtd::portal_url() const { return fmt::format("iscsi://127.0.0.1:{}", port_); }

std::string Tgtd::url(int lun) const { return fmt::format("{}/{}/{}", portal_url(), target, lun); }

void Tgtd::stop() const { ::kill(pid_, SIGSTOP); }

void Tgtd::go_on() const { ::kill(pid_, SIGCONT); }

void Tgtd::kill() { kill_program(pid_); }

bool Tgtd::administer(std::vector<std::string> arguments) const {
  std::vector<std::string> words = {"tgtadm", "-C", std::to_string(control_), "--lld", "iscsi"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return run_program(std::move(words));
}

}  // namespace holdfast::testing_support
