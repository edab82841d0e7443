#pragma once

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <vector>

#include "common/base/check.h"
#include "common/runtime/loop.h"
#include "initiator/device/answers.h"
#include "initiator/device/device.h"

namespace holdfast::initiator {

/// The loosest device that is still right: what is in flight it carries out in any order, sector by
/// sector, all of it interleaved, and it answers any time after that. A block that is being written
/// can be read as any mixture of old and new.
class UnorderedDevice final : public Device {
 public:
  UnorderedDevice(Loop& loop, std::vector<std::byte>& medium, std::uint64_t seed)
      : loop_(loop), medium_(medium), random_(seed), answers_(loop, depth), worker_(*this) {}

  static constexpr std::uint32_t depth = 64;
  std::size_t in_flight_most = 0;

  std::uint64_t size() const override { return medium_.size(); }
  std::uint32_t block_bytes() const override { return 512; }
  std::uint32_t transfer_bytes_max() const override { return 64 * 1024; }
  std::uint32_t depth_max() const override { return depth; }
  bool read_only() const override { return false; }
  std::string transport() const override { return "unordered"; }
  std::map<std::string, std::string> negotiated() const override { return {}; }
  std::string last_error() const override { return "the test said so"; }
  WireUse wire() const override { return {}; }

  void submit(DeviceRequest& request) override {
    CHECK(tasks_.size() < depth);
    Task task{&request, {}};
    for (std::uint64_t at = 0; at < request.bytes; at += 512) task.left.push_back(at);
    std::shuffle(task.left.begin(), task.left.end(), random_);
    tasks_.push_back(std::move(task));
    in_flight_most = std::max(in_flight_most, tasks_.size());
    if (!worker_.queued()) loop_.defer(worker_);
  }
  void abandon() override {
    for (const Task& task : tasks_) answers_.push(*task.request, ECANCELED);
    tasks_.clear();
  }
  holdfast::Task<void> close(Duration) override { co_return; }

 private:
  struct Task {
    DeviceRequest* request;
    std::vector<std::uint64_t> left;  // where in it the sectors are that are still to be moved
  };

  class Worker final : public Deferred {
   public:
    explicit Worker(UnorderedDevice& device) : device_(device) {}
    ~Worker() = default;

   private:
    void run() override { device_.work(); }
    UnorderedDevice& device_;
  };

  void work() {
    for (int steps = 0; steps < 64 && !tasks_.empty(); ++steps) {
      Task& task = tasks_[random_() % tasks_.size()];
      if (!task.left.empty()) {
        move_sector(*task.request, task.left.back());
        task.left.pop_back();
      } else if (random_() % 4 == 0) {
        answers_.push(*task.request, 0);
        std::swap(task, tasks_.back());
        tasks_.pop_back();
      }
    }
    if (!tasks_.empty()) loop_.defer(worker_);
  }

  void move_sector(const DeviceRequest& request, std::uint64_t at) {
    std::byte* memory = static_cast<std::byte*>(request.vectors.front().iov_base) + at;
    std::byte* medium = medium_.data() + request.offset + at;
    if (request.operation == DeviceOperation::read)
      std::memcpy(memory, medium, 512);
    else
      std::memcpy(medium, memory, 512);
  }

  Loop& loop_;
  std::vector<std::byte>& medium_;
  std::mt19937_64 random_;
  Answers answers_;
  Worker worker_;
  std::vector<Task> tasks_;
};

}  // namespace holdfast::initiator
