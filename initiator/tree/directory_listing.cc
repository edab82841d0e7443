#include "initiator/tree/directory_listing.h"

#include <dirent.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>
#include <utility>

#include "initiator/tree/directory_errors.h"
#include "initiator/tree/directory_place.h"

namespace holdfast::initiator {

Result<std::vector<ListedName>> list_directory(int directory, CallSite& site) {
  // A description of its own, since the position in a directory belongs to it.
  site.enter("openat");
  const int fd = open_to_read(directory, ".", true);
  if (fd < 0) return directory_error(-fd, "open");
  struct Close {
    void operator()(DIR* stream) const { ::closedir(stream); }
  };
  const std::unique_ptr<DIR, Close> stream(::fdopendir(fd));
  if (stream == nullptr) {
    const int error = errno;
    ::close(fd);
    return directory_error(error, "read the directory");
  }
  std::vector<ListedName> names;
  site.enter("getdents64");
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name(entry->d_name);
    if (name == "." || name == "..") continue;
    names.push_back({.name = std::string(name), .number = entry->d_ino, .type = DTTOIF(entry->d_type)});
  }
  if (errno != 0) return directory_error(errno, "read the directory");
  return names;
}

}  // namespace holdfast::initiator
