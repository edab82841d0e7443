#pragma once

#include <map>
#include <string>

#include "common/base/result.h"
#include "initiator/tree/directory_calls.h"
#include "initiator/tree/directory_place.h"
#include "initiator/tree/tree.h"

namespace holdfast::initiator {

// What is done to one node of a mounted directory, system call by system call. All of it blocks.

/// What the filesystem at a place was found to carry.
struct DirectoryAbilities {
  bool xattrs = true;
  bool acls = true;
  /// Files can be given to any owner.
  bool owners = true;
};

/// A node by its descriptor. One that was opened with O_PATH, as symlinks and special nodes are, is
/// reached through /proc where the kernel takes no such descriptor.
class NodeFd {
 public:
  /// A descriptor that was opened for reading or writing. It stays the caller's.
  explicit NodeFd(int fd) : fd_(fd) {}
  /// The node called `name`, whatever it is, not followed.
  static Result<NodeFd> open_path(int directory, const std::string& name, CallSite& site);

  int get() const { return fd_; }

  Status change_owner(std::uint32_t uid, std::uint32_t gid, CallSite& site) const;
  Status change_mode(std::uint32_t mode, CallSite& site) const;
  Status change_times(const FileTime& accessed, const FileTime& modified, CallSite& site) const;
  Status set_xattr(const std::string& name, const std::string& value, CallSite& site) const;
  /// That there is none is no failure.
  Status remove_xattr(const std::string& name, CallSite& site) const;
  Status read_xattrs(std::map<std::string, std::string>& xattrs, CallSite& site) const;

 private:
  explicit NodeFd(Fd path) : fd_(path.get()), path_(std::make_shared<const Fd>(std::move(path))) {}
  std::string proc_path() const { return "/proc/self/fd/" + std::to_string(fd_); }

  int fd_;
  SharedFd path_;  // set when it was opened with O_PATH
};

/// What `cp -a` would be able to keep of `xattrs` there; the rest is a shortcoming of the place.
std::map<std::string, std::string> kept_there(const std::map<std::string, std::string>& xattrs,
                                              const DirectoryAbilities& abilities);

/// Sets extended attributes on a new node, and takes the ACL away that its directory gave it.
Status put_new_xattrs(const NodeFd& node, const std::map<std::string, std::string>& xattrs, std::uint32_t type,
                      bool was_given_acl, CallSite& site);
/// Makes the node's extended attributes these.
Status replace_xattrs(const NodeFd& node, const std::map<std::string, std::string>& xattrs, CallSite& site);
/// Owner, then mode, which a change of owner may cut, then what a change of either takes away, then
/// the times.
Status put_attributes(const NodeFd& node, const Attributes& attributes, const DirectoryAbilities& abilities,
                      CallSite& site);

}  // namespace holdfast::initiator
