#pragma once

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include "common/base/check.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "initiator/device/answers.h"
#include "initiator/device/device.h"

namespace holdfast::initiator {

/// A device for tests: memory that other programs can look at as a file, and whatever behaviour the
/// test wants. It checks what every device may ask of its caller.
class MemoryDevice final : public Device {
 public:
  struct Sent {
    DeviceOperation operation;
    std::uint64_t offset;
    std::uint64_t bytes;
    std::uint32_t file;
  };

  MemoryDevice(Loop& loop, std::uint64_t bytes)
      : bytes_(bytes), fd_(::memfd_create("device", MFD_CLOEXEC)), answers_(loop, 1024) {
    CHECK(fd_ && ::ftruncate(fd_.get(), static_cast<off_t>(bytes)) == 0);
    void* mapping = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
    CHECK(mapping != MAP_FAILED);
    memory_ = static_cast<std::byte*>(mapping);
  }
  ~MemoryDevice() override { ::munmap(memory_, bytes_); }

  // What a test may set.
  std::uint32_t transfer_bytes = 1024 * 1024;
  std::uint32_t depth = 16;
  std::uint32_t block = 512;
  bool is_read_only = false;
  /// An errno for a request, or 0, or `never` for one that is not answered until it is let go.
  std::function<int(const DeviceRequest&)> judge;
  static constexpr int never = -1;
  /// Where the data of a request really comes from or goes to, and how many bytes of it: a medium
  /// that loses, misplaces or tears what it acknowledges.
  struct Landing {
    std::uint64_t offset;
    std::uint64_t bytes;
  };
  std::function<Landing(const DeviceRequest&)> land;

  // What a test may look at.
  /// Where another program finds the medium, as long as we live.
  std::string path() const {
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(fd_.get());
  }
  std::vector<Sent> sent;
  std::size_t in_flight_most = 0;
  std::byte* memory() { return memory_; }
  std::size_t in_flight() const { return held_.size(); }
  std::size_t count(DeviceOperation operation) const {
    return static_cast<std::size_t>(std::count_if(
        sent.begin(), sent.end(), [=](const Sent& one) { return one.operation == operation; }));
  }

  /// Answers what was held.
  void let_go() {
    std::vector<DeviceRequest*> held;
    held.swap(held_);
    for (DeviceRequest* request : held) {
      perform_now(*request);
      answers_.push(*request, 0);
    }
  }

  std::uint64_t size() const override { return bytes_; }
  std::uint32_t block_bytes() const override { return block; }
  std::uint32_t transfer_bytes_max() const override { return transfer_bytes; }
  std::uint32_t depth_max() const override { return depth; }
  bool read_only() const override { return is_read_only; }
  std::string transport() const override { return "memory"; }
  std::map<std::string, std::string> negotiated() const override { return {}; }
  std::string last_error() const override { return "the test said so"; }
  WireUse wire() const override { return {.requests = sent.size(), .bytes_sent = 0, .bytes_received = 0}; }

  void submit(DeviceRequest& request) override {
    check(request);
    sent.push_back({request.operation, request.offset, request.bytes, request.file});
    const int verdict = abandoned_ ? ECANCELED : judge ? judge(request) : 0;
    if (verdict == never) {
      held_.push_back(&request);
      in_flight_most = std::max(in_flight_most, held_.size());
      return;
    }
    if (verdict == 0) perform_now(request);
    answers_.push(request, verdict);
  }
  void abandon() override {
    abandoned_ = true;
    for (DeviceRequest* request : held_) answers_.push(*request, ECANCELED);
    held_.clear();
  }
  Task<void> close(Duration) override { co_return; }

 private:
  void check(const DeviceRequest& request) const {
    CHECK(request.offset % block == 0 && request.bytes % block == 0);
    CHECK(request.offset + request.bytes <= bytes_);
    CHECK(request.bytes <= transfer_bytes && held_.size() < depth);
    std::uint64_t bytes = 0;
    for (const iovec& vector : request.vectors) bytes += vector.iov_len;
    CHECK(bytes == request.bytes);
  }
  void perform_now(DeviceRequest& request) {
    const Landing whole{request.offset, request.bytes};
    const Landing landing = land ? land(request) : whole;
    std::byte* at = memory_ + landing.offset;
    std::uint64_t left = landing.bytes;
    for (const iovec& vector : request.vectors) {
      const std::size_t bytes = std::min<std::size_t>(left, vector.iov_len);
      if (request.operation == DeviceOperation::read) std::memcpy(vector.iov_base, at, bytes);
      if (request.operation == DeviceOperation::write) std::memcpy(at, vector.iov_base, bytes);
      at += bytes;
      left -= bytes;
    }
  }

  const std::uint64_t bytes_;
  Fd fd_;
  std::byte* memory_ = nullptr;
  Answers answers_;
  std::vector<DeviceRequest*> held_;
  bool abandoned_ = false;
};

}  // namespace holdfast::initiator
