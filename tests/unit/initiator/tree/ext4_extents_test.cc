#include "initiator/tree/ext4_extents.h"

#include <gtest/gtest.h>

#include "initiator/tree/open_files.h"

namespace holdfast::initiator {
namespace {

TEST(Ext4Extents, AnEntryHoldsAsManyBlocksAsItMayAndNoMore) {
  std::vector<ext3_extent> entries;
  const FileExtent extents[] = {{10, 0x1'0000'0005, 70'000, true}, {200'000, 7, 40'000, false}};
  cut_extents(extents, entries);
  ASSERT_EQ(entries.size(), 5U);
  EXPECT_EQ(entries[0].ee_len, 32768);
  EXPECT_EQ(entries[0].ee_start_hi, 1);
  EXPECT_EQ(entries[0].ee_start, 5U);
  EXPECT_EQ(entries[1].ee_block, 10U + 32768);
  EXPECT_EQ(entries[1].ee_start, 5U + 32768);
  EXPECT_EQ(entries[2].ee_len, 70'000 - 2 * 32768);
  EXPECT_EQ(entries[3].ee_len, 32768 + 32767) << "unwritten, so one block less";
  EXPECT_EQ(entries[4].ee_block, 200'000U + 32767);
  EXPECT_EQ(entries[4].ee_len, 32768 + 40'000 - 32767);
}

TEST(Ext4Extents, WhatWasNotWrittenIsMarkedWithinEveryExtent) {
  const FileExtent extents[] = {{0, 100, 10, true}, {20, 200, 10, true}, {40, 300, 10, true}};
  const BlockRange written[] = {{2, 3}, {7, 15}, {40, 10}};
  const std::vector<FileExtent> expected = {
      {0, 100, 2, false}, {2, 102, 3, true},   {5, 105, 2, false},  {7, 107, 3, true},
      {20, 200, 2, true}, {22, 202, 8, false}, {40, 300, 10, true},
  };
  EXPECT_EQ(with_unwritten(extents, written), expected);
}

TEST(OpenFile, FindsTheExtentOfABlockAndNoneForAHole) {
  OpenFile file;
  file.layout.extents = {{0, 100, 10, true}, {20, 200, 10, true}};
  EXPECT_EQ(file.find(0), &file.layout.extents[0]);
  EXPECT_EQ(file.find(9), &file.layout.extents[0]);
  EXPECT_EQ(file.find(10), nullptr);
  EXPECT_EQ(file.find(19), nullptr);
  EXPECT_EQ(file.find(29), &file.layout.extents[1]);
  EXPECT_EQ(file.find(30), nullptr);
}

TEST(OpenFile, KnowsWhatWasWrittenInWhateverOrderItCame) {
  OpenFile file;
  file.note_written(0, 4);
  file.note_written(4, 4);
  file.note_written(100, 1);
  file.note_written(50, 2);
  ASSERT_EQ(file.written.size(), 3U);
  EXPECT_EQ(file.written[0].blocks, 8U);
  EXPECT_EQ(file.written[1].first, 50U);
  EXPECT_EQ(file.written[2].first, 100U);
  EXPECT_EQ(file.blocks_written, 11U);
}

}  // namespace
}  // namespace holdfast::initiator
