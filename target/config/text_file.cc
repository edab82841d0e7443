#include "target/config/text_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/runtime/fd.h"

namespace holdfast::target {

Result<TextFile> read_text_file(const std::string& path) {
  // O_NONBLOCK: to open a fifo that nobody writes to would wait for ever.
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return Error::from_errno(errno, "open");
  ::fcntl(fd.get(), F_SETFL, 0);
  TextFile file;
  struct stat status {};
  file.others_can_read = ::fstat(fd.get(), &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & S_IROTH) != 0;
  constexpr std::size_t step = 65'536;
  for (;;) {
    const std::size_t had = file.text.size();
    if (had > config_bytes_max)
      return Error{ErrorKind::invalid_input, 0, fmt::format("is larger than {} bytes", config_bytes_max)};
    file.text.resize(had + step);
    const ssize_t got = ::read(fd.get(), file.text.data() + had, step);
    const int code = errno;
    file.text.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return file;
    if (got < 0 && code != EINTR) return Error::from_errno(code, "read");
  }
}

}  // namespace holdfast::target
