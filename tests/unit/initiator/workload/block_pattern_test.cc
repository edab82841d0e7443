#include "initiator/workload/block_pattern.h"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <vector>

namespace holdfast::initiator {
namespace {

constexpr std::size_t block_bytes = 4096;
constexpr std::uint64_t this_run = 7;
constexpr std::uint64_t at_sector = 800;  // LBA 800 of 512 bytes, LBA 100 of 4096

using Block = std::vector<std::byte>;

Block written(std::uint32_t generation, std::uint64_t sector = at_sector,
              std::uint64_t run = this_run) {
  Block block(block_bytes);
  write_pattern(block,
                {.run = run, .seed = 42, .sector = sector, .generation = generation, .session = 3});
  return block;
}

std::optional<BlockFault> judged(const Block& block, std::uint32_t oldest, std::uint32_t newest) {
  return judge_block(block,
                     {.run = this_run, .sector = at_sector, .oldest = oldest, .newest = newest});
}

/// The fault's kind and words; "none" without one.
std::string words(const Block& block, std::uint32_t oldest, std::uint32_t newest) {
  const std::optional<BlockFault> fault = judged(block, oldest, newest);
  return fault ? describe(*fault, 512) : "none";
}

void put_sectors(Block& into, const Block& from, std::size_t first, std::size_t count) {
  std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(first * sector_bytes),
              count * sector_bytes,
              into.begin() + static_cast<std::ptrdiff_t>(first * sector_bytes));
}

TEST(BlockPattern, TheAcknowledgedGenerationIsRight) {
  EXPECT_EQ(words(written(5), 5, 5), "none");
}

TEST(BlockPattern, EveryBlockAndGenerationHasItsOwnContent) {
  const Block first = written(1);
  for (const Block& other : {written(2), written(1, at_sector + 8), written(1, at_sector, 8)}) {
    for (std::size_t at = 0; at < block_bytes; at += sector_bytes)
      EXPECT_NE(std::memcmp(first.data() + at + 48, other.data() + at + 48, sector_bytes - 48), 0);
  }
  EXPECT_EQ(first, written(1)) << "and the same one twice";
}

TEST(BlockPattern, AnOlderGenerationIsStale) {
  EXPECT_EQ(
      words(written(4), 5, 5),
      "stale: generation 5 was acknowledged; what is there is generation 4, written by session 3");
}

TEST(BlockPattern, WhileAWriteIsUnderWayBothStatesAreRightAndAnyMixture) {
  EXPECT_EQ(words(written(4), 4, 5), "none");
  EXPECT_EQ(words(written(5), 4, 5), "none");
  Block mixed = written(4);
  put_sectors(mixed, written(5), 2, 3);
  EXPECT_EQ(words(mixed, 4, 5), "none");
  EXPECT_EQ(judged(written(3), 4, 5)->kind, BlockFaultKind::stale);
}

TEST(BlockPattern, ASectorThatWasReadWhileItWasWrittenMayBeHalfOfEach) {
  Block half = written(5);
  const Block next = written(6);
  std::copy_n(next.begin(), 700, half.begin());  // as a page cache copies: not by sectors
  BlockExpectation expected{.run = this_run, .sector = at_sector, .oldest = 5, .newest = 6, .overlapped = true};
  EXPECT_FALSE(judge_block(half, expected));
  expected.overlapped = false;
  const std::optional<BlockFault> fault = judge_block(half, expected);
  ASSERT_TRUE(fault) << "and nobody wrote at the time";
  EXPECT_EQ(fault->kind, BlockFaultKind::corrupt);
  expected.overlapped = true;
  EXPECT_TRUE(judge_block(written(4), expected)) << "an older state is stale all the same";
}

TEST(BlockPattern, SectorsOfDifferentGenerationsAreTorn) {
  Block torn = written(5);
  put_sectors(torn, written(4), 6, 2);
  const std::optional<BlockFault> fault = judged(torn, 5, 5);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->kind, BlockFaultKind::torn);
  EXPECT_EQ(fault->sector, at_sector + 6);
  EXPECT_EQ(fault->bad_sectors, 2u);
  EXPECT_EQ(
      words(torn, 5, 5),
      "torn: generation 5 was acknowledged; what is there is generation 4, written by session 3 "
      "(2 of the block's 8 sectors)");
  Block twice = written(3);
  put_sectors(twice, written(4), 0, 4);
  EXPECT_EQ(judged(twice, 5, 5)->kind, BlockFaultKind::torn) << "two old ones, none of them whole";
}

