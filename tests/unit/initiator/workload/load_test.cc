#include "initiator/workload/load.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <vector>

#include "common/base/units.h"
#include "common/runtime/scope.h"
#include "initiator/workload/read_back.h"
#include "tests/support/memory_device.h"
#include "tests/unit/initiator/workload/unordered_device.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class LoadTest : public testing::Test {
 protected:
  LoadTest() : loop_(std::move(Loop::create()).value()), device_(*loop_, 1 * MiB) {
    options_.depth = 8;
    options_.time = milliseconds(100);
    options_.seed = 11;
  }

  BlockFaultFound into(std::vector<BlockFault>& faults) {
    return [&faults](const BlockFault& fault) { faults.push_back(fault); };
  }

  void prepare(const std::vector<Device*>& devices) {
    options_.sessions = static_cast<std::uint32_t>(devices.size());
    Result<LoadPlan> plan = plan_load(options_, *devices.front(), new_run_number());
    ASSERT_TRUE(plan) << plan.error().message;
    plan_ = *plan;
    table_.reset();
    if (options_.verify && writes(options_.access))
      table_ = std::make_unique<GenerationTable>(plan_.blocks);
    load_ = std::make_unique<Load>(*loop_, devices, plan_, table_.get(), progress_, cancelled_,
                                   into(faults_));
  }

  const LoadResult& load(const std::vector<Device*>& devices) {
    prepare(devices);
    loop_->run(load_->run());
    return load_->result();
  }
  /// On the one device that answers at once.
  const LoadResult& load() { return load({&device_}); }

  const ReadBackResult& read_back(Device& device, bool lenient = false) {
    read_back_ = std::make_unique<ReadBack>(*loop_, device, plan_, *table_, lenient, progress_,
                                            cancelled_, into(late_faults_));
    loop_->run(read_back_->run());
    return read_back_->result();
  }

  std::uint64_t sector_of(std::uint64_t block) const {
    return block * options_.block_bytes / sector_bytes;
  }

  std::unique_ptr<Loop> loop_;
  MemoryDevice device_;
  LoadOptions options_;
  LoadPlan plan_;
  Progress progress_;
  std::atomic<bool> cancelled_ = false;
  std::vector<BlockFault> faults_;       // found while the load ran
  std::vector<BlockFault> late_faults_;  // found when it was read back
  std::unique_ptr<GenerationTable> table_;
  std::unique_ptr<Load> load_;
  std::unique_ptr<ReadBack> read_back_;
};

/// Lets go of what the device holds, every `period`, until told to stop.
Task<void> let_go_now_and_then(Loop& loop, MemoryDevice& device, Duration period,
                               const bool& over) {
  while (!over) {
    co_await sleep_for(loop, period);
    device.let_go();
  }
}

Task<void> run_beside(Load& load, Loop& loop, MemoryDevice& device, Duration period) {
  bool over = false;
  Scope scope;
  scope.spawn(let_go_now_and_then(loop, device, period, over));
  co_await load.run();
  over = true;
  co_await scope.join();
}

Task<void> cancel_soon(Loop& loop, std::atomic<bool>& cancelled) {
  co_await sleep_for(loop, milliseconds(50));
  cancelled = true;
}

Task<void> cancel_beside(Load& load, Loop& loop, std::atomic<bool>& cancelled) {
  Scope scope;
  scope.spawn(cancel_soon(loop, cancelled));
  co_await load.run();
  co_await scope.join();
}

TEST_F(LoadTest, AClosedLoopKeepsTheQueueFullUntilItsTimeIsOver) {
  device_.judge = [](const DeviceRequest&) { return MemoryDevice::never; };
  device_.depth = 9;
  prepare({&device_});
  loop_->run(run_beside(*load_, *loop_, device_, milliseconds(5)));
  const LoadResult& result = load_->result();
  EXPECT_TRUE(result.status) << result.status.error().message;
  EXPECT_EQ(device_.in_flight_most, 8u);
  EXPECT_EQ(result.reads.operations, device_.sent.size());
  EXPECT_EQ(result.reads.operations % 8, 0u) << "what was answered together was replaced together";
  EXPECT_EQ(result.reads.bytes, result.reads.operations * 4096);
  EXPECT_EQ(result.writes.operations, 0u);
  EXPECT_EQ(progress_.entries_done, result.reads.operations);
  EXPECT_GE(result.time, milliseconds(90));
}

TEST_F(LoadTest, SequentialAccessesOfSeveralSessionsCoverTheDeviceOnce) {
  MemoryDevice second(*loop_, 1 * MiB);
  options_.access = Access::read;
  load({&device_, &second});
  for (const auto* device : {&device_, &second}) {
    const std::uint64_t base = device == &device_ ? 0 : 512 * KiB;
    ASSERT_GT(device->sent.size(), 256u);
    for (std::size_t i = 0; i < 256; ++i) ASSERT_EQ(device->sent[i].offset, base + i % 128 * 4096);
  }
}

