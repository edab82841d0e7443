#include "tests/support/nbd_server.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <fstream>
#include <string_view>
#include <thread>
#include <utility>

#include "common/runtime/fd.h"
#include "common/runtime/socket.h"
#include "tests/support/program.h"

namespace holdfast::testing_support {
namespace {

constexpr auto look_again = std::chrono::milliseconds(10);

Fd connect_to(std::uint16_t port) {
  const Result<SocketAddress> address = SocketAddress::parse("127.0.0.1", port);
  CHECK(address.ok());
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), address->get(), address->bytes()) != 0) fd.reset();
  return fd;
}

Fd connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  CHECK(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fd.reset();
  return fd;
}

}  // namespace

Result<std::unique_ptr<NbdServer>> NbdServer::start(const char* program, const char* package, bool local,
                                                    const Command& command) {
  if (!run_program({"sh", "-c", fmt::format("PATH=$PATH:/usr/sbin:/sbin; command -v {}", program)}))
    return Error{ErrorKind::system, ENOENT, fmt::format("{} is not installed (package {})", program, package)};
  // Another test may have taken the port between our look and the server's.
  for (int attempt = 0; attempt < 10; ++attempt) {
    std::unique_ptr<NbdServer> server(new NbdServer);
    if (local)
      server->socket_ = server->folder_.file("socket");
    else
      server->port_ = free_port();
    server->pid_ = start_program(command(*server));
    if (!server->pid_file_.empty()) server->find_daemon();
    for (int look = 0; look < 1000; ++look) {
      if (server->pid_ <= 0 || (server->is_our_child_ && has_ended(server->pid_))) break;
      if (server->greets()) return server;
      std::this_thread::sleep_for(look_again);
    }
  }
  return Error{ErrorKind::system, EIO, fmt::format("{} does not come up here", program)};
}

Result<std::unique_ptr<NbdServer>> NbdServer::start_nbdkit(const std::vector<std::string>& words) {
  return start("nbdkit", "nbdkit", false, [&words](NbdServer& server) {
    std::vector<std::string> all = {"nbdkit", "-f", "-i", "127.0.0.1", "-p", std::to_string(server.port_)};
    all.insert(all.end(), words.begin(), words.end());
    return all;
  });
}

Result<std::unique_ptr<NbdServer>> NbdServer::start_nbdkit_on_socket(const std::vector<std::string>& words) {
  return start("nbdkit", "nbdkit", true, [&words](NbdServer& server) {
    std::vector<std::string> all = {"nbdkit", "-f", "-U", server.socket_};
    all.insert(all.end(), words.begin(), words.end());
    return all;
  });
}

Result<std::unique_ptr<NbdServer>> NbdServer::start_nbd_server(const std::string& image,
                                                               const std::string& options) {
  return start("nbd-server", "nbd-server", false, [&image, &options](NbdServer& server) {
    const std::string config = server.folder_.file("config");
    std::ofstream(config) << "[generic]\nlistenaddr = 127.0.0.1\nallowlist = true\nport = " << server.port_
                          << "\n[disk]\nexportname = " << image << "\n" << options;
    server.pid_file_ = server.folder_.file("pid");
    return std::vector<std::string>{"nbd-server", "-C", config, "-p", server.pid_file_};
  });
}

Result<std::unique_ptr<NbdServer>> NbdServer::start_qemu_nbd(const std::string& image) {
  return start("qemu-nbd", "qemu-utils", false, [&image](NbdServer& server) {
    return std::vector<std::string>{"qemu-nbd", "-f", "raw", "-t", "-e", "8", "-x", "disk", "-b", "127.0.0.1",
                                    "-p", std::to_string(server.port_), image};
  });
}

NbdServer::~NbdServer() { kill(); }

std::string NbdServer::url(const std::string& export_name) const {
  if (!socket_.empty()) return fmt::format("nbd+unix:///{}?socket={}", export_name, socket_);
  return fmt::format("nbd://127.0.0.1:{}/{}", port_, export_name);
}

void NbdServer::stop() const { ::kill(pid_, SIGSTOP); }

void NbdServer::go_on() const { ::kill(pid_, SIGCONT); }

void NbdServer::kill() {
  if (is_our_child_) return kill_program(pid_);
  if (pid_ <= 0) return;
  // It has a process for each connection, which would go on without it.
  ::kill(pid_, SIGSTOP);
  std::ifstream children(fmt::format("/proc/{}/task/{}/children", pid_, pid_));
  for (pid_t child = 0; children >> child;) ::kill(child, SIGKILL);
  ::kill(pid_, SIGKILL);
  pid_ = -1;
}

/// Whether it is there and speaks NBD.
bool NbdServer::greets() const {
  const Fd connection = socket_.empty() ? connect_to(port_) : connect_to(socket_);
  if (!connection) return false;
  const timeval patience{5, 0};
  ::setsockopt(connection.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  std::array<char, 8> greeting{};
  const ssize_t got = ::recv(connection.get(), greeting.data(), greeting.size(), MSG_WAITALL);
  return got == 8 && std::string_view(greeting.data(), greeting.size()) == "NBDMAGIC";
}

/// The server that we started has made another, which it names in its pid file.
void NbdServer::find_daemon() {
  for (int look = 0; look < 500 && !has_ended(pid_); ++look) std::this_thread::sleep_for(look_again);
  kill_program(pid_);
  for (int look = 0; look < 500 && pid_ <= 0; ++look) {
    std::ifstream(pid_file_) >> pid_;
    if (pid_ <= 0) std::this_thread::sleep_for(look_again);
  }
  is_our_child_ = false;
}

}  // namespace holdfast::testing_support
