#include "common/iscsi/memory_cursor.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::iscsi {
namespace {

class MemoryCursorTest : public testing::Test {
 protected:
  std::string a_ = "....", empty_, b_ = "......", c_ = "..";
  iovec pieces_[4] = {{a_.data(), 4}, {empty_.data(), 0}, {b_.data(), 6}, {c_.data(), 2}};
  MemoryCursor cursor_{pieces_};

  void put(std::string_view text) { cursor_.put(std::as_bytes(std::span(text))); }
};

TEST_F(MemoryCursorTest, PutsBytesAcrossPieces) {
  put("12");
  put("34567");
  put("89012");
  EXPECT_EQ(a_ + b_ + c_, "123456789012");
}

TEST_F(MemoryCursorTest, TakesNoMoreThanOnePieceAtATime) {
  EXPECT_EQ(cursor_.next(3).iov_len, 3U);
  EXPECT_EQ(cursor_.next(3).iov_len, 1U);
  EXPECT_EQ(cursor_.next(100).iov_base, b_.data());
  EXPECT_EQ(cursor_.next(100).iov_len, 2U);
  EXPECT_EQ(cursor_.next(100).iov_len, 0U) << "the end";
}

TEST_F(MemoryCursorTest, BeginsWhereItIsTold) {
  EXPECT_EQ(MemoryCursor(pieces_, 3).next(9).iov_base, a_.data() + 3);
  EXPECT_EQ(MemoryCursor(pieces_, 4).next(9).iov_base, b_.data());
  EXPECT_EQ(MemoryCursor(pieces_, 11).next(9).iov_base, c_.data() + 1);
  EXPECT_EQ(MemoryCursor(pieces_, 12).next(9).iov_len, 0U);
}

TEST_F(MemoryCursorTest, KnowsHowFarSoManyPiecesReach) {
  EXPECT_EQ(cursor_.reach(100, 1), 4U);
  EXPECT_EQ(cursor_.reach(100, 2), 10U) << "an empty piece costs nothing";
  EXPECT_EQ(cursor_.reach(100, 9), 12U);
  EXPECT_EQ(cursor_.reach(7, 9), 7U);
  EXPECT_EQ(cursor_.reach(7, 0), 0U);
  cursor_.next(3);
  EXPECT_EQ(cursor_.reach(100, 1), 1U);
  EXPECT_EQ(cursor_.reach(100, 2), 7U);
}

}  // namespace
}  // namespace holdfast::iscsi
