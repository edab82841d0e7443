#include "common/runtime/buffer.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace holdfast {
namespace {

TEST(Buffer, IsPageAlignedAndMoves) {
  Buffer first(5000);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(first.data()) % Buffer::alignment, 0u);
  std::byte* data = first.data();
  Buffer second(std::move(first));
  EXPECT_EQ(second.data(), data);
  EXPECT_EQ(second.size(), 5000u);
  EXPECT_FALSE(first);
}

TEST(BufferPool, GivesNoMoreThanItsBound) {
  BufferPool pool(4096, 2);
  std::byte* one = pool.take();
  std::byte* two = pool.take();
  ASSERT_NE(one, nullptr);
  ASSERT_NE(two, nullptr);
  EXPECT_EQ(pool.take(), nullptr);
  pool.give_back(one);
  EXPECT_EQ(pool.available(), 1u);
  EXPECT_EQ(pool.take(), one) << "memory in hand is used again";
  pool.give_back(one);
  pool.give_back(two);
}

TEST(BufferPool, TrimGivesIdleMemoryBackToTheSystem) {
  // Goal: a daemon that was busy once does not stay large. Method: a page of a trimmed buffer reads
  // as zeros, one of a kept buffer as it was left.
  BufferPool pool(8192, 3);
  std::byte* kept = pool.take();
  std::byte* trimmed = pool.take();
  ASSERT_NE(kept, trimmed);
  *kept = *trimmed = std::byte{7};
  pool.give_back(trimmed);
  pool.give_back(kept);
  pool.trim(1);
  EXPECT_EQ(*kept, std::byte{7});
  EXPECT_EQ(*trimmed, std::byte{0});
  EXPECT_EQ(pool.take(), kept) << "what still holds memory is taken first";
  EXPECT_EQ(pool.take(), trimmed);
  pool.give_back(kept);
  pool.give_back(trimmed);
}

}  // namespace
}  // namespace holdfast
