#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/base/check.h"
#include "common/base/units.h"
#include "initiator/tree/directory_errors.h"
#include "initiator/tree/directory_node.h"
#include "initiator/tree/directory_parts.h"

namespace holdfast::initiator {
namespace {

/// Only what is as large as this is worth the question whether it will fit.
constexpr std::uint64_t large_file = 64 * MiB;

/// Takes a node away again that could not be made whole, and returns why.
Error undo(const Error& error, int directory, const std::string& name, int flags, CallSite& site) {
  site.enter("unlinkat");
  ::unlinkat(directory, name.c_str(), flags);
  return error;
}

Status check_room(int directory, std::uint64_t bytes, CallSite& site) {
  struct statvfs space {};
  site.enter("fstatfs");
  if (::fstatvfs(directory, &space) != 0) return directory_error(errno, "ask for free space");
  if (bytes <= static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize) return {};
  return directory_error(ENOSPC, "make the file");
}

/// A new empty file; what its data does not change is set.
Result<Fd> make_file(OpenPlaces& places, const Place& place, const Attributes& attributes, std::uint64_t data_bytes,
                     CallSite& site) {
  Result<SharedFd> directory = places.open_parent(place, site);
  if (!directory) return directory.error();
  const int parent = (*directory)->get();
  if (data_bytes >= large_file) {
    if (Status room = check_room(parent, data_bytes, site); !room) return room.error();
  }
  site.enter("openat");
  Fd fd(::openat(parent, place->name().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return directory_error(errno, "make the file");
  const bool given_acl = place->parent()->gives_acl;
  if (!attributes.xattrs.empty() || given_acl) {
    Status set = put_new_xattrs(NodeFd(fd.get()), attributes.xattrs, S_IFREG, given_acl, site);
    if (!set) return undo(set.error(), parent, place->name(), 0, site);
  }
  return fd;
}

Status end_file(int fd, const Attributes& attributes, std::uint64_t written_to, bool sync,
                const DirectoryAbilities& abilities, CallSite& site) {
  if (written_to < attributes.bytes) {
    site.enter("ftruncate");
    if (::ftruncate(fd, static_cast<off_t>(attributes.bytes)) != 0) return directory_error(errno, "set the size");
  }
  if (Status put = put_attributes(NodeFd(fd), attributes, abilities, site); !put) return put;
  if (!sync) return {};
  site.enter("fsync");
  return ::fsync(fd) == 0 ? Status() : Status(directory_error(errno, "sync the file"));
}

Status write_all(int fd, std::span<const std::byte> data, std::uint64_t offset, CallSite& site) {
  while (!data.empty()) {
    site.enter("pwrite64");
    const ssize_t put = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return directory_error(errno, "write");
    data = data.subspan(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return {};
}

/// A directory, a symlink or a special node, by its new name, with everything that it shall have.
Status finish_new(const NodeFd& node, const Place& place, const Attributes& attributes,
                  const DirectoryAbilities& abilities, CallSite& site) {
  const bool given_acl = place->parent()->gives_acl;
  if (!attributes.xattrs.empty() || given_acl) {
    Status set = put_new_xattrs(node, attributes.xattrs, place->type(), given_acl, site);
    if (!set) return set;
  }
  return put_attributes(node, attributes, abilities, site);
}

Status make_directory_at(OpenPlaces& places, const Place& place, const Attributes& attributes,
                         const DirectoryAbilities& abilities, CallSite& site) {
  Result<SharedFd> directory = places.open_parent(place, site);
  if (!directory) return directory.error();
  const int parent = (*directory)->get();
  site.enter("mkdirat");
  if (::mkdirat(parent, place->name().c_str(), 0700) != 0) return directory_error(errno, "make the directory");
  site.enter("openat");
  const int opened = open_to_read(parent, place->name().c_str(), true);
  Status made = opened < 0 ? Status(directory_error(-opened, "open the directory")) : Status();
  if (!made) return undo(made.error(), parent, place->name(), AT_REMOVEDIR, site);
  SharedFd fd = std::make_shared<const Fd>(opened);
  made = finish_new(NodeFd(opened), place, attributes, abilities, site);
  if (!made) return undo(made.error(), parent, place->name(), AT_REMOVEDIR, site);
  places.keep(place, std::move(fd));
  return {};
}

/// Symlinks and special nodes: `make` is the one system call that differs.
template <typename Make>
Status make_node_at(OpenPlaces& places, const Place& place, const Attributes& attributes,
                    const DirectoryAbilities& abilities, CallSite& site, Make make) {
  Result<SharedFd> directory = places.open_parent(place, site);
  if (!directory) return directory.error();
  const int parent = (*directory)->get();
  if (Status called = make(parent); !called) return called;
  Result<NodeFd> node = NodeFd::open_path(parent, place->name(), site);
  Status made = node ? finish_new(*node, place, attributes, abilities, site) : Status(node.error());
  if (!made) return undo(made.error(), parent, place->name(), 0, site);
  return {};
}

bool gives_acl(const Attributes& attributes) { return attributes.xattrs.contains("system.posix_acl_default"); }

}  // namespace

Task<Result<NodeId>> DirectoryTree::make_directory(NodeId parent, const std::string& name,
                                                   const Attributes& attributes) {
  Place place = place_in(parent, name, S_IFDIR);
  auto work = [parts = parts_.get(), place, attributes = kept(attributes)](CallSite& site) mutable -> Status {
    // Without root's rights we must be able to fill it; its own mode comes with `set_attributes`.
    if (!parts->abilities.owners) attributes.mode |= S_IRWXU;
    place->gives_acl = gives_acl(attributes);
    return make_directory_at(parts->places, place, attributes, parts->abilities, site);
  };
  Status made = co_await perform(std::move(work));
  if (!made) co_return made.error();
  co_return add(std::move(place));
}

Task<Result<NodeId>> DirectoryTree::create_file(NodeId parent, const std::string& name, const Attributes& attributes,
                                                std::span<const DataRange> ranges, std::uint32_t) {
  Place place = place_in(parent, name, S_IFREG);
  auto writing = std::make_shared<Writing>();
  writing->attributes = kept(attributes);
  writing->sync = found_.sync_each_file;
  std::uint64_t data_bytes = 0;
  for (const DataRange& range : ranges) data_bytes += range.bytes;
  auto work = [parts = parts_.get(), place, writing, data_bytes](CallSite& site) mutable -> Result<std::shared_ptr<Writing>> {
    Result<Fd> fd = make_file(parts->places, place, writing->attributes, data_bytes, site);
    if (!fd) return fd.error();
    writing->fd = std::move(fd).value();
    return std::move(writing);
  };
  writing.reset();  // With its descriptor it must not end on this thread.
  Result<std::shared_ptr<Writing>> made = co_await perform(std::move(work));
  if (!made) co_return made.error();
  const NodeId node = add(std::move(place));
  nodes_[node].writing = std::move(made).value();
  co_return node;
}

Task<Status> DirectoryTree::write(NodeId file, std::uint64_t offset, std::span<const std::byte> data) {
  const auto found = nodes_.find(file);
  CHECK(found != nodes_.end() && found->second.writing != nullptr);
  std::uint64_t& written_to = found->second.writing->written_to;
  written_to = std::max(written_to, offset + data.size());
  auto work = [writing = found->second.writing, data, offset](CallSite& site) {
    return write_all(writing->fd.get(), data, offset, site);
  };
  Status written = co_await perform(std::move(work));
  if (!written && failure_.ok()) failure_ = written;
  co_return written;
}

Task<Status> DirectoryTree::finish_file(NodeId file) {
  const auto found = nodes_.find(file);
  CHECK(found != nodes_.end() && found->second.writing != nullptr);
  auto work = [parts = parts_.get(), writing = std::move(found->second.writing)](CallSite& site) mutable -> Status {
    const int fd = writing->fd.get();
    Status ended = end_file(fd, writing->attributes, writing->written_to, writing->sync, parts->abilities, site);
    // A network filesystem writes its last data here, and says here what became of it.
    site.enter("close");
    const bool closed = ::close(writing->fd.release()) == 0 || errno == EINTR;
    if (ended && !closed) ended = directory_error(errno, "close");
    return ended;
  };
  Status finished = co_await perform(std::move(work));
  if (!finished && failure_.ok()) failure_ = finished;
  co_return finished;
}

Task<Status> DirectoryTree::link(NodeId node, NodeId parent, const std::string& name) {
  auto work = [parts = parts_.get(), from = place_of(node), to = place_in(parent, name, 0)](CallSite& site) -> Status {
    Result<SharedFd> there = parts->places.open_parent(from, site);
    if (!there) return there.error();
    Result<SharedFd> here = parts->places.open_parent(to, site);
    if (!here) return here.error();
    site.enter("linkat");
    if (::linkat((*there)->get(), from->name().c_str(), (*here)->get(), to->name().c_str(), 0) == 0) return {};
    return directory_error(errno, "make a further name");
  };
  Status linked = co_await perform(std::move(work));
  co_return linked;
}

Task<Result<NodeId>> DirectoryTree::make_symlink(NodeId parent, const std::string& name, const std::string& target,
                                                 const Attributes& attributes) {
  Place place = place_in(parent, name, S_IFLNK);
  auto work = [parts = parts_.get(), place, target, attributes = kept(attributes)](CallSite& site) {
    return make_node_at(parts->places, place, attributes, parts->abilities, site, [&](int directory) -> Status {
      site.enter("symlinkat");
      if (::symlinkat(target.c_str(), directory, place->name().c_str()) == 0) return {};
      return directory_error(errno, "make the symlink");
    });
  };
  Status made = co_await perform(std::move(work));
  if (!made) co_return made.error();
  co_return add(std::move(place));
}

Task<Result<NodeId>> DirectoryTree::make_special(NodeId parent, const std::string& name,
                                                 const Attributes& attributes) {
  Place place = place_in(parent, name, attributes.mode);
  auto work = [parts = parts_.get(), place, attributes = kept(attributes)](CallSite& site) {
    return make_node_at(parts->places, place, attributes, parts->abilities, site, [&](int directory) -> Status {
      site.enter("mknodat");
      if (::mknodat(directory, place->name().c_str(), (attributes.mode & S_IFMT) | 0600, attributes.device) == 0) return {};
      return directory_error(errno, "make the special node");
    });
  };
  Status made = co_await perform(std::move(work));
  if (!made) co_return made.error();
  co_return add(std::move(place));
}

Task<Status> DirectoryTree::set_attributes(NodeId node, const Attributes& attributes) {
  auto work = [parts = parts_.get(), place = place_of(node), attributes = kept(attributes)](CallSite& site) -> Status {
    SharedFd opened;
    Result<NodeFd> target = Error{ErrorKind::refused, EINVAL, ""};
    if (S_ISDIR(place->type())) {
      Result<SharedFd> fd = parts->places.open(place, site);
      if (!fd) return fd.error();
      opened = *fd;
      target = NodeFd(opened->get());
      place->gives_acl = gives_acl(attributes);
    } else {
      Result<SharedFd> directory = parts->places.open_parent(place, site);
      if (!directory) return directory.error();
      target = NodeFd::open_path((*directory)->get(), place->name(), site);
    }
    if (!target) return target.error();
    if (Status replaced = replace_xattrs(*target, attributes.xattrs, site); !replaced) return replaced;
    return put_attributes(*target, attributes, parts->abilities, site);
  };
  Status set = co_await perform(std::move(work));
  co_return set;
}

}  // namespace holdfast::initiator
