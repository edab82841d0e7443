#include "initiator/tree/directory_place.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "initiator/tree/directory_errors.h"

namespace holdfast::initiator {

DirectoryPlace::~DirectoryPlace() {
  // One by one, or a deep tree would overflow the stack.
  Place next = std::move(parent_);
  while (next != nullptr && next.use_count() == 1) next = std::move(next->parent_);
}

int open_to_read(int directory, const char* name, bool is_directory) {
  const int flags = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (is_directory ? O_DIRECTORY : O_NONBLOCK);
  int fd = ::openat(directory, name, flags | O_NOATIME);
  // Only the owner and root may read without a trace.
  if (fd < 0 && errno == EPERM) fd = ::openat(directory, name, flags);
  return fd < 0 ? -errno : fd;
}

void OpenPlaces::set_root(const Place& root, SharedFd fd) {
  const std::lock_guard lock(mutex_);
  root_ = root;
  root_->fd_ = std::move(fd);
}

Result<SharedFd> OpenPlaces::open(const Place& place, CallSite& site) {
  std::vector<const DirectoryPlace*> missing;  // from the one that is asked for upwards
  SharedFd at;
  {
    const std::lock_guard lock(mutex_);
    if (place->fd_ != nullptr) {
      if (place->listed_) order_.splice(order_.begin(), order_, place->order_);
      return place->fd_;
    }
    for (const DirectoryPlace* up = place.get(); up != nullptr; up = up->parent().get()) {
      at = up->fd_;
      if (at != nullptr) break;
      missing.push_back(up);
    }
  }
  if (at == nullptr) return Error{ErrorKind::cancelled, ECANCELED, "open: the tree is closed"};
  for (std::size_t i = missing.size(); i > 0; --i) {
    const DirectoryPlace& down = *missing[i - 1];
    site.enter("openat");
    const int fd = open_to_read(at->get(), down.name().c_str(), S_ISDIR(down.type()));
    if (fd < 0) return directory_error(-fd, "open");
    at = std::make_shared<const Fd>(fd);
  }
  keep(place, at);
  return at;
}

void OpenPlaces::keep(const Place& place, SharedFd fd) {
  SharedFd replaced;  // closed when the lock is no longer held
  Place evicted;
  const std::lock_guard lock(mutex_);
  if (root_ == nullptr) return;
  replaced = std::exchange(place->fd_, std::move(fd));
  if (place->listed_) return;
  place->order_ = order_.insert(order_.begin(), place);
  place->listed_ = true;
  if (order_.size() <= open_max_) return;
  evicted = std::move(order_.back());
  order_.pop_back();
  evicted->listed_ = false;
  replaced = std::move(evicted->fd_);
}

void OpenPlaces::close_all() {
  std::list<Place> closing;
  Place root;
  std::vector<SharedFd> fds;
  const std::lock_guard lock(mutex_);
  closing.swap(order_);
  root = std::exchange(root_, nullptr);
  for (const Place& place : closing) {
    place->listed_ = false;
    fds.push_back(std::exchange(place->fd_, nullptr));
  }
  if (root != nullptr) fds.push_back(std::exchange(root->fd_, nullptr));
}

}  // namespace holdfast::initiator
