#include "initiator/report/record_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

#include "common/runtime/fd.h"

namespace holdfast::initiator {
namespace {

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool is_special(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode);
}

Status write_all(int fd, std::string_view text, const std::string& path) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd, text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return Error::from_errno(errno, "write " + path);
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

}  // namespace

Status check_record_path(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
    return Error{ErrorKind::invalid_input, EISDIR, "write " + path + ": it is a directory"};
  const std::string where = is_special(path) ? path : folder_of(path);
  if (::access(where.c_str(), W_OK) != 0) {
    Error error = Error::from_errno(errno, "write " + path);
    error.kind = ErrorKind::invalid_input;
    return error;
  }
  return {};
}

Status write_whole(std::string_view text, const std::string& path) {
  if (is_special(path)) {
    Fd special(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!special) return Error::from_errno(errno, "write " + path);
    return write_all(special.get(), text, path);
  }
  const std::string beside = path + ".new." + std::to_string(::getpid());
  Fd file(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file) return Error::from_errno(errno, "write " + beside);
  Status written = write_all(file.get(), text, beside);
  if (written && ::fsync(file.get()) != 0) written = Error::from_errno(errno, "write " + beside);
  if (written && ::rename(beside.c_str(), path.c_str()) != 0) written = Error::from_errno(errno, "write " + path);
  if (!written) ::unlink(beside.c_str());
  return written;
}

}  // namespace holdfast::initiator
