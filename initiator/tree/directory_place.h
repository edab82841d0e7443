#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "common/base/result.h"
#include "common/runtime/fd.h"
#include "initiator/tree/directory_calls.h"

namespace holdfast::initiator {

/// A descriptor that several threads use; the last one to let go closes it.
using SharedFd = std::shared_ptr<const Fd>;

/// Where a node is: a name in a directory, which has such a place too. Found from the root down each
/// time that its descriptor is not at hand, so a tree may be deeper than a path may be long.
class DirectoryPlace {
 public:
  /// `type` is one of S_IFMT. The root has neither parent nor name.
  DirectoryPlace(std::shared_ptr<DirectoryPlace> parent, std::string name, std::uint32_t type)
      : parent_(std::move(parent)), name_(std::move(name)), type_(type) {}
  DirectoryPlace(const DirectoryPlace&) = delete;
  DirectoryPlace& operator=(const DirectoryPlace&) = delete;
  ~DirectoryPlace();

  const std::shared_ptr<DirectoryPlace>& parent() const { return parent_; }
  const std::string& name() const { return name_; }
  std::uint32_t type() const { return type_; }

  /// New nodes in this directory are given an ACL by the filesystem. Set when the directory is made.
  std::atomic<bool> gives_acl = false;

 private:
  friend class OpenPlaces;

  std::shared_ptr<DirectoryPlace> parent_;
  const std::string name_;
  const std::uint32_t type_;
  // Guarded by the mutex of OpenPlaces.
  SharedFd fd_;
  bool listed_ = false;
  std::list<std::shared_ptr<DirectoryPlace>>::iterator order_;
};
using Place = std::shared_ptr<DirectoryPlace>;

/// The directories and files that are open for reading, so many at once, the least lately used ones
/// closed for others. Its calls block and come from any thread.
class OpenPlaces {
 public:
  explicit OpenPlaces(std::size_t open_max) : open_max_(open_max) {}
  OpenPlaces(const OpenPlaces&) = delete;
  OpenPlaces& operator=(const OpenPlaces&) = delete;

  /// The root stays open until `close_all`.
  void set_root(const Place& root, SharedFd fd);
  /// A directory's or a regular file's descriptor. Nothing is followed.
  Result<SharedFd> open(const Place& place, CallSite& site);
  /// That of the directory which holds the place.
  Result<SharedFd> open_parent(const Place& place, CallSite& site) { return open(place->parent(), site); }
  /// Takes the descriptor of a directory that was just made.
  void keep(const Place& place, SharedFd fd);
  void close_all();

 private:
  const std::size_t open_max_;
  std::mutex mutex_;
  Place root_;
  std::list<Place> order_;  // most lately used first
};

/// openat for reading, without a trace where that is allowed. Fails with -errno.
int open_to_read(int directory, const char* name, bool is_directory);

}  // namespace holdfast::initiator
