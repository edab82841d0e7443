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

}  // namespace
}  // namespace holdfast
