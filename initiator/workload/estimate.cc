#include "initiator/workload/estimate.h"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <map>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "common/base/units.h"
#include "common/runtime/wakeup.h"
#include "common/runtime/blocking_thread.h"
#include "initiator/workload/directory_walk.h"
#include "initiator/workload/link_table.h"

namespace holdfast::initiator {
namespace {

constexpr std::uint64_t block = 4096;
constexpr std::uint64_t extent_bytes_max = 128 * MiB;  // 32768 blocks
constexpr std::uint64_t extents_in_inode = 4;
constexpr std::uint64_t extents_in_block = 340;
constexpr std::uint64_t entry_bytes_max = 264;
constexpr std::uint64_t fast_symlink_bytes = 60;
constexpr std::uint64_t xattr_bytes_in_inode = 90;

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int file_flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

bool later(const FileTime& time, const FileTime& than) {
  if (time.seconds != than.seconds) return time.seconds > than.seconds;
  return time.nanoseconds > than.nanoseconds;
}

std::uint64_t divide_up(std::uint64_t value, std::uint64_t by) {
  return (value + by - 1) / by;
}

/// The first pass itself. Blocks.
class Estimator {
 public:
  Estimator(const SourceOptions& options, const std::atomic<bool>& cancelled)
      : options_(options), cancelled_(cancelled), xattrs_(separate_working_directory()) {}

  Result<SourceEstimate> run() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);  // The clock that stamps files.
    estimate_.mark.started = time_of(now);
    struct stat status {};
    Result<Fd> source = open_source(options_.path, status);
    if (!source) return source.error();
    DirectoryWalk walk(std::move(source).value(), identity_of(status), options_.path);
    count_directory(walk.fd(), status);
    while (!walk.done()) {
      if (cancelled_)
        return Error{ErrorKind::cancelled, 0, "looking through the source: cancelled"};
      Result<DirectoryWalk::Name> next = walk.next();
      if (next && next->name != nullptr)
        take(walk, *next);
      else if (next)
        leave(walk);
    }
    return estimate_;
  }

 private:
  void take(DirectoryWalk& walk, const DirectoryWalk::Name& name) {
    const std::string own(name.name);
    struct stat status {};
    if (::fstatat(walk.fd(), own.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return;
    name_bytes_.back() += directory_entry_bytes(own.size());
    if (!S_ISDIR(status.st_mode)) return count_node(walk.fd(), own, status);
    const int fd = open_quietly(walk.fd(), own.c_str(), directory_flags);
    count_directory(fd, status);
    if (fd < 0) {
      estimate_.space_bytes += directory_space(0);
      name_bytes_.pop_back();
      return;
    }
    walk.enter(Fd(fd), identity_of(status), own);
  }

  void leave(DirectoryWalk& walk) {
    estimate_.space_bytes += directory_space(name_bytes_.back());
    name_bytes_.pop_back();
    walk.leave();
  }

  void count_directory(int fd, const struct stat& status) {
    ++estimate_.directories;
    stamp(status);
    name_bytes_.push_back(0);
    std::map<std::string, std::string> xattrs;
    if (fd >= 0 && xattrs_.read(fd, xattrs)) count_xattrs(xattrs);
  }

  void count_node(int directory, const std::string& name, const struct stat& status) {
    const FileIdentity identity = identity_of(status);
    const auto& skip = options_.skip;
    if (std::find(skip.begin(), skip.end(), identity) != skip.end()) return;
    stamp(status);
    if (status.st_nlink > 1) {
      if (links_.find(identity)) {
        ++estimate_.links;
        return;
      }
      links_.add(identity, status.st_nlink);
    }
    std::map<std::string, std::string> xattrs;
    if (xattrs_.read_at(directory, name.c_str(), xattrs)) count_xattrs(xattrs);
    if (S_ISREG(status.st_mode)) return count_file(directory, name, status);
    ++estimate_.others;
    if (S_ISLNK(status.st_mode))
      estimate_.space_bytes += symlink_space(static_cast<std::uint64_t>(status.st_size));
  }

  void count_file(int directory, const std::string& name, const struct stat& status) {
    ++estimate_.files;
    const auto bytes = static_cast<std::uint64_t>(status.st_size);
    std::vector<DataRange> ranges;
    if (bytes > 0) ranges.push_back({.offset = 0, .bytes = bytes});
    if (status.st_blocks * 512 < status.st_size) {
      const Fd file(open_quietly(directory, name.c_str(), file_flags));
      if (file) ranges = map_data(file.get(), bytes);
    }
    for (const DataRange& range : ranges) estimate_.data_bytes += range.bytes;
    estimate_.space_bytes += file_space(ranges);
  }

  void count_xattrs(const std::map<std::string, std::string>& xattrs) {
    std::uint64_t bytes = 0;
    for (const auto& [name, value] : xattrs) bytes += name.size() + value.size() + 16;
    estimate_.xattr_bytes += bytes;
    estimate_.space_bytes += xattr_space(bytes);
  }

  void stamp(const struct stat& status) {
    SourceMark& mark = estimate_.mark;
    if (later(time_of(status.st_ctim), mark.newest_change))
      mark.newest_change = time_of(status.st_ctim);
    if (later(time_of(status.st_atim), mark.newest_access))
      mark.newest_access = time_of(status.st_atim);
  }

  const SourceOptions& options_;
  const std::atomic<bool>& cancelled_;
  XattrReader xattrs_;
  LinkTable links_;
  std::vector<std::uint64_t> name_bytes_;  // per directory that the walk is inside of
  SourceEstimate estimate_;
};

}  // namespace

bool SourceMark::changed_since(const FileTime& change) const {
  return later(change, newest_change) || !later(started, change);
}

bool SourceMark::accessed_since(const FileTime& access) const {
  return later(access, newest_access) || !later(started, access);
}

std::uint64_t file_space(const std::vector<DataRange>& ranges) {
  std::uint64_t bytes = 0;
  std::uint64_t extents = 0;
  for (const DataRange& range : ranges) {
    bytes += round_up(range.bytes, block);
    extents += divide_up(range.bytes, extent_bytes_max);
  }
  if (extents > extents_in_inode) bytes += (divide_up(extents, extents_in_block) + 1) * block;
  return bytes;
}

std::uint64_t directory_space(std::uint64_t name_bytes) {
  // A block is left for the next one when an entry does not fit, so at most one entry is wasted.
  // The two blocks more are "." and ".." with a checksum, and an index.
  const std::uint64_t blocks = divide_up(name_bytes + 40, block - entry_bytes_max);
  return (blocks > 1 ? blocks + 1 : 1) * block;
}

std::uint64_t directory_entry_bytes(std::size_t name_length) {
  return 8 + round_up(name_length, 4);
}

std::uint64_t symlink_space(std::uint64_t target_bytes) {
  return target_bytes < fast_symlink_bytes ? 0 : block;
}

std::uint64_t xattr_space(std::uint64_t xattr_bytes) {
  return xattr_bytes <= xattr_bytes_in_inode ? 0 : round_up(xattr_bytes, block);
}

Task<Result<SourceEstimate>> estimate_source(const SourceOptions& options,
                                             const std::atomic<bool>& cancelled) {
  Result<Wakeup> finished = Wakeup::open();
  if (!finished) co_return finished.error();
  Result<SourceEstimate> estimate = SourceEstimate{};
  {
    BlockingThread thread([&options, &cancelled, &estimate, &finished] {
      estimate = Estimator(options, cancelled).run();
      finished->notify();
    });
    co_await finished->wait();
  }
  co_return estimate;
}

}  // namespace holdfast::initiator
