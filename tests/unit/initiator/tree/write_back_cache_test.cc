#include "initiator/tree/write_back_cache.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <vector>

#include "common/runtime/scope.h"
#include "tests/support/memory_device.h"

namespace holdfast::initiator {
namespace {

using Bytes = std::vector<std::byte>;

Bytes pattern(std::size_t bytes, unsigned seed) {
  Bytes made(bytes);
  std::mt19937_64 random(seed);
  for (std::size_t at = 0; at < bytes; at += sizeof(std::uint64_t)) {
    const std::uint64_t word = random();
    std::memcpy(made.data() + at, &word, std::min(sizeof word, bytes - at));
  }
  return made;
}

class WriteBackCacheTest : public testing::Test {
 public:
  static constexpr std::uint64_t device_bytes = 40 * MiB;

  void SetUp() override {
    Result<std::unique_ptr<Loop>> loop = Loop::create();
    ASSERT_TRUE(loop) << loop.error().message;
    loop_ = std::move(loop).value();
    Result<std::unique_ptr<Fiber>> fiber = Fiber::create(*loop_);
    ASSERT_TRUE(fiber) << fiber.error().message;
    fiber_ = std::move(fiber).value();
    device_ = std::make_unique<MemoryDevice>(*loop_, device_bytes);
    std::memset(device_->memory(), 0xA5, device_bytes);
    options_.dirty_bytes_max = 8 * MiB;
    options_.metadata_bytes_max = 1 * MiB;
  }
  void TearDown() override {
    cache_.reset();
    device_.reset();
    fiber_.reset();
    loop_.reset();
  }
  WriteBackCache& make(bool blank = false) {
    options_.blank = blank;
    cache_ = std::make_unique<WriteBackCache>(*device_, *fiber_, options_);
    return *cache_;
  }
  bool on_device(std::uint64_t offset, const Bytes& expected) {
    return std::memcmp(device_->memory() + offset, expected.data(), expected.size()) == 0;
  }

  /// Runs plain code on the fiber, and the loop until it has ended.
  template <typename Work>
  void on_fiber(Work work) {
    loop_->run(run_on(*fiber_, work));
  }
  template <typename Work>
  static Task<void> run_on(Fiber& fiber, Work& work) {
    co_await fiber.run(work);
  }

  static Task<void> put_all(WriteBackCache& cache, std::uint64_t offset, const Bytes& data,
                            std::uint32_t file, Status& status) {
    std::size_t done = 0;
    while (done < data.size() && status) {
      const std::size_t taken = cache.put_data(offset + done, std::span(data).subspan(done), file);
      done += taken;
      if (taken == 0) status = co_await cache.wait_for_room();
    }
  }
  static Task<void> sync_into(WriteBackCache& cache, Status& status) {
    status = co_await cache.sync();
  }

