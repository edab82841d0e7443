#include "target/store/descriptor_store.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>

#include "common/base/units.h"
#include "common/runtime/loop.h"
#include "target/store/extents.h"

// A request passes through at most two stages: its transfer (or the unmapping), and a sync where
// the answer promises durability and the transfer did not already. A kernel operation may move less
// than it was asked for, so a stage goes on from where the last operation stopped until all has
// moved.

namespace holdfast::target {
namespace {

/// What is written where a range cannot be unmapped. Never touched, so it costs no memory.
alignas(4096) std::byte zeros[256 * KiB];

/// One operation that nothing moves is tried again this often before it counts as an error.
constexpr int retries_max = 100;

/// What a file in memory moves without the kernel's help: a copy of so much takes the loop about as long
/// as it takes a socket to send it.
constexpr std::uint64_t at_once_bytes_max = 1 * MiB;

/// The filesystem or device cannot do this to a range (EBUSY: a device that others have open too).
bool cannot_unmap(int error) {
  return error == EOPNOTSUPP || error == ENOSYS || error == ENODEV || error == EBUSY;
}

/// 0, or the errno.
int measure_room(int fd, StoreRoom& room) {
  struct statvfs file_system {};
  struct stat file {};
  if (::fstatvfs(fd, &file_system) != 0 || ::fstat(fd, &file) != 0) return errno;
  constexpr std::uint64_t stat_block_bytes = 512;
  room.available_bytes = std::uint64_t{file_system.f_bavail} * file_system.f_frsize;
  room.used_bytes = static_cast<std::uint64_t>(file.st_blocks) * stat_block_bytes;
  return 0;
}

/// Drops the first `bytes` from `vectors`.
void drop_front(std::span<iovec>& vectors, std::uint64_t bytes) {
  while (!vectors.empty() && bytes >= vectors.front().iov_len) {
    bytes -= vectors.front().iov_len;
    vectors = vectors.subspan(1);
  }
  if (bytes == 0) return;
  CHECK(!vectors.empty());
  iovec& first = vectors.front();
  first.iov_base = static_cast<std::byte*>(first.iov_base) + bytes;
  first.iov_len -= bytes;
}

}  // namespace

bool DirectWay::takes(std::span<const iovec> vectors, std::uint64_t offset) const {
  if (!fd || offset % offset_alignment != 0) return false;
  return std::ranges::all_of(vectors, [this](const iovec& vector) {
    return reinterpret_cast<std::uintptr_t>(vector.iov_base) % memory_alignment == 0 &&
           vector.iov_len % offset_alignment == 0;
  });
}

DescriptorStore::DescriptorStore(Fd fd, DirectWay direct, DescriptorFacts facts, DescriptorStoreOptions options)
    : fd_(std::move(fd)), direct_(std::move(direct)), facts_(std::move(facts)), options_(options) {
  if (facts_.in_memory && options_.view) view_ = FileView::of(fd_.get(), facts_.size, !facts_.read_only);
}

Result<std::uint64_t> DescriptorStore::measure() const {
  const off_t end =
      ::lseek(fd_.get(), 0, SEEK_END);  // Of a device, too. No request uses the offset.
  if (end < 0) return Error::from_errno(errno, "measure " + facts_.description);
  return static_cast<std::uint64_t>(end);
}

DescriptorStore::Stage DescriptorStore::first_stage_of_unmap() const {
  if (options_.punch_hole) return punch_hole;
  return options_.zero_range ? zero_range : write_zeros;
}

void DescriptorStore::start(StoreRequest& request) {
  switch (request.operation) {
    case StoreOperation::read:
    case StoreOperation::write:
      drop_front(request.vectors, 0);
      if (request.vectors.empty()) return finish_later(request, 0);
      if (facts_.in_memory && request.length() <= at_once_bytes_max) return move_at_once(request);
      return enter(request, transfer);
    case StoreOperation::flush:
      if (view_ != nullptr) view_->note_change();
      return enter(request, sync);
    case StoreOperation::unmap:
      if (request.bytes == 0) return finish_later(request, 0);
      if (view_ != nullptr) view_->forget(request.offset, request.bytes);
      return enter(request, first_stage_of_unmap());
    case StoreOperation::anchor:
      if (request.bytes == 0) return finish_later(request, 0);
      if (view_ != nullptr) view_->forget(request.offset, request.bytes);
      return enter(request, options_.zero_range ? zero_range : write_zeros);
    case StoreOperation::read_ahead:
    case StoreOperation::map:
    case StoreOperation::room:
      return ask(request);
  }
}

/// A question to the filesystem, on a thread of the crew: it may have to read from the medium.
class DescriptorStore::Question final : public BlockingJob {
 public:
  Question(DescriptorStore& store, StoreRequest& request) : store_(store), request_(request) {}
  StoreRequest& request() const { return request_; }
  int error() const { return error_; }

