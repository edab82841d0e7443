#include "initiator/tree/block_table.h"

#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <random>

#include "initiator/tree/block_set.h"

namespace holdfast::initiator {
namespace {

TEST(BlockTable, AgreesWithAMapThroughInsertionsAndErasures) {
  BlockTable table(1024, 512);
  std::map<std::uint64_t, BlockTable::Slot> model;
  std::mt19937_64 random(7);
  for (int step = 0; step < 200'000; ++step) {
    const std::uint64_t block = random() % 700;
    const BlockTable::Slot slot = table.find(block);
    const auto known = model.find(block);
    ASSERT_EQ(slot == BlockTable::none, known == model.end()) << "block " << block;
    if (slot != BlockTable::none) {
      ASSERT_EQ(slot, known->second);
      ASSERT_EQ(std::memcmp(table.memory(slot), &block, sizeof block), 0);
      table.erase(slot);
      model.erase(known);
    } else if (model.size() < 512) {
      const BlockTable::Slot fresh = table.insert(block);
      ASSERT_NE(fresh, BlockTable::none);
      std::memcpy(table.memory(fresh), &block, sizeof block);
      model[block] = fresh;
    }
  }
}

TEST(BlockTable, OnlyCleanAndIdleBlocksMakeRoom) {
  BlockTable table(4096, 64);
  for (std::uint64_t block = 0; block < 64; ++block) {
    const BlockTable::Slot slot = table.insert(block);
    table.set_dirty(slot, block % 3 == 0);
    table.set_busy(slot, block % 3 == 1);
  }
  EXPECT_EQ(table.dirty_count(), 22U);
  for (std::uint64_t block = 100; block < 121; ++block) {
    const BlockTable::Slot slot = table.insert(block);
    ASSERT_NE(slot, BlockTable::none);
    table.set_dirty(slot, true);
  }
  EXPECT_EQ(table.insert(200), BlockTable::none);
  for (std::uint64_t block = 0; block < 64; ++block)
    EXPECT_EQ(table.find(block) == BlockTable::none, block % 3 == 2) << "block " << block;
}

TEST(BlockTable, WhatIsUsedAgainAndAgainStays) {
  BlockTable table(4096, 64);
  const BlockTable::Slot favourite = table.insert(0);
  for (std::uint64_t block = 1; block < 1000; ++block) {
    EXPECT_EQ(table.find(0), favourite) << "lost when block " << block << " came";
    ASSERT_NE(table.insert(block), BlockTable::none);
  }
}

TEST(BlockSet, RemembersWhatWasPutIn) {
  BlockSet set(1ULL << 32);  // 16 TiB in blocks of 4 KiB
  for (std::uint64_t block : {0ULL, 63ULL, 64ULL, 32767ULL, 32768ULL, (1ULL << 32) - 1})
    set.insert(block);
  for (std::uint64_t block : {0ULL, 63ULL, 64ULL, 32767ULL, 32768ULL, (1ULL << 32) - 1})
    EXPECT_TRUE(set.contains(block)) << block;
  for (std::uint64_t block : {1ULL, 62ULL, 65ULL, 32766ULL, 32769ULL, 1ULL << 31, 1ULL << 40})
    EXPECT_FALSE(set.contains(block)) << block;
}

}  // namespace
}  // namespace holdfast::initiator