  std::unique_ptr<Loop> loop_;
  std::unique_ptr<Fiber> fiber_;
  std::unique_ptr<MemoryDevice> device_;
  WriteBackCacheOptions options_;
  std::unique_ptr<WriteBackCache> cache_;
};

TEST_F(WriteBackCacheTest, SmallPiecesOfDataLeaveInLargeRequests) {
  WriteBackCache& cache = make();
  const Bytes data = pattern(16 * MiB, 1);
  struct Body {
    static Task<void> all(WriteBackCache& to, const Bytes& bytes, Status& status) {
      for (std::size_t at = 0; at < bytes.size() && status; at += 4096) {
        while (to.put_data(at, std::span(bytes).subspan(at, 4096), 7) == 0)
          status = co_await to.wait_for_room();
      }
      status = co_await to.sync();
    }
  };
  Status status;
  loop_->run(Body::all(cache, data, status));
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_TRUE(on_device(0, data));
  EXPECT_LE(device_->count(DeviceOperation::write), 32U) << "16 MiB in requests of up to 1 MiB";
  EXPECT_EQ(device_->count(DeviceOperation::flush), 1U);
  for (const MemoryDevice::Sent& sent : device_->sent)
    EXPECT_EQ(sent.file, sent.operation == DeviceOperation::write ? 7U : 0U);
  loop_->run(sync_into(cache, status));
  EXPECT_EQ(device_->count(DeviceOperation::flush), 1U) << "nothing was written since";
}

TEST_F(WriteBackCacheTest, TheLastBlockIsFilledUpWithZeros) {
  WriteBackCache& cache = make();
  Bytes data = pattern(5000, 2);
  struct Body {
    static Task<void> all(WriteBackCache& to, const Bytes& bytes, Status& status) {
      EXPECT_EQ(to.put_data(8192, bytes, 1), bytes.size());
      status = co_await to.sync();
    }
  };
  Status status;
  loop_->run(Body::all(cache, data, status));
  data.resize(8192);
  EXPECT_TRUE(on_device(8192, data));
  EXPECT_EQ(device_->memory()[16384], std::byte{0xA5}) << "written beyond the last block";
}

TEST_F(WriteBackCacheTest, AFullCacheMakesItsWriterWaitAndGoesOnWhenTheDeviceDoes) {
  WriteBackCache& cache = make();
  device_->judge = [](const DeviceRequest&) { return MemoryDevice::never; };
  struct Body {
    static Task<void> all(WriteBackCacheTest& test, WriteBackCache& to, const Bytes& bytes,
                          Status& status) {
      EXPECT_EQ(to.put_data(0, bytes, 1), 8 * MiB) << "the bound";
      EXPECT_EQ(to.put_data(8 * MiB, std::span(bytes).subspan(8 * MiB), 1), 0U);
      EXPECT_GT(test.device_->in_flight(), 0U) << "writing had not begun before the cache was full";
      test.device_->judge = nullptr;
      Scope scope;
      scope.spawn(put_all(to, 0, bytes, 1, status));
      co_await sleep_for(*test.loop_, std::chrono::milliseconds(5));
      test.device_->let_go();
      co_await scope.join();
      status = co_await to.sync();
    }
  };
  const Bytes data = pattern(12 * MiB, 3);
  Status status;
  loop_->run(Body::all(*this, cache, data, status));
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_TRUE(on_device(0, data));
}

TEST_F(WriteBackCacheTest, ASyncSendsDataThenMetadataThenAFlushAndWaitsBetween) {
  WriteBackCache& cache = make(true);
  device_->judge = [](const DeviceRequest&) { return MemoryDevice::never; };
  const Bytes block = pattern(4096, 4);
  on_fiber([&] { EXPECT_EQ(cache.write(40960, block), 0); });
  EXPECT_EQ(cache.put_data(0, block, 3), block.size());
  struct Body {
    static Task<void> all(WriteBackCacheTest& test, WriteBackCache& from, Status& status) {
      Scope scope;
      scope.spawn(sync_into(from, status));
      const std::array<DeviceOperation, 3> order = {DeviceOperation::write, DeviceOperation::write,
                                                    DeviceOperation::flush};
      for (const DeviceOperation expected : order) {
        co_await sleep_for(*test.loop_, std::chrono::milliseconds(3));
        EXPECT_EQ(test.device_->in_flight(), 1U);
        EXPECT_EQ(test.device_->sent.back().operation, expected);
        test.device_->let_go();
      }
      co_await scope.join();
    }
  };
  Status status;
  loop_->run(Body::all(*this, cache, status));
  ASSERT_TRUE(status) << status.error().message;
  ASSERT_EQ(device_->sent.size(), 3U);
  EXPECT_EQ(device_->sent[0].offset, 0U) << "the data comes first";
  EXPECT_EQ(device_->sent[1].offset, 40960U);
}

TEST_F(WriteBackCacheTest, ANewFilesystemReadsZerosAndAsksTheDeviceNothing) {
  WriteBackCache& cache = make(true);
  on_fiber([&] {
    Bytes got = pattern(10000, 5);
    EXPECT_EQ(cache.read(12345, got), 0);
    EXPECT_EQ(got, Bytes(10000));
    const Bytes some = pattern(100, 6);
    EXPECT_EQ(cache.write(4096 + 50, some), 0);
    Bytes block(4096);
    EXPECT_EQ(cache.read(4096, block), 0);
    Bytes expected(4096);
    std::copy(some.begin(), some.end(), expected.begin() + 50);
    EXPECT_EQ(block, expected);
  });
  EXPECT_TRUE(device_->sent.empty());
}

TEST_F(WriteBackCacheTest, MetadataBeyondTheBoundIsWrittenAndReadAgain) {
  WriteBackCache& cache = make(true);
  on_fiber([&] {
    for (std::uint64_t block = 0; block < 2048; ++block)  // 8 MiB through a cache of 1 MiB
      EXPECT_EQ(cache.write(block * 8192, pattern(4096, static_cast<unsigned>(block))), 0);
    Bytes got(4096);
    for (std::uint64_t block = 0; block < 2048; ++block) {
      EXPECT_EQ(cache.read(block * 8192, got), 0);
      EXPECT_EQ(got, pattern(4096, static_cast<unsigned>(block))) << block;
      EXPECT_EQ(cache.read(block * 8192 + 4096, got), 0);
      EXPECT_EQ(got, Bytes(4096)) << "never written, so zeros";
    }
  });
}

TEST_F(WriteBackCacheTest, WhatWasFreedIsNotWrittenOverWhatCameAfterIt) {
  WriteBackCache& cache = make(true);
  const Bytes data = pattern(4096, 8);
  on_fiber([&] {
    EXPECT_EQ(cache.write(4096, pattern(4096, 7)), 0);
    EXPECT_EQ(cache.forget(1, 1), 0);
  });
  EXPECT_EQ(cache.put_data(4096, data, 1), data.size());
  Status status;
  loop_->run(sync_into(cache, status));
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_TRUE(on_device(4096, data));
}

TEST_F(WriteBackCacheTest, AMissReadsAheadAndNeighboursAreThenHere) {
  WriteBackCache& cache = make();
  const Bytes data = pattern(256 * KiB, 9);
  std::memcpy(device_->memory(), data.data(), data.size());
  on_fiber([&] {
    Bytes got(4096);
    for (std::size_t at = 0; at < data.size(); at += 4096) {
      EXPECT_EQ(cache.read(at, got), 0);
      EXPECT_TRUE(std::equal(got.begin(), got.end(), data.begin() + static_cast<long>(at)));
    }
  });
  EXPECT_EQ(device_->sent.size(), 2U) << "256 KiB at 128 KiB a time";
}

TEST_F(WriteBackCacheTest, AnUnreadableSectorAheadCostsOnlyItself) {
  WriteBackCache& cache = make();
  device_->judge = [](const DeviceRequest& request) {
    return request.offset <= 40960 && request.offset + request.bytes > 40960 ? EIO : 0;
  };
  on_fiber([&] {
    Bytes got(4096);
    EXPECT_EQ(cache.read(36864, got), 0) << "the block before";
    EXPECT_EQ(cache.read(40960, got), EIO);
    EXPECT_EQ(cache.read(45056, got), 0) << "the block after";
  });
  EXPECT_FALSE(cache.failure());
}

TEST_F(WriteBackCacheTest, AFailedWriteIsForGoodAndSaysWhatAndWhere) {
  WriteBackCache& cache = make(true);
  device_->judge = [](const DeviceRequest& request) {
    return request.operation == DeviceOperation::write ? ENOSPC : 0;
  };
  EXPECT_EQ(cache.put_data(8192, pattern(4096, 1), 1), 4096U);
  Status status;
  loop_->run(sync_into(cache, status));
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::out_of_space);
  EXPECT_NE(status.error().message.find("write 4096 bytes at byte 8192"), std::string::npos)
      << status.error().message;
  EXPECT_NE(status.error().message.find("the test said so"), std::string::npos);
  EXPECT_EQ(device_->count(DeviceOperation::flush), 0U) << "nothing was sent after the failure";
  EXPECT_EQ(cache.put_data(0, pattern(4096, 1), 1), 0U);
  loop_->run(sync_into(cache, status));
  EXPECT_FALSE(status);
  on_fiber([&] { EXPECT_EQ(cache.write(0, pattern(4096, 1)), EIO); });
}

TEST_F(WriteBackCacheTest, GivingADeadDeviceUpUnwindsEveryWaiter) {
  device_->depth = 4;
  WriteBackCache& cache = make();
  device_->judge = [](const DeviceRequest&) { return MemoryDevice::never; };
  struct Body {
    static Task<void> read_on_fiber(Fiber& fiber, WriteBackCache& from, int& error) {
      Bytes got(4096);
      auto work = [&] { error = from.read(1 * MiB, got); };
      co_await fiber.run(work);
    }
    static Task<void> read_bulk(WriteBackCache& from, Bytes& into, Status& status) {
      const WriteBackCache::ReadPiece piece{32 * MiB, into};
      status = co_await from.read_data(std::span(&piece, 1), 5);
    }
    static Task<void> all(WriteBackCacheTest& test, WriteBackCache& to, int& error,
                          std::vector<Status>& statuses, Bytes& into, const Bytes& data) {
      Scope scope;
      scope.spawn(read_bulk(to, into, statuses[0]));
      co_await sleep_for(*test.loop_, std::chrono::milliseconds(2));
      scope.spawn(put_all(to, 0, data, 1, statuses[1]));
      scope.spawn(sync_into(to, statuses[2]));
      scope.spawn(read_on_fiber(*test.fiber_, to, error));
      co_await sleep_for(*test.loop_, std::chrono::milliseconds(5));
      test.device_->abandon();
      co_await scope.join();
    }
  };
  int error = 0;
  std::vector<Status> statuses(3);
  Bytes into(8 * MiB);
  const Bytes data = pattern(20 * MiB, 1);
  loop_->run(Body::all(*this, cache, error, statuses, into, data));
  EXPECT_EQ(error, EIO);
  for (const Status& status : statuses) {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().kind, ErrorKind::cancelled) << status.error().message;
  }
  EXPECT_TRUE(fiber_->idle());
}

