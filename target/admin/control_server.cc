#include "target/admin/control_server.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include "common/base/log.h"
#include "target/admin/control_wire.h"
#include "target/admin/requests.h"
#include "target/portal/socket_conversation.h"

namespace holdfast::target {
namespace {

bool may_administrate(int fd) {
  ucred peer{};
  socklen_t bytes = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0) return false;
  if (peer.uid == 0 || peer.uid == ::geteuid()) return true;
  log(LogLevel::warning, "control socket: process {} of user {} may not administrate", peer.pid, peer.uid);
  return false;
}

/// A line without its end; empty when none came in time, or a longer one than may.
Task<std::string> read_line(Loop& loop, int fd) {
  SocketDeadline deadline(loop, fd, ControlServer::client_deadline);
  std::string line;
  char piece[4096];
  while (line.size() <= control_request_bytes_max) {
    const std::int32_t got = co_await loop.perform(Operation::recv(fd, piece, sizeof piece));
    if (got <= 0) co_return std::string();
    line.append(piece, static_cast<std::size_t>(got));
    const std::size_t end = line.find('\n');
    if (end == std::string::npos) continue;
    line.resize(end);
    co_return line;
  }
  co_return std::string();
}

bool somebody_answers(const sockaddr_un& address) {
  const Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  return ::connect(fd.get(), generic, sizeof address) == 0 || errno == EAGAIN;
}

}  // namespace

Result<Fd> ControlServer::listen_on(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return Error{ErrorKind::invalid_input, ENAMETOOLONG,
                 path + ": the path of a socket has " + std::to_string(sizeof address.sun_path - 1) + " bytes at most"};
  std::memcpy(address.sun_path, path.c_str(), path.size());
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return Error::from_errno(errno, "open a control socket");
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  // Nobody but us may connect before we look at who it is.
  const mode_t old_mask = ::umask(0177);
  int code = ::bind(fd.get(), generic, sizeof address) == 0 ? 0 : errno;
  struct stat there {};
  if (code == EADDRINUSE && ::lstat(path.c_str(), &there) == 0 && S_ISSOCK(there.st_mode) &&
      !somebody_answers(address)) {
    ::unlink(path.c_str());
    code = ::bind(fd.get(), generic, sizeof address) == 0 ? 0 : errno;
  }
  ::umask(old_mask);
  if (code == 0 && ::listen(fd.get(), static_cast<int>(clients_max)) != 0) code = errno;
  if (code == EADDRINUSE)
    return Error{ErrorKind::system, code, path + ": another holdfastd is controlled by this socket"};
  if (code != 0) return Error::from_errno(code, "control socket " + path);
  return fd;
}

ControlServer::ControlServer(Loop& loop, Fd fd, std::string path, Administrator& administrator)
    : loop_(loop), path_(std::move(path)), administrator_(administrator), listener_(loop, std::move(fd), *this) {}

void ControlServer::accepted(Fd fd) {
  if (!may_administrate(fd.get())) return;
  if (clients_.running() >= clients_max) {
    log(LogLevel::warning, "control socket: {} clients are the most", clients_max);
    return;
  }
  Task<void> serving = serve(std::move(fd));
  clients_.spawn(std::move(serving));
}

Task<void> ControlServer::serve(Fd fd) {
  const int number = fd.get();
  reading_.insert(number);
  std::string request = co_await read_line(loop_, number);
  reading_.erase(number);
  if (request.empty()) co_return;
  const std::string answer = co_await answer_request(administrator_, std::move(request));
  co_await send_all(loop_, number, answer, client_deadline);
}

Task<void> ControlServer::stop() {
  listener_.stop();
  ::unlink(path_.c_str());
  for (int fd : reading_) ::shutdown(fd, SHUT_RDWR);
  co_await listener_.stopped();
  co_await clients_.join();
}

}  // namespace holdfast::target
