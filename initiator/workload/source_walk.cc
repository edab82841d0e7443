#include "initiator/workload/source_walk.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <dirent.h>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "common/base/check.h"

namespace holdfast::initiator {
namespace {

constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
// O_NONBLOCK only for the opening: what was a file a moment ago may be a fifo by now.
constexpr int file_flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

void fill(SourceEntry& entry, const struct stat& status) {
  entry.attributes = attributes_of(status);
  entry.changed = time_of(status.st_ctim);
  entry.identity = identity_of(status);
}

SourceEntry end_of(const SourceEntry& directory) {
  SourceEntry end;
  end.kind = EntryKind::directory_end;
  end.name = directory.name;
  end.parent = directory.parent;
  end.attributes = directory.attributes;
  end.changed = directory.changed;
  end.identity = directory.identity;
  return end;
}

}  // namespace

Result<Fd> open_source(const std::string& path, struct stat& status) {
  const int fd = open_quietly(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Error::from_errno(-fd, path);
  Fd source(fd);
  if (::fstat(fd, &status) != 0) return Error::from_errno(errno, path);
  return source;
}

Result<std::unique_ptr<SourceWalk>> SourceWalk::open(const SourceOptions& options,
                                                     bool own_directory) {
  struct stat status {};
  Result<Fd> source = open_source(options.path, status);
  if (!source) return source.error();
  return std::unique_ptr<SourceWalk>(
      new SourceWalk(options, own_directory, std::move(source).value(), status));
}

SourceWalk::SourceWalk(const SourceOptions& options, bool own_directory, Fd source,
                       const struct stat& status)
    : options_(options),
      xattrs_(own_directory),
      directories_(std::move(source), identity_of(status), options.path) {
  SourceEntry& end = inside_.emplace_back();
  end.kind = EntryKind::directory_end;
  end.name = options.path;
  fill(end, status);
}

bool SourceWalk::step(std::vector<SourceEntry>& entries, std::vector<SourceProblem>& problems) {
  if (directories_.done()) return false;
  entries_ = &entries;
  problems_ = &problems;
  if (!begun_) {
    begin();
    return true;
  }
  Result<DirectoryWalk::Name> next = directories_.next();
  if (!next)
    problem(inside_.back(), next.error().message);
  else if (next->name != nullptr)
    take(*next);
  else
    leave_directory();
  return !directories_.done();
}

void SourceWalk::begin() {
  begun_ = true;
  SourceEntry& end = inside_.back();
  note(end, xattrs_.read(directories_.fd(), end.attributes.xattrs));
  SourceEntry source = end_of(end);
  source.kind = EntryKind::directory;
  entries_->push_back(std::move(source));
}

void SourceWalk::take(const DirectoryWalk::Name& name) {
  SourceEntry entry;
  entry.name = name.name;
  entry.parent = directories_.directory();
  if (name.type == DT_DIR) return take_directory(std::move(entry));
  if (name.type == DT_REG) return take_file(std::move(entry));
  struct stat status {};
  if (::fstatat(directories_.fd(), entry.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return problem(entry, errno);
  if (S_ISDIR(status.st_mode)) return take_directory(std::move(entry));
  if (S_ISREG(status.st_mode)) return take_file(std::move(entry));
  take_node(std::move(entry), status);
}

void SourceWalk::take_directory(SourceEntry entry) {
  const int fd = open_quietly(directories_.fd(), entry.name.c_str(), directory_flags);
  if (fd < 0) return take_unreadable_directory(std::move(entry), -fd);
  Fd directory(fd);
  struct stat status {};
  if (::fstat(fd, &status) != 0) return problem(entry, errno);
  entry.kind = EntryKind::directory;
  fill(entry, status);
  note(entry, xattrs_.read(fd, entry.attributes.xattrs));
  inside_.push_back(end_of(entry));
  directories_.enter(std::move(directory), entry.identity, entry.name);
  entries_->push_back(std::move(entry));
}

void SourceWalk::take_unreadable_directory(SourceEntry entry, int error) {
  problem(entry, error);
  struct stat status {};
  const char* name = entry.name.c_str();
  if (::fstatat(directories_.fd(), name, &status, AT_SYMLINK_NOFOLLOW) != 0) return;
  if (!S_ISDIR(status.st_mode)) return;
  // It is there, only closed to us: as with cp, its place and attributes are kept.
  entry.kind = EntryKind::directory;
  fill(entry, status);
  note(entry, xattrs_.read_at(directories_.fd(), name, entry.attributes.xattrs));
  SourceEntry end = end_of(entry);
  entries_->push_back(std::move(entry));
  entries_->push_back(std::move(end));
}

void SourceWalk::take_file(SourceEntry entry) {
  const int fd = open_quietly(directories_.fd(), entry.name.c_str(), file_flags);
  if (fd < 0) return problem(entry, -fd);
  entry.file = Fd(fd);
  struct stat status {};
  if (::fstat(fd, &status) != 0) return problem(entry, errno);
  if (!S_ISREG(status.st_mode)) return problem(entry, "became something else while it was read");
  // The reads that follow are for the ring, which would not wait for a non-blocking file.
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0) return problem(entry, errno);
  entry.kind = EntryKind::file;
  fill(entry, status);
  if (std::find(options_.skip.begin(), options_.skip.end(), entry.identity) != options_.skip.end())
    return problem(entry, "is what is being written to; left out");
  if (take_link(entry, status)) return;
  Status read = xattrs_.read(fd, entry.attributes.xattrs);
  note(entry, read);
  const std::uint64_t bytes = entry.attributes.bytes;
  if (may_have_holes(status, !entry.attributes.xattrs.empty()))
    entry.ranges = map_data(fd, bytes);
  else if (bytes > 0)
    entry.ranges.push_back({.offset = 0, .bytes = bytes});
  remember_link(entry, status);
  entries_->push_back(std::move(entry));
}

void SourceWalk::take_node(SourceEntry entry, const struct stat& status) {
  const char* name = entry.name.c_str();
  fill(entry, status);
  if (take_link(entry, status)) return;
  entry.kind = S_ISLNK(status.st_mode) ? EntryKind::symlink : EntryKind::special;
  if (entry.kind == EntryKind::symlink) {
    char target[PATH_MAX];
    const ssize_t got = ::readlinkat(directories_.fd(), name, target, sizeof target);
    if (got < 0) return problem(entry, errno);
    entry.target.assign(target, static_cast<std::size_t>(got));
  }
  note(entry, xattrs_.read_at(directories_.fd(), name, entry.attributes.xattrs));
  remember_link(entry, status);
  entries_->push_back(std::move(entry));
}

bool SourceWalk::take_link(SourceEntry& entry, const struct stat& status) {
  if (status.st_nlink < 2) return false;
  std::shared_ptr<LinkGroup> group = links_.find(entry.identity);
  if (!group) return false;
  entry.kind = EntryKind::hard_link;
  entry.file.reset();
  entry.link = std::move(group);
  entries_->push_back(std::move(entry));
  return true;
}

void SourceWalk::remember_link(SourceEntry& entry, const struct stat& status) {
  if (status.st_nlink < 2) return;
  entry.link = links_.add(entry.identity, status.st_nlink);
  if (!entry.link)
    problem(entry, "too many hard-linked files at once: this name becomes a file of its own");
}

void SourceWalk::leave_directory() {
  SourceEntry end = std::move(inside_.back());
  inside_.pop_back();
  struct stat status {};
  const bool known = directories_.fd() >= 0 && ::fstat(directories_.fd(), &status) == 0;
  if (known && time_of(status.st_mtim) != end.attributes.modified)
    problem(end, "changed while it was read: entries may have come or gone");
  directories_.leave();
  entries_->push_back(std::move(end));
}

void SourceWalk::note(const SourceEntry& entry, const Status& status) {
  if (!status) problem(entry, status.error().message);
}

void SourceWalk::problem(const SourceEntry& entry, std::string reason) {
  problems_->push_back({entry.path(), std::move(reason)});
}

void SourceWalk::problem(const SourceEntry& entry, int error) {
  problem(entry, std::generic_category().message(error));
}

}  // namespace holdfast::initiator