TEST_F(LoadTest, AnOpenLoopSendsByTheClock) {
  options_.rate = 500;
  options_.time = milliseconds(300);
  const LoadResult& result = load();
  EXPECT_EQ(result.reads.operations + result.never_sent, 150u);
  EXPECT_EQ(result.reads.service.count(), result.reads.operations);
  EXPECT_GE(result.time, milliseconds(299));
}

TEST_F(LoadTest, WhatAStallKeepsFromBeingSentIsCountedWithItsAge) {
  options_.rate = 1000;
  options_.depth = 4;
  options_.time = milliseconds(400);
  device_.depth = 5;
  device_.judge = [](const DeviceRequest&) { return MemoryDevice::never; };
  prepare({&device_});
  loop_->run(run_beside(*load_, *loop_, device_, milliseconds(150)));
  const LoadResult& result = load_->result();
  // Four are answered every 150 ms, and 150 become due.
  EXPECT_GE(result.waiting_most, 140u);
  EXPECT_GE(result.waited_longest, milliseconds(140));
  EXPECT_EQ(result.reads.operations + result.never_sent, 400u) << "none is forgotten";
}

TEST_F(LoadTest, TheFirstErrorEndsItWithPlaceAndWords) {
  options_.access = Access::write;
  device_.judge = [](const DeviceRequest& request) {
    return request.offset == 40 * 4096 ? EIO : 0;
  };
  const LoadResult& result = load();
  ASSERT_FALSE(result.status);
  EXPECT_EQ(result.status.error().message, "write of 4096 bytes at LBA 320: Input/output error");
  EXPECT_GE(result.writes.operations, 40u);
  EXPECT_LE(result.writes.operations, 48u) << "what was in flight ended, nothing new was sent";
}

TEST_F(LoadTest, CancellingEndsAnIdleOpenLoopToo) {
  options_.rate = 0.1;
  options_.time = seconds(60);
  prepare({&device_});
  const Instant began = clock_now();
  loop_->run(cancel_beside(*load_, *loop_, cancelled_));
  EXPECT_LT(clock_now() - began, seconds(20));
  EXPECT_EQ(load_->result().reads.operations, 1u);
}

TEST_F(LoadTest, ARightDeviceHasNoFaultWhateverTheAccess) {
  options_.verify = true;
  for (Access access : {Access::write, Access::randwrite, Access::randrw, Access::read}) {
    options_.access = access;
    const LoadResult& result = load();
    EXPECT_TRUE(result.status) << to_string(access);
    EXPECT_EQ(result.faults, 0u) << to_string(access) << ": " << describe(faults_.front(), 512);
    if (!writes(access)) continue;
    const ReadBackResult& back = read_back(device_);
    EXPECT_EQ(back.faults, 0u) << to_string(access) << ": " << describe(late_faults_.front(), 512);
    EXPECT_GT(back.blocks, 100u) << to_string(access);
    EXPECT_EQ(back.bytes, back.blocks * 4096);
  }
}

TEST_F(LoadTest, NoFalseAlarmWhereNothingInFlightIsOrdered) {
  // A few blocks, many operations, reads and writes of all sessions on the same ones.
  options_.verify = true;
  options_.depth = 16;
  options_.read_percent = 60;
  options_.bytes = 24 * 4096;
  options_.time = milliseconds(400);
  for (Access access : {Access::randrw, Access::write, Access::randwrite}) {
    options_.access = access;
    std::vector<std::byte> medium(1 * MiB);
    UnorderedDevice first(*loop_, medium, 1);
    UnorderedDevice second(*loop_, medium, 2);
    const LoadResult& result = load({&first, &second});
    EXPECT_TRUE(result.status);
    EXPECT_EQ(result.faults, 0u) << to_string(access) << ": " << describe(faults_.front(), 512);
    EXPECT_GT(result.writes.operations, 100u);
    if (access == Access::randrw) {
      EXPECT_GT(result.checked_blocks, 100u);
      EXPECT_EQ(first.in_flight_most, 16u);
    }
    EXPECT_EQ(read_back(first).faults, 0u)
        << to_string(access) << ": " << describe(late_faults_.front(), 512);
  }
}

TEST_F(LoadTest, ALostWriteIsFoundWhileItRunsAndInTheEnd) {
  options_.verify = true;
  options_.access = Access::randrw;
  int writes_to_it = 0;
  device_.land = [&](const DeviceRequest& request) {
    const bool lost = request.operation == DeviceOperation::write && request.offset == 8 * 4096 &&
                      ++writes_to_it > 1;
    return MemoryDevice::Landing{request.offset, lost ? 0 : request.bytes};
  };
  EXPECT_GT(load().faults, 0u);
  ASSERT_FALSE(faults_.empty());
  EXPECT_EQ(faults_.front().kind, BlockFaultKind::stale);
  EXPECT_EQ(faults_.front().sector, sector_of(8));
  EXPECT_EQ(faults_.front().found.generation, 1u);
  read_back(device_);
  ASSERT_EQ(late_faults_.size(), 1u) << "one block, however often it was lost";
  EXPECT_EQ(late_faults_.front().kind, BlockFaultKind::stale);
  EXPECT_EQ(late_faults_.front().expected.oldest, static_cast<std::uint32_t>(writes_to_it));
}

