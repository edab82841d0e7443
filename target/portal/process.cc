#include "target/portal/process.h"

#include <grp.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace holdfast::target {
namespace {

/// Sessions, logins and stores together come to less.
constexpr rlim_t descriptors_enough = 65'536;

}  // namespace

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t wanted = std::min(limit.rlim_max, descriptors_enough);
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = wanted;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  return limit.rlim_cur;
}

Status drop_privileges(std::optional<uid_t> uid, std::optional<gid_t> gid) {
  const bool leaves_root = ::geteuid() == 0 && ((uid && *uid != 0) || (gid && *gid != 0));
  if (leaves_root && ::setgroups(0, nullptr) != 0)
    return Error::from_errno(errno, "give up supplementary groups");
  if (gid && ::setresgid(*gid, *gid, *gid) != 0)
    return Error::from_errno(errno, "become group " + std::to_string(*gid));
  if (uid && ::setresuid(*uid, *uid, *uid) != 0)
    return Error::from_errno(errno, "become user " + std::to_string(*uid));
  if (uid && *uid != 0 && ::setuid(0) == 0)
    return Error{ErrorKind::system, EPERM, "root could be regained after it was given up"};
  return {};
}

Status announce_ready(std::optional<int> ready_fd, const std::vector<SocketAddress>& addresses) {
  std::string lines;
  std::string status = "Serving on";
  for (const SocketAddress& address : addresses) {
    lines += "ready " + address.to_string() + "\n";
    status += " " + address.to_string();
  }
  sd_notifyf(0, "READY=1\nSTATUS=%s", status.c_str());
  if (!ready_fd) return {};
  std::string_view rest = lines;
  while (!rest.empty()) {
    const ssize_t written = ::write(*ready_fd, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0)
      return Error::from_errno(errno, "write to --ready-fd " + std::to_string(*ready_fd));
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

void announce_stopping() { sd_notify(0, "STOPPING=1"); }

}  // namespace holdfast::target
