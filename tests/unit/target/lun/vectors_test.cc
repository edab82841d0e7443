#include "target/lun/vectors.h"

#include <array>
#include <gtest/gtest.h>
#include <vector>

namespace holdfast::target {
namespace {

struct Memory {
  explicit Memory(std::vector<std::size_t> sizes) {
    for (std::size_t size : sizes) {
      pieces.emplace_back(size, std::byte{0});
      vectors.push_back({pieces.back().data(), size});
    }
  }
  std::vector<std::vector<std::byte>> pieces;
  std::vector<iovec> vectors;
};

std::vector<std::size_t> lengths(std::span<const iovec> vectors) {
  std::vector<std::size_t> all;
  for (const iovec& vector : vectors) all.push_back(vector.iov_len);
  return all;
}

TEST(Vectors, AreCutToTheirFirstBytes) {
  const auto cut = [](std::uint64_t bytes) {
    Memory memory({10, 0, 20});
    return lengths(first_bytes(memory.vectors, bytes));
  };
  EXPECT_EQ(cut(30), (std::vector<std::size_t>{10, 0, 20}));
  EXPECT_EQ(cut(29), (std::vector<std::size_t>{10, 0, 19}));
  EXPECT_EQ(cut(10), (std::vector<std::size_t>{10}));
  EXPECT_EQ(cut(3), (std::vector<std::size_t>{3}));
  EXPECT_TRUE(cut(0).empty());
  EXPECT_EQ(total_bytes(Memory({10, 0, 20}).vectors), 30u);
}

TEST(Vectors, TakeWhatFits) {
  Memory memory({2, 3});
  const std::array<std::uint8_t, 7> bytes{1, 2, 3, 4, 5, 6, 7};
  EXPECT_EQ(copy_into(memory.vectors, bytes), 5u);
  EXPECT_EQ(memory.pieces[1][2], std::byte{5});
  EXPECT_EQ(copy_into(memory.vectors, std::span(bytes).first(1)), 1u);
  EXPECT_EQ(copy_into({}, bytes), 0u);
}

TEST(Vectors, SayWhereTheyFirstDiffer) {
  Memory memory({4, 4, 4});
  std::vector<std::byte> expected(8, std::byte{0});
  EXPECT_EQ(first_difference(memory.vectors, 3, expected), 8u);
  EXPECT_EQ(first_difference(memory.vectors, 4, expected), 8u);
  memory.pieces[2][1] = std::byte{9};
  EXPECT_EQ(first_difference(memory.vectors, 4, expected), 5u);
  EXPECT_EQ(first_difference(memory.vectors, 3, expected), 6u);
  EXPECT_EQ(first_difference(memory.vectors, 1, expected), 8u);
  memory.pieces[0][0] = std::byte{9};
  EXPECT_EQ(first_difference(memory.vectors, 0, expected), 0u);
}

}  // namespace
}  // namespace holdfast::target