TEST_F(WriteBackCacheTest, PiecesAreReadSideBySideIntoTheirPlaces) {
  device_->transfer_bytes = 64 * KiB;
  WriteBackCache& cache = make();
  const Bytes data = pattern(4 * MiB, 11);
  std::memcpy(device_->memory(), data.data(), data.size());
  struct Body {
    static Task<void> all(WriteBackCacheTest& test, WriteBackCache& from, Bytes& into,
                          Status& status) {
      const std::span<std::byte> whole(into);
      const WriteBackCache::ReadPiece pieces[] = {{2 * MiB, whole.subspan(0, 1 * MiB)},
                                                  {0, whole.subspan(1 * MiB, 1 * MiB + 1234)}};
      device_holds(test, true);
      Scope scope;
      scope.spawn(read(from, pieces, status));
      while (test.device_->in_flight_most < test.device_->depth)
        co_await sleep_for(*test.loop_, std::chrono::milliseconds(1));
      device_holds(test, false);
      test.device_->let_go();
      co_await scope.join();
    }
    static void device_holds(WriteBackCacheTest& test, bool hold) {
      test.device_->judge = [hold](const DeviceRequest&) { return hold ? MemoryDevice::never : 0; };
    }
    static Task<void> read(WriteBackCache& from, std::span<const WriteBackCache::ReadPiece> pieces,
                           Status& status) {
      status = co_await from.read_data(pieces, 9);
    }
  };
  Bytes into(2 * MiB + 1234);
  Status status;
  loop_->run(Body::all(*this, cache, into, status));
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(std::memcmp(into.data(), data.data() + 2 * MiB, 1 * MiB), 0);
  EXPECT_EQ(std::memcmp(into.data() + 1 * MiB, data.data(), 1 * MiB + 1234), 0);
  EXPECT_EQ(device_->sent.front().file, 9U);
}

TEST_F(WriteBackCacheTest, ADeviceThatTakesOneRequestAtATimeIsEnough) {
  device_->depth = 1;
  device_->transfer_bytes = 8192;
  WriteBackCache& cache = make(true);
  const Bytes data = pattern(2 * MiB, 12);
  struct Body {
    static Task<void> all(WriteBackCacheTest& test, WriteBackCache& to, const Bytes& bytes,
                          Status& status) {
      Scope scope;
      scope.spawn(put_all(to, 0, bytes, 1, status));
      auto work = [&] {
        for (std::uint64_t block = 0; block < 512; ++block)
          EXPECT_EQ(to.write(32 * MiB + block * 4096, pattern(4096, 1)), 0);
        Bytes got(4096);
        for (std::uint64_t block = 0; block < 512; ++block)
          EXPECT_EQ(to.read(32 * MiB + block * 4096, got), 0);
      };
      co_await test.fiber_->run(work);
      co_await scope.join();
      status = co_await to.sync();
    }
  };
  Status status;
  loop_->run(Body::all(*this, cache, data, status));
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_TRUE(on_device(0, data));
}

}  // namespace
}  // namespace holdfast::initiator
