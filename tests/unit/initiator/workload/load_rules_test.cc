// The rules of a load that need no device: generations, due times, the order of accesses, the fit.

#include <gtest/gtest.h>
#include <map>
#include <set>

#include "initiator/workload/access_sequence.h"
#include "initiator/workload/generation_table.h"
#include "initiator/workload/load_plan.h"
#include "initiator/workload/load_schedule.h"
#include "tests/support/memory_device.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(GenerationTable, AWriteUnderWayLeavesBothStatesOpen) {
  GenerationTable table(4);
  EXPECT_EQ(table.oldest(2), 0u);
  EXPECT_EQ(table.newest(2), 0u);
  EXPECT_EQ(table.begin_write(2), 1u);
  EXPECT_TRUE(table.writing(2));
  EXPECT_EQ(table.oldest(2), 0u);
  EXPECT_EQ(table.newest(2), 1u);
  table.end_write(2, true);
  EXPECT_FALSE(table.writing(2));
  EXPECT_EQ(table.oldest(2), 1u);
  EXPECT_EQ(table.begin_write(2), 2u);
  EXPECT_EQ(table.oldest(2), 1u);
  EXPECT_EQ(table.newest(2), 2u);
  EXPECT_EQ(table.newest(1), 0u) << "its neighbour is as it was";
}

TEST(GenerationTable, AFailedWriteStaysOpenUntilOneIsAcknowledged) {
  GenerationTable table(4);
  table.begin_write(0);
  table.end_write(0, true);
  table.begin_write(0);
  table.end_write(0, false);
  EXPECT_FALSE(table.writing(0));
  EXPECT_EQ(table.oldest(0), 1u);
  EXPECT_EQ(table.newest(0), 2u);
  EXPECT_EQ(table.begin_write(0), 3u);
  EXPECT_EQ(table.oldest(0), 1u);
  table.end_write(0, false);
  EXPECT_EQ(table.oldest(0), 1u);
  EXPECT_EQ(table.newest(0), 3u);
  table.begin_write(0);
  table.end_write(0, true);
  EXPECT_EQ(table.oldest(0), 4u);
  EXPECT_EQ(table.newest(0), 4u);
}

TEST(LoadSchedule, EveryOperationIsDueByTheClockAlone) {
  const Instant start{seconds(1000)};
  LoadSchedule schedule(100, start, start + seconds(2));
  EXPECT_EQ(schedule.next_due(), start);
  schedule.take();
  EXPECT_EQ(schedule.next_due(), start + milliseconds(10));
  EXPECT_EQ(schedule.waiting(start), 0u);
  EXPECT_EQ(schedule.waiting(start + milliseconds(9)), 0u);
  EXPECT_EQ(schedule.waiting(start + milliseconds(10)), 1u);
  // Nothing was sent for a second: what was due meanwhile is due still, each at its own moment.
  EXPECT_EQ(schedule.waiting(start + seconds(1)), 100u);
  EXPECT_EQ(schedule.next_due(), start + milliseconds(10));
  for (int i = 0; i < 100; ++i) schedule.take();
  EXPECT_EQ(schedule.next_due(), start + milliseconds(1010));
}

TEST(LoadSchedule, NothingIsDueAfterTheEnd) {
  const Instant start{seconds(1000)};
  LoadSchedule schedule(3, start, start + seconds(1));
  EXPECT_EQ(schedule.waiting(start + seconds(100)), 3u);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(schedule.over());
    EXPECT_LT(schedule.next_due(), start + seconds(1));
    schedule.take();
  }
  EXPECT_TRUE(schedule.over());
  EXPECT_EQ(schedule.waiting(start + seconds(100)), 0u);
}

