#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "initiator/device/device.h"

namespace holdfast::initiator {

/// A regular file or a block device of this machine, through io_uring and the page cache: a flush is
/// fdatasync, a durable write RWF_DSYNC, an unmap punches a hole.
///
/// After `abandon` the kernel may still use the memory of what it had begun; such memory must not be
/// used again before `close` has reported that the kernel let go (`drained`), and otherwise the
/// process has to end without freeing it.
class FileDevice final : public Device {
 public:
  struct Options {
    std::uint32_t transfer_bytes_max = 1024 * 1024;
    std::uint32_t depth_max = 64;
  };

  /// Opens an existing image or block device, for writing if its mode allows it and `read_only` does
  /// not forbid it. A missing image is an error that says how to make one.
  static Result<std::unique_ptr<FileDevice>> open(Loop& loop, const std::string& path,
                                                  bool read_only, const Options& options);
  static Result<std::unique_ptr<FileDevice>> open(Loop& loop, const std::string& path,
                                                  bool read_only = false) {
    return open(loop, path, read_only, Options{});
  }
  ~FileDevice() override;

  std::uint64_t size() const override { return bytes_; }
  std::uint32_t block_bytes() const override { return block_bytes_; }
  std::uint32_t transfer_bytes_max() const override { return options_.transfer_bytes_max; }
  std::uint32_t depth_max() const override { return options_.depth_max; }
  bool read_only() const override { return read_only_; }
  std::string transport() const override { return "file"; }
  std::map<std::string, std::string> negotiated() const override;
  std::string last_error() const override { return last_error_; }
  WireUse wire() const override { return {.requests = requests_, .bytes_sent = 0, .bytes_received = 0}; }

  void submit(DeviceRequest& request) override;
  void abandon() override;
  Task<void> close(Duration deadline) override;
  bool drained() const override;

 private:
  class Slot;
  struct Slots;

  FileDevice(Loop& loop, Fd fd, std::string path, bool read_only, const Options& options);
  Status measure();
  void finished(Slot& slot, int error);

  Loop& loop_;
  Fd fd_;
  const std::string path_;
  const bool read_only_;
  const Options options_;
  bool is_block_device_ = false;
  std::uint64_t bytes_ = 0;
  std::uint32_t block_bytes_ = 512;
  bool abandoned_ = false;
  std::uint64_t requests_ = 0;  // to the kernel
  std::string last_error_;
  std::unique_ptr<Slots> slots_;
};

}  // namespace holdfast::initiator
