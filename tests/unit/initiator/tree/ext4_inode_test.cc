#include "initiator/tree/ext4_inode.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace holdfast::initiator {
namespace {

TEST(Ext4Inode, TimesTurnOverWhereTheKernelTurnsThemOver) {
  // The table of the kernel's own comment on ext4 timestamps: epoch bits against the signed word.
  struct Row {
    FileTime time;
    std::uint32_t seconds;
    std::uint32_t epoch;
  };
  const Row rows[] = {
      {{-0x8000'0000LL, 0}, 0x8000'0000, 0},
      {{-1, 0}, 0xFFFF'FFFF, 0},
      {{0, 0}, 0, 0},
      {{0x7FFF'FFFF, 0}, 0x7FFF'FFFF, 0},
      {{0x8000'0000, 0}, 0x8000'0000, 1},
      {{0xFFFF'FFFF, 0}, 0xFFFF'FFFF, 1},
      {{0x1'0000'0000, 0}, 0, 1},
      {{0x1'7FFF'FFFF, 0}, 0x7FFF'FFFF, 1},
      {{0x1'8000'0000, 0}, 0x8000'0000, 2},
      {{0x2'0000'0000, 0}, 0, 2},
      {{0x2'8000'0000, 0}, 0x8000'0000, 3},
      {{0x3'7FFF'FFFF, 0}, 0x7FFF'FFFF, 3},
  };
  for (const Row& row : rows) {
    FileTime time = row.time;
    time.nanoseconds = 999'999'999;
    const Ext4Time encoded = encode_time(time);
    EXPECT_EQ(encoded.seconds, row.seconds) << row.time.seconds;
    EXPECT_EQ(encoded.extra, 999'999'999U << 2 | row.epoch) << row.time.seconds;
    EXPECT_EQ(decode_time(encoded), time);
  }
}

TEST(Ext4Inode, ATimeThatDoesNotFitBecomesTheNearestThatDoes) {
  EXPECT_EQ(decode_time(encode_time({-0x8000'0001LL, 5})), (FileTime{-0x8000'0000LL, 0}));
  EXPECT_EQ(decode_time(encode_time({0x3'8000'0000, 5})), (FileTime{0x3'7FFF'FFFF, 999'999'999}));
}

TEST(Ext4Inode, SmallDeviceNumbersLieInTheFirstWordAndLargeOnesInTheSecond) {
  Ext4Inode small;
  encode_device(makedev(8, 17), small.large);
  EXPECT_EQ(small.large.i_block[0], 0x0811U);
  EXPECT_EQ(small.large.i_block[1], 0U);
  EXPECT_EQ(decode_device(small.large), makedev(8, 17));
  Ext4Inode large;
  encode_device(makedev(259, 0x12345), large.large);
  EXPECT_EQ(large.large.i_block[0], 0U);
  EXPECT_EQ(large.large.i_block[1], 0x12310345U);
  EXPECT_EQ(decode_device(large.large), makedev(259, 0x12345));
}

TEST(Ext4Inode, OwnersKeepTheirHighHalves) {
  Attributes attributes;
  attributes.mode = S_IFREG | S_ISUID | 0755;
  attributes.uid = 0xFEDC'BA98;
  attributes.gid = 0x0123'4567;
  Ext4Inode inode;
  encode_attributes(attributes, inode.large);
  const Attributes got = decode_attributes(inode.large);
  EXPECT_EQ(got.mode, attributes.mode);
  EXPECT_EQ(got.uid, attributes.uid);
  EXPECT_EQ(got.gid, attributes.gid);
}

TEST(Ext4Inode, EntryTypesAndModesBelongTogether) {
  for (const std::uint32_t mode : {S_IFREG, S_IFDIR, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK, S_IFLNK})
    EXPECT_EQ(mode_of_entry_type(entry_type(mode | 0644)), mode);
}

}  // namespace
}  // namespace holdfast::initiator