TEST(LoadSchedule, AnOddRateDoesNotDrift) {
  const Instant start{seconds(1000)};
  LoadSchedule schedule(7, start, start + seconds(1'000'000));
  for (int i = 0; i < 7'000; ++i) schedule.take();
  EXPECT_LT(std::abs((schedule.next_due() - (start + seconds(1000))).count()), 2);
}

LoadPlan plan_of(Access access, std::uint64_t blocks, std::uint32_t sessions = 1) {
  LoadPlan plan;
  plan.options.access = access;
  plan.options.sessions = sessions;
  plan.options.seed = 5;
  plan.blocks = blocks;
  return plan;
}

std::vector<std::uint64_t> blocks_of(AccessSequence& sequence, int count) {
  std::vector<std::uint64_t> blocks;
  for (int i = 0; i < count; ++i) {
    blocks.push_back(sequence.current().block);
    sequence.taken();
  }
  return blocks;
}

TEST(AccessSequence, SequentialSessionsGoRoundInPartsOfTheirOwn) {
  const LoadPlan plan = plan_of(Access::write, 10, 3);
  std::set<std::uint64_t> all;
  for (std::uint32_t session = 0; session < 3; ++session) {
    AccessSequence sequence(plan, session);
    const std::vector<std::uint64_t> blocks = blocks_of(sequence, 8);
    const std::size_t own = session == 2 ? 4 : 3;
    for (std::size_t i = 0; i < blocks.size(); ++i) EXPECT_EQ(blocks[i], blocks[0] + i % own);
    for (std::size_t i = 0; i < own; ++i)
      EXPECT_TRUE(all.insert(blocks[i]).second)
          << "block " << blocks[i] << " is another session's too";
    EXPECT_FALSE(sequence.another_block()) << "the order is given";
  }
  EXPECT_EQ(all.size(), 10u);
}

TEST(AccessSequence, RandomAccessesFallEverywhereAndAreTheSameForTheSameSeed) {
  const LoadPlan plan = plan_of(Access::randread, 16, 2);
  AccessSequence first(plan, 0);
  AccessSequence again(plan, 0);
  AccessSequence other(plan, 1);
  const std::vector<std::uint64_t> blocks = blocks_of(first, 1600);
  EXPECT_EQ(blocks, blocks_of(again, 1600));
  EXPECT_NE(blocks, blocks_of(other, 1600));
  std::map<std::uint64_t, int> counts;
  for (std::uint64_t block : blocks) ++counts[block];
  EXPECT_EQ(counts.size(), 16u);
  for (const auto& [block, count] : counts) {
    EXPECT_LT(block, 16u);
    EXPECT_GT(count, 50) << "block " << block;
    EXPECT_LT(count, 150) << "block " << block;
  }
}

TEST(AccessSequence, TheMixIsAsAsked) {
  LoadPlan plan = plan_of(Access::randrw, 100);
  plan.options.read_percent = 70;
  AccessSequence sequence(plan, 0);
  int reads = 0;
  for (int i = 0; i < 10'000; ++i) {
    const bool write = sequence.current().write;
    sequence.another_block();
    EXPECT_EQ(sequence.current().write, write) << "another block is no other operation";
    reads += write ? 0 : 1;
    sequence.taken();
  }
  EXPECT_NEAR(reads, 7000, 200);
}

class LoadPlanTest : public testing::Test {
 protected:
  LoadPlanTest() : loop_(std::move(Loop::create()).value()), device_(*loop_, 1 << 20) {}

  std::string refusal(const LoadOptions& options) {
    const Result<LoadPlan> plan = plan_load(options, device_, 1);
    return plan ? "" : plan.error().message;
  }

  std::unique_ptr<Loop> loop_;
  MemoryDevice device_;
};

TEST_F(LoadPlanTest, AllOfTheDeviceUnlessLessIsAskedFor) {
  LoadOptions options;
  options.depth = 16;
  EXPECT_EQ(plan_load(options, device_, 1)->blocks, 256u);
  options.bytes = 100'000;
  EXPECT_EQ(plan_load(options, device_, 1)->blocks, 24u);
  EXPECT_FALSE(plan_load(options, device_, 1)->shortened);
}

TEST_F(LoadPlanTest, WhatDoesNotFitSaysWhatWould) {
  LoadOptions fits;
  fits.depth = 16;
  EXPECT_EQ(refusal(fits), "");
  LoadOptions options = fits;
  options.block_bytes = 1000;
  EXPECT_EQ(refusal(options), "--block 1000: this device reads and writes in blocks of 512 bytes");
  options.block_bytes = 2 << 20;
  EXPECT_EQ(refusal(options),
            "--block 2097152: one request to this device carries 1048576 bytes at most");
  options = fits;
  options.depth = 17;
  EXPECT_EQ(refusal(options), "--depth 17: this device takes 16 requests at once");
  options = fits;
  options.bytes = (1 << 20) + 1;
  EXPECT_EQ(refusal(options), "--size 1048577: the device has 1048576 bytes");
  options = fits;
  options.bytes = 4096;
  options.sessions = 2;
  EXPECT_EQ(refusal(options), "1 block of 4096 bytes are too few for 2 sessions");
}

TEST(RunNumber, IsAnotherEachTime) {
  EXPECT_NE(new_run_number(), new_run_number());
}

}  // namespace
}  // namespace holdfast::initiator
