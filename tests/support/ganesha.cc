#include "tests/support/ganesha.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>
#include <utility>

#include "common/runtime/socket.h"
#include "tests/support/program.h"

namespace holdfast::testing_support {
namespace {

constexpr std::uint16_t rpcbind_port = 111;

bool answers(std::uint16_t port) {
  const Result<SocketAddress> address = SocketAddress::parse("127.0.0.1", port);
  const Result<Fd> fd = open_tcp(*address);
  return fd && ::connect(fd->get(), address->get(), address->bytes()) == 0;
}

template <typename Condition>
bool wait_until(Condition condition, pid_t pid) {
  for (int look = 0; look < 1500 && !has_ended(pid); ++look) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace

Result<std::unique_ptr<Ganesha>> Ganesha::start(const Options& options) {
  if (::access("/usr/bin/ganesha.nfsd", X_OK) != 0)
    return Error{ErrorKind::system, ENOENT, "nfs-ganesha is not installed (packages nfs-ganesha, nfs-ganesha-vfs)"};
  if (::geteuid() != 0) return Error{ErrorKind::system, EPERM, "nfs-ganesha needs root to open files by handle"};
  std::unique_ptr<Ganesha> server(new Ganesha(options));
  if (options.version == 3 && !answers(rpcbind_port)) {
    if (::access("/usr/sbin/rpcbind", X_OK) != 0)
      return Error{ErrorKind::system, ENOENT, "rpcbind is not installed, and NFS version 3 needs it"};
    // Bound to one address, Debian 12's crashes.
    server->rpcbind_ = start_program({"/usr/sbin/rpcbind", "-f"});
    if (!wait_until([] { return answers(rpcbind_port); }, server->rpcbind_))
      return Error{ErrorKind::system, EIO, "rpcbind does not come up here"};
  }
  // Another test may take the port between our look and the server's.
  Status started;
  for (int attempt = 0; attempt < 5; ++attempt) {
    started = server->try_start();
    if (started) return server;
    server->kill();
  }
  return started.error();
}

Status Ganesha::try_start() {
  port_ = free_port();
  mount_port_ = free_port();
  const std::string directory = this->directory();
  const std::string log = folder_.file("log");
  const std::string config = folder_.file("config");
  ::mkdir(directory.c_str(), 0755);
  ::mkdir(folder_.file("recovery").c_str(), 0700);
  ::unlink(log.c_str());
  std::ofstream(config) << fmt::format(
      "NFS_CORE_PARAM {{ NFS_Protocols = {0}; NFS_Port = {1}; MNT_Port = {2}; Bind_addr = 127.0.0.1;\n"
      "  Enable_UDP = false; Enable_NLM = false; Enable_RQUOTA = false; mount_path_pseudo = true; {3} }}\n"
      "NFSv4 {{ Graceless = true; RecoveryRoot = \"{4}\"; Only_Numeric_Owners = true; }}\n"
      "EXPORT {{ Export_Id = 1; Path = \"{5}\"; Pseudo = /export; SecType = sys; Protocols = {0};\n"
      "  Transports = TCP; Attr_Expiration_Time = 0; {6} FSAL {{ Name = VFS; }} }}\n",
      options_.version, port_, mount_port_, options_.core_lines, folder_.file("recovery"), directory,
      options_.export_lines);
  pid_ = start_program({"/usr/bin/ganesha.nfsd", "-F", "-f", config, "-L", log, "-p", folder_.file("pid")});
  const auto initialized = [&] {
    std::ostringstream text;
    text << std::ifstream(log).rdbuf();
    return text.str().find("NFS SERVER INITIALIZED") != std::string::npos;
  };
  if (wait_until(initialized, pid_) && answers(port_)) return {};
  return Error{ErrorKind::system, EIO, "nfs-ganesha does not come up here; see its log"};
}

Ganesha::~Ganesha() {
  kill();
  kill_program(rpcbind_);
}

std::string Ganesha::url() const {
  const std::string place = fmt::format("nfs://127.0.0.1/export?version={}&nfsport={}", options_.version, port_);
  return options_.version == 3 ? place + fmt::format("&mountport={}", mount_port_) : place;
}

void Ganesha::stop() const { ::kill(pid_, SIGSTOP); }

void Ganesha::go_on() const { ::kill(pid_, SIGCONT); }

void Ganesha::kill() { kill_program(pid_); }

}  // namespace holdfast::testing_support
