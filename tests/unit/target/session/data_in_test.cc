#include "target/session/data_in.h"

#include <gtest/gtest.h>

#include <vector>

namespace holdfast::target {
namespace {

using Piece = DataInCutter::Piece;

std::vector<Piece> cut(std::uint32_t bytes, std::uint32_t segment, std::uint32_t burst) {
  DataInCutter cutter(bytes, segment, burst);
  std::vector<Piece> pieces;
  while (!cutter.finished()) {
    const std::uint32_t expected = cutter.next_bytes();
    pieces.push_back(cutter.next());
    EXPECT_EQ(pieces.back().bytes, expected);
  }
  return pieces;
}

TEST(DataIn, CutsByTheShorterOfSegmentAndBurst) {
  EXPECT_EQ(cut(2500, 1000, 1500), (std::vector<Piece>{{0, 0, 1000, false, false},
                                                       {1, 1000, 500, true, false},
                                                       {2, 1500, 1000, true, true}}));
}

TEST(DataIn, MarksTheEndOfEveryBurstAndOfTheData) {
  EXPECT_EQ(cut(2048, 512, 1024), (std::vector<Piece>{{0, 0, 512, false, false},
                                                      {1, 512, 512, true, false},
                                                      {2, 1024, 512, false, false},
                                                      {3, 1536, 512, true, true}}));
}

TEST(DataIn, IsOnePduWhereOneIsEnough) {
  EXPECT_EQ(cut(512, 8192, 262'144), (std::vector<Piece>{{0, 0, 512, true, true}}));
}

struct ResidualCase {
  std::uint32_t expected, asked, moved;
  Residual residual;
};

TEST(Residual, SaysWhatDidNotMove) {
  const ResidualCase cases[] = {
      {512, 512, 512, {}},
      {1024, 512, 512, {.overflow = false, .underflow = true, .count = 512}},
      {100, 512, 100, {.overflow = true, .underflow = false, .count = 412}},
      {0, 512, 0, {.overflow = true, .underflow = false, .count = 512}},
      {512, 0, 0, {.overflow = false, .underflow = true, .count = 512}},
      {0, 0, 0, {}},
      {96, 255, 66, {.overflow = false, .underflow = true, .count = 30}},
  };
  for (const ResidualCase& one : cases) {
    EXPECT_EQ(Residual::of(one.expected, one.asked, one.moved), one.residual)
        << one.expected << " expected, " << one.asked << " asked, " << one.moved << " moved";
  }
}

}  // namespace
}  // namespace holdfast::target