 private:
  void work() override {
    const int fd = store_.fd_.get();
    if (request_.operation == StoreOperation::map) {
      error_ = map_extents(fd, request_);
      return;
    }
    if (request_.operation == StoreOperation::room) {
      error_ = measure_room(fd, request_.room);
      return;
    }
    ::posix_fadvise(fd, static_cast<off_t>(request_.offset), static_cast<off_t>(request_.bytes),
                    POSIX_FADV_WILLNEED);
  }
  void finished() override { store_.answered(*this); }

  DescriptorStore& store_;
  StoreRequest& request_;
  int error_ = 0;
};

DescriptorStore::~DescriptorStore() = default;

void DescriptorStore::ask(StoreRequest& request) {
  if (request.operation == StoreOperation::map && facts_.identity.is_device) {
    // A device does not tell what it has unmapped.
    map_all(request);
    return finish_later(request, 0);
  }
  const bool about_room = request.operation == StoreOperation::room;
  if (about_room && !tells_room()) return finish_later(request, EOPNOTSUPP);
  if (request.bytes == 0 && !about_room) return finish_later(request, 0);
  if (crew_ == nullptr) {
    constexpr unsigned threads_max = 2;
    Result<std::unique_ptr<BlockingCrew>> crew = BlockingCrew::create(Loop::current(), threads_max);
    if (!crew) {
      const bool hint = request.operation == StoreOperation::read_ahead;
      return finish_later(request, hint ? 0 : EAGAIN, request.offset);
    }
    crew_ = std::move(*crew);
  }
  questions_.push_back(std::make_unique<Question>(*this, request));
  crew_->submit(*questions_.back());
}

void DescriptorStore::answered(const Question& question) {
  StoreRequest& request = question.request();
  const int error = question.error();
  std::erase_if(questions_,
                [&](const std::unique_ptr<Question>& asked) { return asked.get() == &question; });
  finish(request, error, request.offset);
}

/// Of a file in memory. A copy, where it is mapped. Otherwise a system call: io_uring gives every read and
/// write of such a file to a kernel thread, since its filesystem does not promise not to wait: two switches
/// of thread for a copy that takes less.
void DescriptorStore::move_at_once(StoreRequest& request) {
  if (view_ != nullptr) {
    // Not aside: of two writes side by side a block may have either one, and never half of each.
    if (request.operation == StoreOperation::write && view_->write(request.offset, request.vectors))
      return finish_later(request, 0);
    if (request.operation == StoreOperation::read && view_->is_filled(request.offset, request.length()))
      stage(request) = copied;
  }
  move_aside(request);
}

Store::Moved DescriptorStore::move(StoreRequest& request) {
  if (stage(request) == copied && view_->read(request.offset, request.vectors)) return {};
  while (!request.vectors.empty()) {
    const auto at = static_cast<off_t>(request.offset + progress(request));
    const int count = static_cast<int>(std::min<std::size_t>(request.vectors.size(), std::size_t{IOV_MAX}));
    const ssize_t moved = request.operation == StoreOperation::read
                              ? ::preadv(fd_.get(), request.vectors.data(), count, at)
                              : ::pwritev(fd_.get(), request.vectors.data(), count, at);
    if (moved < 0 && errno == EINTR) continue;
    if (moved <= 0) return {moved < 0 ? errno : EIO, static_cast<std::uint64_t>(at)};
    progress(request) += static_cast<std::uint64_t>(moved);
    drop_front(request.vectors, static_cast<std::uint64_t>(moved));
  }
  return {};
}

void DescriptorStore::enter(StoreRequest& request, Stage next) {
  stage(request) = next;
  issue(request);
}

void DescriptorStore::issue(StoreRequest& request) {
  Loop& loop = Loop::current();
  const int fd = fd_.get();
  const std::uint64_t at = request.offset + progress(request);
  const std::uint64_t left = request.bytes - progress(request);  // Only unmap counts in bytes.
  const auto count =
      static_cast<unsigned>(std::min<std::size_t>(request.vectors.size(), std::size_t{IOV_MAX}));
  switch (static_cast<Stage>(stage(request))) {
    case transfer: {
      const int way = direct_.takes(request.vectors, at) ? direct_.fd.get() : fd;
      if (request.operation == StoreOperation::read) {
        loop.submit(Operation::readv(way, request.vectors.data(), count, at), request);
      } else {
        const int flags = request.durable && options_.dsync_writes ? RWF_DSYNC : 0;
        loop.submit(Operation::writev(way, request.vectors.data(), count, at, flags), request);
      }
      return;
    }
    case sync:
      loop.submit(Operation::fsync(fd, true), request);
      return;
    case punch_hole:
      loop.submit(Operation::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, left),
                  request);
      return;
    case zero_range:
      loop.submit(Operation::fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, at, left),
                  request);
      return;
    case write_zeros: {
      const auto now = static_cast<unsigned>(std::min<std::uint64_t>(left, sizeof zeros));
      loop.submit(Operation::write(fd, zeros, now, at), request);
      return;
    }
  }
}