TEST_F(LoadTest, AMisplacedWriteIsFoundAtBothPlaces) {
  options_.verify = true;
  options_.access = Access::write;
  options_.bytes = 512 * KiB;
  device_.land = [&](const DeviceRequest& request) {
    const bool astray = request.operation == DeviceOperation::write && request.offset == 8 * 4096;
    return MemoryDevice::Landing{astray ? 100 * 4096 : request.offset, request.bytes};
  };
  load();
  // Block 100 is right again after each round; what was meant for block 8 never got there.
  read_back(device_);
  ASSERT_GE(late_faults_.size(), 1u);
  EXPECT_EQ(late_faults_.front().sector, sector_of(8));
  EXPECT_EQ(late_faults_.front().kind, BlockFaultKind::foreign);
  std::memcpy(device_.memory() + 101 * 4096, device_.memory() + 7 * 4096, 4096);
  late_faults_.clear();
  read_back(device_);
  ASSERT_GE(late_faults_.size(), 2u);
  EXPECT_EQ(late_faults_.back().kind, BlockFaultKind::misplaced);
  EXPECT_EQ(late_faults_.back().sector, sector_of(101));
  EXPECT_EQ(late_faults_.back().found.sector, sector_of(7));
}

TEST_F(LoadTest, ATornWriteIsFound) {
  options_.verify = true;
  options_.access = Access::write;
  int rounds = 0;
  device_.land = [&](const DeviceRequest& request) {
    const bool torn =
        request.operation == DeviceOperation::write && request.offset == 8 * 4096 && ++rounds > 1;
    return MemoryDevice::Landing{request.offset, torn ? 1024 : request.bytes};
  };
  load();
  ASSERT_GT(rounds, 1) << "a machine too slow for two rounds in the time";
  read_back(device_);
  ASSERT_EQ(late_faults_.size(), 1u);
  EXPECT_EQ(late_faults_.front().kind, BlockFaultKind::torn);
  EXPECT_EQ(late_faults_.front().bad_sectors, 6u);
}

TEST_F(LoadTest, ChangesBehindTheDevicesBackAreFound) {
  options_.verify = true;
  options_.access = Access::write;
  load();
  device_.memory()[5 * 4096 + 1000] ^= std::byte{1};
  std::memset(device_.memory() + 6 * 4096, 0, 4096);
  const ReadBackResult& back = read_back(device_);
  EXPECT_EQ(back.faults, 2u);
  ASSERT_EQ(late_faults_.size(), 2u);
  EXPECT_EQ(late_faults_[0].kind, BlockFaultKind::corrupt);
  EXPECT_EQ(late_faults_[1].kind, BlockFaultKind::foreign);
}

TEST_F(LoadTest, AFailedWriteMayHaveArrivedOrNot) {
  options_.verify = true;
  options_.access = Access::write;
  options_.time = seconds(60);
  for (bool arrives : {false, true}) {
    int round = 0;
    device_.judge = [&](const DeviceRequest& request) {
      if (request.operation != DeviceOperation::write || request.offset != 8 * 4096) return 0;
      if (++round < 3) return 0;
      if (arrives)
        std::memcpy(device_.memory() + request.offset, request.vectors.front().iov_base,
                    request.bytes);
      return EIO;
    };
    EXPECT_FALSE(load().status);
    read_back(device_);
    EXPECT_TRUE(late_faults_.empty()) << describe(late_faults_.front(), 512);
  }
}

TEST_F(LoadTest, ALenientReadBackForgivesWhatAVolatileCacheMayLose) {
  options_.verify = true;
  options_.access = Access::write;
  load();
  std::memset(device_.memory() + 6 * 4096, 0, 4096);
  EXPECT_EQ(read_back(device_, true).faults, 0u);
  std::memcpy(device_.memory() + 7 * 4096, device_.memory() + 9 * 4096, 4096);
  EXPECT_EQ(read_back(device_, true).faults, 1u) << "but not a block of another place";
}

TEST_F(LoadTest, ReadingWhatAnEarlierRunLeftJudgesPlaceAndChecksum) {
  options_.verify = true;
  options_.access = Access::write;
  options_.bytes = 512 * KiB;
  load();
  std::memcpy(device_.memory() + 3 * 4096, device_.memory() + 4 * 4096, 4096);
  options_.access = Access::read;
  options_.bytes = 0;
  const LoadResult& result = load();
  EXPECT_GT(result.faults, 0u);
  EXPECT_GT(result.unlabelled_blocks, 0u) << "the half that was never written";
  EXPECT_LT(result.unlabelled_blocks, result.checked_blocks);
  EXPECT_EQ(faults_.front().kind, BlockFaultKind::misplaced);
  EXPECT_EQ(faults_.front().sector, sector_of(3));
}

}  // namespace
}  // namespace holdfast::initiator