TEST(BlockPattern, ABlockOfAnotherPlaceIsMisplaced) {
  const Block elsewhere = written(5, at_sector + 80);
  EXPECT_EQ(words(elsewhere, 5, 5),
            "misplaced: generation 5 was acknowledged; what is there is generation 5 of LBA 880");
  const std::optional<BlockFault> fault = judged(elsewhere, 5, 5);
  EXPECT_NE(describe(*fault, 4096).find("of LBA 110"), std::string::npos)
      << "in the device's own blocks";
}

TEST(BlockPattern, ABlockThatNobodyWroteHoldsAnythingButOurs) {
  EXPECT_EQ(words(Block(block_bytes), 0, 0), "none");
  EXPECT_EQ(words(Block(block_bytes, std::byte{0x5a}), 0, 0), "none");
  EXPECT_EQ(words(written(9, at_sector + 8, 6), 0, 0), "none")
      << "another run's, wherever it belongs";
  EXPECT_EQ(
      words(written(2, at_sector + 8), 0, 0),
      "misplaced: nothing of this run was written here; what is there is generation 2 of LBA 808");
}

TEST(BlockPattern, TheFirstWriteMayHaveArrivedOrNot) {
  EXPECT_EQ(words(Block(block_bytes), 0, 1), "none");
  EXPECT_EQ(words(written(1), 0, 1), "none");
  Block half(block_bytes);
  put_sectors(half, written(1), 0, 4);
  EXPECT_EQ(words(half, 0, 1), "none");
}

TEST(BlockPattern, WhatIsNotOursWhereItShouldBeIsForeign) {
  EXPECT_EQ(words(Block(block_bytes), 1, 1),
            "foreign: generation 1 was acknowledged; what is there is none of ours");
  EXPECT_EQ(words(written(1, at_sector, 6), 1, 1),
            "foreign: generation 1 was acknowledged; what is there is generation 1 of another run "
            "(seed 42), "
            "written by session 3");
}

TEST(BlockPattern, EveryFlippedBitIsFound) {
  const Block good = written(5);
  for (std::size_t at = 0; at < block_bytes; at += 7) {
    for (int bit : {0, 7}) {
      Block bad = good;
      bad[at] ^= std::byte{1} << bit;
      const std::optional<BlockFault> fault = judged(bad, 5, 5);
      ASSERT_TRUE(fault) << "byte " << at << " bit " << bit;
      const std::size_t in_sector = at % sector_bytes;
      const bool in_magic = in_sector < 8;
      EXPECT_EQ(fault->kind, in_magic ? BlockFaultKind::foreign : BlockFaultKind::corrupt)
          << "byte " << at;
      EXPECT_EQ(fault->sector, at_sector + at / sector_bytes);
    }
  }
}

TEST(BlockPattern, OfAnUnknownHistoryOnlyPlaceAndChecksumCount) {
  EXPECT_FALSE(judge_unknown_block(written(3, at_sector, 99), at_sector));
  EXPECT_FALSE(judge_unknown_block(Block(block_bytes), at_sector)) << "not ours";
  Block mixed = written(3);
  put_sectors(mixed, written(4), 0, 1);
  EXPECT_FALSE(judge_unknown_block(mixed, at_sector)) << "a write may have been cut off";
  const std::optional<BlockFault> moved = judge_unknown_block(written(3), at_sector + 8);
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->kind, BlockFaultKind::misplaced);
  Block bad = written(3);
  bad[3000] ^= std::byte{4};
  const std::optional<BlockFault> corrupt = judge_unknown_block(bad, at_sector);
  ASSERT_TRUE(corrupt);
  EXPECT_EQ(corrupt->kind, BlockFaultKind::corrupt);
  EXPECT_EQ(corrupt->sector, at_sector + 5);
  EXPECT_TRUE(has_label(bad));
  EXPECT_FALSE(has_label(Block(block_bytes)));
}

}  // namespace
}  // namespace holdfast::initiator