/// The kernel takes back what waits for a thread of its own, and interrupts what can be interrupted.
/// What it has handed to the medium it does not take back; that completes when the medium is through
/// with it.
void DescriptorStore::let_go(StoreRequest& request) {
  if (request.in_flight()) Loop::current().cancel(request);
}

void DescriptorStore::step(StoreRequest& request, std::int32_t result) {
  // The kernel is through with it, and nothing more is asked of it.
  if (given_up(request)) return finish(request, ECANCELED, request.offset + progress(request));
  if (result < 0) {
    int error = -result;
    if ((error == EINTR || error == EAGAIN) && retries(request)++ < retries_max)
      return issue(request);
    if (try_another_way(request, error)) return;
    if (error == EDQUOT) error = ENOSPC;
    return finish(request, error, request.offset + progress(request));
  }
  switch (static_cast<Stage>(stage(request))) {
    case transfer:
    case write_zeros:
      // Nothing moved: the file ends here now, though it did not when it was opened.
      if (result == 0) return finish(request, EIO, request.offset + progress(request));
      return moved(request, static_cast<std::uint64_t>(result));
    case punch_hole:
    case zero_range:
      return moved_all(request);
    case sync:
      return finish(request, 0);
  }
}

/// Falls back where the kernel or the filesystem does not know the better way, for this request and
/// for all that follow. False when `error` is about something else.
bool DescriptorStore::try_another_way(StoreRequest& request, int error) {
  switch (static_cast<Stage>(stage(request))) {
    case transfer:
      if (error != EOPNOTSUPP || request.operation != StoreOperation::write || !request.durable)
        return false;
      // A second refusal finds the flag off: then it was not the flag that was refused.
      if (!options_.dsync_writes && retries(request)++ > 0) return false;
      options_.dsync_writes = false;
      issue(request);
      return true;
    case punch_hole:
      if (!cannot_unmap(error)) return false;
      options_.punch_hole = false;
      enter(request, first_stage_of_unmap());
      return true;
    case zero_range:
      if (!cannot_unmap(error)) return false;
      options_.zero_range = false;
      enter(request, write_zeros);
      return true;
    case sync:
    case write_zeros:
      return false;
  }
  return false;
}

void DescriptorStore::moved(StoreRequest& request, std::uint64_t bytes) {
  progress(request) += bytes;
  retries(request) = 0;
  if (stage(request) == transfer) {
    drop_front(request.vectors, bytes);
    if (!request.vectors.empty()) return issue(request);
  } else if (progress(request) < request.bytes) {
    return issue(request);
  }
  moved_all(request);
}

void DescriptorStore::moved_all(StoreRequest& request) {
  if (view_ != nullptr && stage(request) != transfer) view_->forget(request.offset, request.bytes);
  const bool durable_already = stage(request) == transfer && options_.dsync_writes;
  const bool sync_wanted =
      request.durable && request.operation != StoreOperation::read && !durable_already;
  if (sync_wanted) return enter(request, sync);
  finish(request, 0);
}

}  // namespace holdfast::target
