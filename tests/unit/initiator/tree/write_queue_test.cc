#include "initiator/tree/write_queue.h"

#include <array>
#include <gtest/gtest.h>
#include <vector>

namespace holdfast::initiator {
namespace {

std::byte memory[1 << 20];

WriteItem item(std::uint64_t offset, std::size_t at, std::uint32_t bytes, std::uint32_t owner = 0) {
  WriteItem made;
  made.offset = offset;
  made.memory = memory + at;
  made.bytes = bytes;
  made.owner = owner;
  return made;
}

struct Request {
  std::uint64_t offset;
  std::uint64_t bytes;
  std::size_t items;
  bool operator==(const Request&) const = default;
};

std::vector<Request> runs(WriteQueue& queue, std::uint32_t bytes_max, std::size_t items_max = 64) {
  std::vector<Request> all;
  std::vector<WriteItem> items(items_max);
  while (const std::size_t count = queue.take_run(bytes_max, items)) {
    std::uint64_t end = items[0].offset;
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(items[i].offset, end) << "a run has a gap";
      end += items[i].bytes;
    }
    all.push_back({items[0].offset, end - items[0].offset, count});
  }
  return all;
}

TEST(WriteQueue, NeighboursThatCameOutOfOrderBecomeOneRun) {
  WriteQueue queue;
  queue.add(item(8192, 0, 4096));
  queue.add(item(0, 4096, 4096, 1));
  queue.add(item(4096, 12288, 4096, 2));
  queue.add(item(65536, 20480, 4096));
  queue.begin_batch();
  EXPECT_EQ(runs(queue, 1 << 20), (std::vector<Request>{{0, 12288, 3}, {65536, 4096, 1}}));
  EXPECT_TRUE(queue.empty());
}

TEST(WriteQueue, WhatContinuesTheLastItemMakesItLonger) {
  WriteQueue queue;
  for (std::uint32_t i = 0; i < 100; ++i) queue.add(item(i * 4096, i * 4096, 4096));
  EXPECT_EQ(queue.gathered_bytes(), 409600U);
  queue.begin_batch();
  EXPECT_EQ(runs(queue, 1 << 20), (std::vector<Request>{{0, 409600, 1}}));
}

TEST(WriteQueue, ARequestIsNeverLargerThanItMayBe) {
  WriteQueue queue;
  queue.add(item(0, 0, 10 * 4096));
  queue.add(item(10 * 4096, 0, 4096, 1));
  queue.begin_batch();
  EXPECT_EQ(runs(queue, 4 * 4096),
            (std::vector<Request>{{0, 16384, 1}, {16384, 16384, 1}, {32768, 12288, 2}}));
}

TEST(WriteQueue, ARequestNeverHasMoreVectorsThanItMay) {
  WriteQueue queue;
  for (std::uint32_t i = 0; i < 10; ++i) queue.add(item(i * 4096, 0, 4096, i));
  queue.begin_batch();
  EXPECT_EQ(runs(queue, 1 << 20, 4),
            (std::vector<Request>{{0, 16384, 4}, {16384, 16384, 4}, {32768, 8192, 2}}));
}

TEST(WriteQueue, WhatComesDuringABatchWaitsForTheNext) {
  WriteQueue queue;
  queue.add(item(0, 0, 4096));
  queue.begin_batch();
  queue.add(item(4096, 4096, 4096));
  EXPECT_EQ(runs(queue, 1 << 20), (std::vector<Request>{{0, 4096, 1}}));
  EXPECT_FALSE(queue.empty());
  queue.begin_batch();
  EXPECT_EQ(runs(queue, 1 << 20), (std::vector<Request>{{4096, 4096, 1}}));
}

}  // namespace
}  // namespace holdfast::initiator
