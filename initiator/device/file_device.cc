#include "initiator/device/file_device.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <utility>

#include "common/base/units.h"
#include "common/runtime/event.h"
#include "initiator/device/answers.h"
#include "initiator/device/deadline.h"

namespace holdfast::initiator {

/// One operation in the kernel. It goes on by itself after a partial transfer.
class FileDevice::Slot final : public Completion {
 public:
  explicit Slot(FileDevice& device) : device_(device) {}
  ~Slot() = default;

  DeviceRequest* request = nullptr;  // none: free, or given up and still in the kernel

  void start(DeviceRequest& asked) {
    request = &asked;
    done_bytes_ = 0;
    remaining_ = asked.vectors;
    submit();
  }

 private:
  void submit() {
    ++device_.requests_;
    const int fd = device_.fd_.get();
    const std::uint64_t offset = request->offset + done_bytes_;
    const auto count = static_cast<unsigned>(remaining_.size());
    switch (request->operation) {
      case DeviceOperation::read:
        device_.loop_.submit(Operation::readv(fd, remaining_.data(), count, offset), *this);
        break;
      case DeviceOperation::write:
        device_.loop_.submit(Operation::writev(fd, remaining_.data(), count, offset,
                                               request->durable ? RWF_DSYNC : 0),
                             *this);
        break;
      case DeviceOperation::flush: device_.loop_.submit(Operation::fsync(fd, true), *this); break;
      case DeviceOperation::unmap:
        device_.loop_.submit(Operation::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                                  request->offset, request->bytes),
                             *this);
        break;
    }
  }

  void complete(std::int32_t result, bool) override {
    if (request != nullptr && carries_data() && result > 0) {
      advance(static_cast<std::size_t>(result));
      if (!remaining_.empty()) return submit();
    } else if (request != nullptr && carries_data() && result == 0) {
      result = -EIO;  // The file ends before the size that it had when it was opened.
    }
    device_.finished(*this, result < 0 ? -result : 0);
  }

  bool carries_data() const {
    return request->operation == DeviceOperation::read || request->operation == DeviceOperation::write;
  }

  void advance(std::size_t bytes) {
    done_bytes_ += bytes;
    while (!remaining_.empty() && bytes >= remaining_.front().iov_len) {
      bytes -= remaining_.front().iov_len;
      remaining_ = remaining_.subspan(1);
    }
    if (remaining_.empty()) return;
    iovec& first = remaining_.front();
    first.iov_base = static_cast<std::byte*>(first.iov_base) + bytes;
    first.iov_len -= bytes;
  }

  FileDevice& device_;
  std::uint64_t done_bytes_ = 0;
  std::span<iovec> remaining_;
};

struct FileDevice::Slots {
  Slots(FileDevice& device, std::uint32_t depth) : answers(device.loop_, depth) {
    for (std::uint32_t i = 0; i < depth; ++i) free.push_back(&all.emplace_back(device));
  }
  std::deque<Slot> all;  // never moves them
  std::vector<Slot*> free;
  Answers answers;
  Event changed;
};

namespace {

Error missing_image(const std::string& path) {
  return Error{ErrorKind::invalid_input, ENOENT,
               fmt::format("{} does not exist. An image is not made without a size: make it first, "
                           "for example with `truncate -s 10G {}`",
                           path, path)};
}

/// Refuses what another program has open as we need it ourselves.
Status lock(int fd, const std::string& path, bool read_only) {
  if (::flock(fd, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 || errno != EWOULDBLOCK) return {};
  return Error{ErrorKind::refused, EBUSY, path + " is in use by another program that locked it"};
}

}  // namespace

Result<std::unique_ptr<FileDevice>> FileDevice::open(Loop& loop, const std::string& path,
                                                     bool read_only, const Options& options) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return missing_image(path);
    return Error::from_errno(errno, "open " + path);
  }
  if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
    return Error{ErrorKind::invalid_input, EINVAL, path + " is neither a regular file nor a block device"};

  // A block device that somebody has mounted is refused by O_EXCL, which means that there.
  const int exclusive = S_ISBLK(status.st_mode) ? O_EXCL : 0;
  Fd fd;
  if (!read_only) {
    fd = Fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | exclusive));
    if (!fd && errno != EACCES && errno != EROFS && errno != EPERM)
      return Error::from_errno(errno, "open " + path);
  }
  const bool for_reading = !fd;
  if (for_reading) fd = Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, "open " + path);
  if (Status locked = lock(fd.get(), path, for_reading); !locked) return locked.error();

  std::unique_ptr<FileDevice> device(new FileDevice(loop, std::move(fd), path, for_reading, options));
  device->is_block_device_ = S_ISBLK(status.st_mode);
  if (Status measured = device->measure(); !measured) return measured.error();
  return device;
}

