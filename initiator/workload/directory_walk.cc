#include "initiator/workload/directory_walk.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include "common/base/check.h"
#include "initiator/tree/local_metadata.h"

namespace holdfast::initiator {
namespace {

// The kernel's struct linux_dirent64, which no header of libc has: inode, position of the next
// entry, length of this one, type, name.
constexpr std::size_t position_at = 8;
constexpr std::size_t length_at = 16;
constexpr std::size_t type_at = 18;
constexpr std::size_t name_at = 19;

template <typename T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

bool is(int fd, const FileIdentity& identity) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && identity_of(status) == identity;
}

}  // namespace

int open_quietly(int directory, const char* name, int flags) {
  int fd = ::openat(directory, name, flags | O_NOATIME);
  // Only the owner and root may read without a trace.
  if (fd < 0 && errno == EPERM) fd = ::openat(directory, name, flags);
  return fd < 0 ? -errno : fd;
}

DirectoryWalk::DirectoryWalk(Fd directory, FileIdentity identity, std::string source) {
  Level& level = levels_.emplace_back();
  level.directory = std::make_shared<const SourceDirectory>(nullptr, std::move(source));
  level.identity = identity;
  level.fd = std::move(directory);
}

DirectoryWalk::~DirectoryWalk() {
  while (!levels_.empty()) levels_.pop_back();  // From the innermost: see ~SourceDirectory.
}

Result<DirectoryWalk::Name> DirectoryWalk::next() {
  CHECK(!levels_.empty());
  Level& level = levels_.back();
  for (;;) {
    if (level.at == level.filled) {
      if (level.ended) return Name{};
      Status status = fill(level);
      if (!status) {
        level.ended = true;
        return status.error();
      }
      continue;
    }
    const std::byte* entry = level.buffer.data() + level.at;
    level.at += load<std::uint16_t>(entry + length_at);
    level.position = static_cast<off_t>(load<std::int64_t>(entry + position_at));
    const char* name = reinterpret_cast<const char*>(entry + name_at);
    const std::string_view view(name);
    if (view == "." || view == "..") continue;
    return Name{.name = name, .type = load<unsigned char>(entry + type_at)};
  }
}

Status DirectoryWalk::fill(Level& level) {
  if (!level.fd) {
    Status status = reopen(levels_.size() - 1);
    if (!status) return status;
  }
  left_.reset();
  level.buffer.resize(buffer_bytes);
  const long got = ::syscall(SYS_getdents64, level.fd.get(), level.buffer.data(), buffer_bytes);
  level.at = 0;
  level.filled = got > 0 ? static_cast<std::size_t>(got) : 0;
  if (got == 0) level.ended = true;
  if (got < 0) return Error::from_errno(errno, "read the directory");
  return {};
}

void DirectoryWalk::enter(Fd directory, FileIdentity identity, std::string name) {
  left_.reset();
  if (levels_.size() > open_max) {
    // The source itself stays open: from there every other level can be found by name.
    Level& distant = levels_[levels_.size() - open_max];
    distant.fd.reset();
    distant.buffer = {};
    distant.at = distant.filled = 0;
  }
  Level level;
  level.directory =
      std::make_shared<const SourceDirectory>(levels_.back().directory, std::move(name));
  level.identity = identity;
  level.fd = std::move(directory);
  levels_.push_back(std::move(level));
}

void DirectoryWalk::leave() {
  CHECK(!levels_.empty());
  left_ = std::move(levels_.back().fd);
  levels_.pop_back();
}

Status DirectoryWalk::reopen(std::size_t index) {
  Level& level = levels_[index];
  Fd found;
  if (left_) {
    Fd above(open_quietly(left_.get(), "..", directory_flags));
    if (above && is(above.get(), level.identity)) found = std::move(above);
  }
  if (!found) {
    // The directory below was moved elsewhere meanwhile: go down by name from the nearest open one.
    std::size_t from = index;
    while (from > 0 && !levels_[from].fd) --from;
    int at = levels_[from].fd.get();
    for (std::size_t down = from + 1; down <= index; ++down) {
      Fd next(open_quietly(at, levels_[down].directory->name().c_str(), directory_flags));
      if (!next || !is(next.get(), levels_[down].identity))
        return Error{ErrorKind::system, ESTALE, "moved away while it was read"};
      found = std::move(next);
      at = found.get();
    }
  }
  if (::lseek(found.get(), level.position, SEEK_SET) < 0)
    return Error::from_errno(errno, "find the place in the directory again");
  level.fd = std::move(found);
  return {};
}

}  // namespace holdfast::initiator
