#include "initiator/tree/local_metadata.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sched.h>
#include <string_view>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/base/units.h"

namespace holdfast::initiator {
namespace {

// The kernel's own limits, XATTR_LIST_MAX and XATTR_SIZE_MAX. A call with a large buffer makes the
// kernel allocate as much, so the first try is with a small one.
constexpr std::size_t names_first = 512;
constexpr std::size_t names_max = 65536;
constexpr std::size_t value_max = 65536;
constexpr std::uint64_t page = 4096;

}  // namespace

FileTime time_of(const timespec& time) {
  return {.seconds = time.tv_sec, .nanoseconds = static_cast<std::uint32_t>(time.tv_nsec)};
}

Attributes attributes_of(const struct stat& status) {
  Attributes attributes;
  attributes.mode = status.st_mode;
  attributes.uid = status.st_uid;
  attributes.gid = status.st_gid;
  attributes.accessed = time_of(status.st_atim);
  attributes.modified = time_of(status.st_mtim);
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) attributes.device = status.st_rdev;
  if (S_ISREG(status.st_mode)) attributes.bytes = static_cast<std::uint64_t>(status.st_size);
  attributes.links = status.st_nlink;
  return attributes;
}

bool is_kept_xattr(const std::string& name) {
  const std::string_view view(name);
  return view.starts_with("user.") || view.starts_with("security.") ||
         (view.starts_with("trusted.") && !view.starts_with("trusted.SGI_")) ||
         view == "system.posix_acl_access" || view == "system.posix_acl_default";
}

XattrReader::XattrReader(bool own_directory)
    : own_directory_(own_directory), names_(names_max), value_(value_max) {
}

template <typename List, typename Get>
Status XattrReader::collect(std::map<std::string, std::string>& xattrs, List list, Get get) {
  ssize_t listed = list(names_.data(), names_first);
  if (listed < 0 && errno == ERANGE) listed = list(names_.data(), names_max);
  if (listed < 0) {
    if (errno == ENOTSUP) return {};
    return Error::from_errno(errno, "list extended attributes");
  }
  std::size_t total = 0;
  const std::string_view all(names_.data(), static_cast<std::size_t>(listed));
  for (std::size_t at = 0; at < all.size();) {
    const std::string name(all.data() + at);  // Each name ends with a NUL.
    at += name.size() + 1;
    if (!is_kept_xattr(name)) continue;
    const ssize_t got = get(name.c_str(), value_.data(), value_max);
    if (got < 0) {
      if (errno == ENODATA || errno == ENOTSUP) continue;  // It went away in the meantime.
      return Error::from_errno(errno, "read extended attribute " + name);
    }
    total += name.size() + static_cast<std::size_t>(got);
    if (total > bytes_max)
      return Error{ErrorKind::invalid_input, 0, "more than 1 MiB of extended attributes"};
    xattrs.emplace(name, std::string(value_.data(), static_cast<std::size_t>(got)));
  }
  return {};
}

Status XattrReader::read(int fd, std::map<std::string, std::string>& xattrs) {
  return collect(
      xattrs, [fd](char* names, std::size_t bytes) { return ::flistxattr(fd, names, bytes); },
      [fd](const char* name, char* value, std::size_t bytes) {
        return ::fgetxattr(fd, name, value, bytes);
      });
}

Status XattrReader::read_path(const std::string& path, std::map<std::string, std::string>& xattrs) {
  return collect(
      xattrs, [&path](char* names, std::size_t bytes) { return ::listxattr(path.c_str(), names, bytes); },
      [&path](const char* xattr, char* value, std::size_t bytes) {
        return ::getxattr(path.c_str(), xattr, value, bytes);
      });
}

Status XattrReader::read_at(int directory, const char* name,
                            std::map<std::string, std::string>& xattrs) {
  std::string path;
  if (own_directory_) {
    if (::fchdir(directory) != 0) return Error::from_errno(errno, "enter the directory");
    path = name;
  } else {
    path = "/proc/self/fd/" + std::to_string(directory) + "/" + name;
  }
  return collect(
      xattrs,
      [&path](char* names, std::size_t bytes) { return ::llistxattr(path.c_str(), names, bytes); },
      [&path](const char* xattr, char* value, std::size_t bytes) {
        return ::lgetxattr(path.c_str(), xattr, value, bytes);
      });
}

bool separate_working_directory() {
  return ::unshare(CLONE_FS) == 0;
}

std::vector<DataRange> whole_pages(const std::vector<DataRange>& ranges, std::uint64_t bytes) {
  std::vector<DataRange> whole;
  for (const DataRange& range : ranges) {
    const std::uint64_t begin = round_down(range.offset, page);
    const std::uint64_t end = std::min(round_up(range.offset + range.bytes, page), bytes);
    if (begin >= end) continue;
    if (!whole.empty() && whole.back().offset + whole.back().bytes >= begin)
      whole.back().bytes = end - whole.back().offset;
    else
      whole.push_back({.offset = begin, .bytes = end - begin});
  }
  return whole;
}

std::vector<DataRange> map_data(int fd, std::uint64_t bytes) {
  std::vector<DataRange> ranges;
  for (std::uint64_t at = 0; at < bytes;) {
    const off_t data = ::lseek(fd, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // Nothing but a hole up to the end.
    const off_t hole = data < 0 ? -1 : ::lseek(fd, data, SEEK_HOLE);
    if (hole <= data || ranges.size() == ranges_max - 1) {
      const std::uint64_t from = data < 0 ? at : static_cast<std::uint64_t>(data);
      if (from < bytes) ranges.push_back({.offset = from, .bytes = bytes - from});
      break;
    }
    const auto begin = static_cast<std::uint64_t>(data);
    const std::uint64_t end = std::min(static_cast<std::uint64_t>(hole), bytes);
    if (begin < end) ranges.push_back({.offset = begin, .bytes = end - begin});
    at = static_cast<std::uint64_t>(hole);
  }
  return whole_pages(ranges, bytes);
}

bool may_have_holes(const struct stat& status, bool has_xattrs) {
  // st_blocks also counts what is not content, such as a block of extended attributes, which could
  // stand in for a missing block of data. Large files can always afford the question.
  constexpr off_t small = 64 * 1024;
  return has_xattrs || status.st_size > small || status.st_blocks * 512 < status.st_size;
}

}  // namespace holdfast::initiator
