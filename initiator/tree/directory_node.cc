#include "initiator/tree/directory_node.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "initiator/tree/directory_errors.h"
#include "initiator/tree/local_metadata.h"

namespace holdfast::initiator {
namespace {

constexpr const char* access_acl = "system.posix_acl_access";
constexpr const char* default_acl = "system.posix_acl_default";
constexpr const char* capability = "security.capability";

/// Labels that the kernel itself gives to every node; nobody takes them away.
constexpr std::array<std::string_view, 4> labels = {"security.selinux", "security.SMACK64", "security.ima",
                                                    "security.evm"};

bool is_acl(const std::string& name) { return name == access_acl || name == default_acl; }

bool is_label(const std::string& name) {
  for (std::string_view label : labels)
    if (name == label) return true;
  return false;
}

Status status_of(int result, const char* doing) {
  if (result == 0) return {};
  return directory_error(errno, doing);
}

timespec to_timespec(const FileTime& time) {
  return {.tv_sec = time.seconds, .tv_nsec = static_cast<long>(time.nanoseconds)};
}

}  // namespace

Result<NodeFd> NodeFd::open_path(int directory, const std::string& name, CallSite& site) {
  site.enter("openat");
  Fd fd(::openat(directory, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return directory_error(errno, "open");
  return NodeFd(std::move(fd));
}

Status NodeFd::change_owner(std::uint32_t uid, std::uint32_t gid, CallSite& site) const {
  site.enter("fchown");
  return status_of(path_ ? ::fchownat(fd_, "", uid, gid, AT_EMPTY_PATH) : ::fchown(fd_, uid, gid), "change the owner");
}

Status NodeFd::change_mode(std::uint32_t mode, CallSite& site) const {
  site.enter("fchmod");
  return status_of(path_ ? ::chmod(proc_path().c_str(), mode & 07777) : ::fchmod(fd_, mode & 07777),
                   "change the mode");
}

Status NodeFd::change_times(const FileTime& accessed, const FileTime& modified, CallSite& site) const {
  site.enter("utimensat");
  const timespec times[2] = {to_timespec(accessed), to_timespec(modified)};
  return status_of(path_ ? ::utimensat(AT_FDCWD, proc_path().c_str(), times, 0) : ::futimens(fd_, times),
                   "set the times");
}

Status NodeFd::set_xattr(const std::string& name, const std::string& value, CallSite& site) const {
  site.enter("fsetxattr");
  const int result = path_ ? ::setxattr(proc_path().c_str(), name.c_str(), value.data(), value.size(), 0)
                           : ::fsetxattr(fd_, name.c_str(), value.data(), value.size(), 0);
  if (result == 0) return {};
  return directory_error(errno, "set the extended attribute " + name);
}

Status NodeFd::remove_xattr(const std::string& name, CallSite& site) const {
  site.enter("fremovexattr");
  const int result =
      path_ ? ::removexattr(proc_path().c_str(), name.c_str()) : ::fremovexattr(fd_, name.c_str());
  if (result == 0 || errno == ENODATA || errno == EOPNOTSUPP) return {};
  return directory_error(errno, "remove the extended attribute " + name);
}

Status NodeFd::read_xattrs(std::map<std::string, std::string>& xattrs, CallSite& site) const {
  thread_local XattrReader reader(false);
  site.enter("flistxattr");
  Status read = path_ ? reader.read_path(proc_path(), xattrs) : reader.read(fd_, xattrs);
  if (!read && read.error().code != 0) return directory_error(read.error().code, "read extended attributes");
  return read;
}

std::map<std::string, std::string> kept_there(const std::map<std::string, std::string>& xattrs,
                                              const DirectoryAbilities& abilities) {
  std::map<std::string, std::string> kept;
  for (const auto& [name, value] : xattrs)
    if (is_acl(name) ? abilities.acls : abilities.xattrs) kept.emplace(name, value);
  return kept;
}

Status put_new_xattrs(const NodeFd& node, const std::map<std::string, std::string>& xattrs, std::uint32_t type,
                      bool was_given_acl, CallSite& site) {
  if (was_given_acl && !S_ISLNK(type)) {
    Status removed = node.remove_xattr(access_acl, site);
    if (removed && S_ISDIR(type)) removed = node.remove_xattr(default_acl, site);
    if (!removed) return removed;
  }
  for (const auto& [name, value] : xattrs)
    if (Status set = node.set_xattr(name, value, site); !set) return set;
  return {};
}

Status replace_xattrs(const NodeFd& node, const std::map<std::string, std::string>& xattrs, CallSite& site) {
  std::map<std::string, std::string> there;
  if (Status read = node.read_xattrs(there, site); !read) return read;
  for (const auto& [name, value] : there) {
    if (xattrs.contains(name) || is_label(name)) continue;
    if (Status removed = node.remove_xattr(name, site); !removed) return removed;
  }
  for (const auto& [name, value] : xattrs) {
    const auto found = there.find(name);
    if (found != there.end() && found->second == value) continue;
    if (Status set = node.set_xattr(name, value, site); !set) return set;
  }
  return {};
}

Status put_attributes(const NodeFd& node, const Attributes& attributes, const DirectoryAbilities& abilities,
                      CallSite& site) {
  std::uint32_t mode = attributes.mode;
  if (Status given = node.change_owner(attributes.uid, attributes.gid, site); !given) {
    if (abilities.owners || given.error().kind != ErrorKind::refused) return given;
    // Ours it stays; then it must not run as us for whoever calls it, which nobody asked for.
    mode &= 0777;
  }
  if (!S_ISLNK(attributes.mode)) {
    if (Status changed = node.change_mode(mode, site); !changed) return changed;
    // The mode cuts the ACL, and a new owner or new content takes the capability away.
    for (const char* lost : {access_acl, capability}) {
      const auto found = attributes.xattrs.find(lost);
      if (found == attributes.xattrs.end()) continue;
      if (Status set = node.set_xattr(found->first, found->second, site); !set) return set;
    }
  }
  return node.change_times(attributes.accessed, attributes.modified, site);
}

}  // namespace holdfast::initiator