FileDevice::FileDevice(Loop& loop, Fd fd, std::string path, bool read_only, const Options& options)
    : loop_(loop),
      fd_(std::move(fd)),
      path_(std::move(path)),
      read_only_(read_only),
      options_(options),
      slots_(std::make_unique<Slots>(*this, options.depth_max)) {}

FileDevice::~FileDevice() {
  if (drained()) return;
  // The kernel still writes to these when it lets go, perhaps long after; they stay for ever.
  static_cast<void>(slots_.release());
  static_cast<void>(fd_.release());
}

Status FileDevice::measure() {
  if (is_block_device_) {
    int sector = 0;
    if (::ioctl(fd_.get(), BLKSSZGET, &sector) != 0 || ::ioctl(fd_.get(), BLKGETSIZE64, &bytes_) != 0)
      return Error::from_errno(errno, "measure " + path_);
    block_bytes_ = static_cast<std::uint32_t>(sector);
  } else {
    struct stat status {};
    if (::fstat(fd_.get(), &status) != 0) return Error::from_errno(errno, "measure " + path_);
    bytes_ = static_cast<std::uint64_t>(status.st_size);
  }
  bytes_ -= bytes_ % block_bytes_;
  if (bytes_ == 0)
    return Error{ErrorKind::invalid_input, EINVAL, path_ + " is empty: it has no room for even one block"};
  return {};
}

std::map<std::string, std::string> FileDevice::negotiated() const {
  return {{"path", path_}, {"type", is_block_device_ ? "block device" : "regular file"}};
}

void FileDevice::submit(DeviceRequest& request) {
  const bool within = request.offset <= bytes_ && request.bytes <= bytes_ - request.offset;
  const bool writes = request.operation != DeviceOperation::read && request.operation != DeviceOperation::flush;
  int refusal = 0;
  if (abandoned_)
    refusal = ECANCELED;
  else if (!within)
    refusal = EINVAL;
  else if (writes && read_only_)
    refusal = EROFS;
  if (refusal != 0) return slots_->answers.push(request, refusal);
  CHECK(!slots_->free.empty());
  Slot& slot = *slots_->free.back();
  slots_->free.pop_back();
  slot.start(request);
}

void FileDevice::finished(Slot& slot, int error) {
  DeviceRequest* request = std::exchange(slot.request, nullptr);
  slots_->free.push_back(&slot);
  slots_->changed.set();
  if (request == nullptr) return;
  request->error = error;
  if (error != 0)
    last_error_ = fmt::format("{}: {}", path_, std::generic_category().message(error));
  request->done(*request);
}

void FileDevice::abandon() {
  abandoned_ = true;
  for (Slot& slot : slots_->all) {
    if (slot.request == nullptr) continue;
    slots_->answers.push(*std::exchange(slot.request, nullptr), ECANCELED);
    loop_.cancel(slot);
  }
}

bool FileDevice::drained() const {
  return slots_ == nullptr || slots_->free.size() == slots_->all.size();
}

Task<void> FileDevice::close(Duration deadline) {
  Deadline limit(loop_, slots_->changed, clock_now() + deadline);
  while (!drained() && !limit.passed()) {
    slots_->changed.reset();
    co_await slots_->changed.wait();
  }
  // A kernel thread that has just answered may hold the file a moment longer than we do, and its lock.
  if (drained()) ::flock(fd_.get(), LOCK_UN);
}

}  // namespace holdfast::initiator
