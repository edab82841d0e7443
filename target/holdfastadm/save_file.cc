#include "target/holdfastadm/save_file.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace holdfast::target {
namespace {

int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(fd) == 0 ? 0 : errno;
}

}  // namespace

Status save_file(const std::string& path, std::string_view text) {
  const std::string fresh = path + ".new", old = path + ".bak";
  struct stat status {};
  const bool is_there = ::stat(path.c_str(), &status) == 0;
  if (is_there && !S_ISREG(status.st_mode))
    return Error{ErrorKind::invalid_input, EINVAL, path + " is not a regular file"};
  ::unlink(fresh.c_str());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return Error::from_errno(errno, "write " + fresh);
  int code = write_all(fd, text);
  if (code == 0 && is_there && ::fchown(fd, status.st_uid, status.st_gid) != 0 && errno != EPERM) code = errno;
  ::close(fd);
  if (code == 0 && is_there) {
    ::unlink(old.c_str());
    if (::link(path.c_str(), old.c_str()) != 0) code = errno;
  }
  if (code == 0 && ::rename(fresh.c_str(), path.c_str()) != 0) code = errno;
  if (code == 0) return {};
  ::unlink(fresh.c_str());
  return Error::from_errno(code, "write " + path);
}

}  // namespace holdfast::target
