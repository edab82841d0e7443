#include "initiator/workload/compare.h"

#include <algorithm>
#include <cstring>
#include <fmt/core.h>
#include <map>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace holdfast::initiator {
namespace {

constexpr const char* kind_of(std::uint32_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return "directory";
    case S_IFREG:
      return "file";
    case S_IFLNK:
      return "symlink";
    case S_IFIFO:
      return "fifo";
    case S_IFSOCK:
      return "socket";
    case S_IFCHR:
      return "character device";
    case S_IFBLK:
      return "block device";
    default:
      return "unknown";
  }
}

std::string spell(const FileTime& time) {
  return fmt::format("{}.{:09}", time.seconds, time.nanoseconds);
}

bool is_device(std::uint32_t mode) {
  return S_ISCHR(mode) || S_ISBLK(mode);
}

bool later(const FileTime& time, const FileTime& than) {
  if (time.seconds != than.seconds) return time.seconds > than.seconds;
  return time.nanoseconds > than.nanoseconds;
}

void compare_xattrs(const std::map<std::string, std::string>& source,
                    const std::map<std::string, std::string>& copy,
                    std::vector<std::string>& found) {
  for (const auto& [name, value] : source) {
    const auto same = copy.find(name);
    if (same == copy.end())
      found.push_back(fmt::format("xattr {}: missing in the copy", name));
    else if (same->second != value)
      found.push_back(fmt::format("xattr {}: the value differs", name));
  }
  for (const auto& [name, value] : copy) {
    if (!source.contains(name)) found.push_back(fmt::format("xattr {}: only in the copy", name));
  }
}

}  // namespace

std::vector<std::string> differences(const Attributes& source, const Attributes& copy,
                                     const SourceMark& mark) {
  std::vector<std::string> found;
  if ((source.mode & S_IFMT) != (copy.mode & S_IFMT)) {
    found.push_back(fmt::format("kind: {}, {}", kind_of(source.mode), kind_of(copy.mode)));
    return found;
  }
  if (source.mode != copy.mode)
    found.push_back(fmt::format("mode: {:04o}, {:04o}", source.mode & 07777u, copy.mode & 07777u));
  if (source.uid != copy.uid) found.push_back(fmt::format("owner: {}, {}", source.uid, copy.uid));
  if (source.gid != copy.gid) found.push_back(fmt::format("group: {}, {}", source.gid, copy.gid));
  if (source.modified != copy.modified)
    found.push_back(
        fmt::format("time modified: {}, {}", spell(source.modified), spell(copy.modified)));
  if (!same_access(source, copy, mark))
    found.push_back(
        fmt::format("time accessed: {}, {}", spell(source.accessed), spell(copy.accessed)));
  if (is_device(source.mode) && source.device != copy.device)
    found.push_back(fmt::format("device: {}:{}, {}:{}", major(source.device), minor(source.device),
                                major(copy.device), minor(copy.device)));
  if (S_ISREG(source.mode) && source.bytes != copy.bytes)
    found.push_back(fmt::format("size: {}, {}", source.bytes, copy.bytes));
  compare_xattrs(source.xattrs, copy.xattrs, found);
  return found;
}

bool same_access(const Attributes& source, const Attributes& copy, const SourceMark& mark) {
  const bool read_since = mark.accessed_since(source.accessed);
  return read_since ? !later(copy.accessed, source.accessed) : copy.accessed == source.accessed;
}

std::vector<DataRange> beyond(std::span<const DataRange> copy, std::span<const DataRange> source) {
  std::vector<DataRange> found;
  auto covering = source.begin();
  for (const DataRange& range : copy) {
    const std::uint64_t end = range.offset + range.bytes;
    std::uint64_t at = range.offset;
    while (at < end) {
      while (covering != source.end() && covering->offset + covering->bytes <= at) ++covering;
      const std::uint64_t next =
          covering == source.end() ? end : std::min(end, std::max(at, covering->offset));
      if (next > at) found.push_back({.offset = at, .bytes = next - at});
      at = covering == source.end() ? end : std::max(next, covering->offset + covering->bytes);
    }
  }
  return found;
}

std::optional<std::size_t> first_difference(std::span<const std::byte> one,
                                            std::span<const std::byte> other) {
  if (one.empty() || std::memcmp(one.data(), other.data(), one.size()) == 0) return std::nullopt;
  const auto differs = std::mismatch(one.begin(), one.end(), other.begin());
  return static_cast<std::size_t>(differs.first - one.begin());
}

std::optional<std::size_t> first_nonzero(std::span<const std::byte> data) {
  const auto found =
      std::find_if(data.begin(), data.end(), [](std::byte byte) { return byte != std::byte{0}; });
  if (found == data.end()) return std::nullopt;
  return static_cast<std::size_t>(found - data.begin());
}

}  // namespace holdfast::initiator
