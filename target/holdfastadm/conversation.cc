#include "target/holdfastadm/conversation.h"

#include <cerrno>
#include <cstring>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace holdfast::target {
namespace {

/// A descriptor that is closed at the end.
struct Socket {
  int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Socket() = default;
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (fd >= 0) ::close(fd);
  }
};

Error cannot_reach(int code, const std::string& path) {
  Error error = Error::from_errno(code, "cannot reach holdfastd at " + path);
  if (code == ENOENT || code == ECONNREFUSED) error.message += " (is it running, with this --control?)";
  return error;
}

}  // namespace

Result<nlohmann::json> ask(const std::string& path, const nlohmann::json& request) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return cannot_reach(ENAMETOOLONG, path);
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const Socket socket;
  if (::connect(socket.fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return cannot_reach(errno, path);
  const std::string text = request.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t sent = ::send(socket.fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return cannot_reach(errno, path);
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  std::string answer;
  char piece[65'536];
  for (;;) {
    const ssize_t got = ::recv(socket.fd, piece, sizeof piece, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return cannot_reach(errno, path);
    if (got == 0) break;
    answer.append(piece, static_cast<std::size_t>(got));
  }
  nlohmann::json said = nlohmann::json::parse(answer, nullptr, false);
  if (!said.is_object())
    return Error{ErrorKind::peer_closed, EPERM,
                 answer.empty() ? "holdfastd closed the connection: it answers root and its own user alone, and 16 at once"
                                : "holdfastd's answer is cut short"};
  return said;
}

}  // namespace holdfast::target
