#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <utility>

#include "common/base/check.h"
#include "initiator/tree/directory_errors.h"
#include "initiator/tree/directory_listing.h"
#include "initiator/tree/directory_node.h"
#include "initiator/tree/directory_parts.h"
#include "initiator/tree/local_metadata.h"

namespace holdfast::initiator {
namespace {

/// An ext filesystem has this inode for its own lost+found, at its top.
constexpr std::uint64_t lost_and_found_inode = 11;

bool is_filesystems_own(const ListedName& one, int directory, CallSite& site) {
  if (one.name != lost_and_found || one.number != lost_and_found_inode) return false;
  site.enter("openat");
  const Fd fd(open_to_read(directory, lost_and_found, true));
  if (!fd) return false;
  Result<std::vector<ListedName>> names = list_directory(fd.get(), site);
  return names && names->empty();
}

/// Number and kind from the filesystem itself, where readdir cannot be believed.
Status ask_for(ListedName& one, int directory, CallSite& site) {
  struct stat status {};
  site.enter("newfstatat");
  if (::fstatat(directory, one.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
    return directory_error(errno, "look at " + one.name);
  one.number = status.st_ino;
  one.type = status.st_mode & S_IFMT;
  return {};
}

Result<std::vector<ListedName>> list_place(OpenPlaces& places, const Place& place, bool believe, CallSite& site) {
  Result<SharedFd> fd = places.open(place, site);
  if (!fd) return fd.error();
  const int directory = (*fd)->get();
  Result<std::vector<ListedName>> names = list_directory(directory, site);
  if (!names) return names;
  for (ListedName& one : *names) {
    if (believe && one.type != 0) continue;
    if (Status asked = ask_for(one, directory, site); !asked) return asked.error();
  }
  if (place->parent() == nullptr)
    std::erase_if(*names, [&](const ListedName& one) { return is_filesystems_own(one, directory, site); });
  return names;
}

Result<Attributes> attributes_of_node(const NodeFd& node, CallSite& site) {
  struct stat status {};
  site.enter("fstat");
  if (::fstat(node.get(), &status) != 0) return directory_error(errno, "read the attributes");
  Attributes attributes = attributes_of(status);
  if (Status read = node.read_xattrs(attributes.xattrs, site); !read) return read.error();
  return attributes;
}

Result<Attributes> attributes_of_place(OpenPlaces& places, const Place& place, CallSite& site) {
  if (S_ISREG(place->type()) || S_ISDIR(place->type())) {
    Result<SharedFd> fd = places.open(place, site);
    if (fd) return attributes_of_node(NodeFd((*fd)->get()), site);
    if (fd.error().code != EACCES) return fd.error();  // It can be looked at, though not read.
  }
  Result<SharedFd> directory = places.open_parent(place, site);
  if (!directory) return directory.error();
  Result<NodeFd> node = NodeFd::open_path((*directory)->get(), place->name(), site);
  if (!node) return node.error();
  return attributes_of_node(*node, site);
}

Result<std::size_t> read_all(int fd, std::span<std::byte> data, std::uint64_t offset, CallSite& site) {
  std::size_t filled = 0;
  while (filled < data.size()) {
    site.enter("pread64");
    const ssize_t got =
        ::pread(fd, data.data() + filled, data.size() - filled, static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return directory_error(errno, "read");
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

/// F_OFD_SETLKW, or the release of such a lock. The lock belongs to the open file, and so to us.
Status set_lock(int fd, short type, std::uint64_t offset, std::uint64_t bytes, CallSite& site) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(offset);
  range.l_len = static_cast<off_t>(bytes);
  site.enter(type == F_UNLCK ? "fcntl(F_OFD_SETLK)" : "fcntl(F_OFD_SETLKW)");
  int result = 0;
  do {
    result = ::fcntl(fd, F_OFD_SETLKW, &range);
  } while (result != 0 && errno == EINTR);
  return result == 0 ? Status() : Status(directory_error(errno, type == F_UNLCK ? "unlock" : "lock"));
}

Status open_to_lock(OpenPlaces& places, const Place& place, std::mutex& opening, Fd& fd, CallSite& site) {
  const std::lock_guard lock(opening);
  if (fd) return {};
  Result<SharedFd> directory = places.open_parent(place, site);
  if (!directory) return directory.error();
  site.enter("openat");
  fd = Fd(::openat((*directory)->get(), place->name().c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  return fd ? Status() : Status(directory_error(errno, "open to lock"));
}

}  // namespace

Task<Result<std::vector<DirectoryEntry>>> DirectoryTree::read_directory(NodeId directory) {
  Place place = place_of(directory);
  auto work = [parts = parts_.get(), place, believe = found_.numbers_in_entries](CallSite& site) {
    return list_place(parts->places, place, believe, site);
  };
  Result<std::vector<ListedName>> names = co_await perform(std::move(work));
  if (!names) co_return names.error();
  std::vector<DirectoryEntry> entries;
  entries.reserve(names->size());
  for (ListedName& one : *names) {
    const NodeId node{one.number};
    const auto [found, is_new] = nodes_.try_emplace(node);
    if (is_new) found->second.place = std::make_shared<DirectoryPlace>(place, one.name, one.type);
    entries.push_back({.name = std::move(one.name), .node = node, .mode = one.type});
  }
  co_return entries;
}

Task<Result<Attributes>> DirectoryTree::read_attributes(NodeId node) {
  auto work = [parts = parts_.get(), place = place_of(node)](CallSite& site) {
    return attributes_of_place(parts->places, place, site);
  };
  Result<Attributes> attributes = co_await perform(std::move(work));
  co_return attributes;
}

Task<Result<std::string>> DirectoryTree::read_link(NodeId node) {
  auto work = [parts = parts_.get(), place = place_of(node)](CallSite& site) -> Result<std::string> {
    Result<SharedFd> directory = parts->places.open_parent(place, site);
    if (!directory) return directory.error();
    std::array<char, PATH_MAX + 1> target{};
    site.enter("readlinkat");
    const ssize_t got = ::readlinkat((*directory)->get(), place->name().c_str(), target.data(), target.size());
    if (got < 0) return directory_error(errno, "read the symlink");
    return std::string(target.data(), static_cast<std::size_t>(got));
  };
  Result<std::string> target = co_await perform(std::move(work));
  co_return target;
}

Task<Result<std::size_t>> DirectoryTree::read(NodeId node, std::uint64_t offset, std::span<std::byte> data,
                                              std::uint32_t) {
  auto work = [parts = parts_.get(), place = place_of(node), offset, data](CallSite& site) -> Result<std::size_t> {
    Result<SharedFd> fd = parts->places.open(place, site);
    if (!fd) return fd.error();
    return read_all((*fd)->get(), data, offset, site);
  };
  Result<std::size_t> got = co_await perform(std::move(work));
  co_return got;
}

Task<Result<std::vector<DataRange>>> DirectoryTree::read_data_ranges(NodeId node) {
  auto work = [parts = parts_.get(), place = place_of(node)](CallSite& site) -> Result<std::vector<DataRange>> {
    Result<SharedFd> fd = parts->places.open(place, site);
    if (!fd) return fd.error();
    struct stat status {};
    site.enter("fstat");
    if (::fstat((*fd)->get(), &status) != 0) return directory_error(errno, "read the size");
    site.enter("lseek");
    return map_data((*fd)->get(), static_cast<std::uint64_t>(status.st_size));
  };
  Result<std::vector<DataRange>> ranges = co_await perform(std::move(work));
  co_return ranges;
}

Task<Status> DirectoryTree::lock(NodeId node, std::uint64_t offset, std::uint64_t bytes, bool exclusive) {
  Node& locked_node = nodes_.at(node);
  ++locked_node.locks;
  if (locked_node.locking == nullptr) locked_node.locking = std::make_shared<Locking>();
  auto work = [parts = parts_.get(), place = locked_node.place, locking = locked_node.locking, offset, bytes,
               exclusive](CallSite& site) -> Status {
    if (Status opened = open_to_lock(parts->places, place, locking->opening, locking->fd, site); !opened) return opened;
    return set_lock(locking->fd.get(), exclusive ? F_WRLCK : F_RDLCK, offset, bytes, site);
  };
  auto call = parts_->calls.start(*parts_->lock_crew, std::move(work));
  co_await call->wait();
  Status locked = call->take();
  if (locked) co_return locked;
  note(locked.error());
  // The last one's descriptor, if it has one, goes with the next lock's or at the end.
  --nodes_.at(node).locks;
  co_return locked;
}

Task<Status> DirectoryTree::unlock(NodeId node, std::uint64_t offset, std::uint64_t bytes) {
  Node& locked_node = nodes_.at(node);
  CHECK(locked_node.locks > 0);
  std::shared_ptr<Locking> locking = locked_node.locking;
  if (--locked_node.locks == 0) locked_node.locking.reset();
  auto work = [locking = std::move(locking), offset, bytes](CallSite& site) {
    return set_lock(locking->fd.get(), F_UNLCK, offset, bytes, site);
  };
  Status unlocked = co_await perform(std::move(work));
  co_return unlocked;
}

}  // namespace holdfast::initiator
