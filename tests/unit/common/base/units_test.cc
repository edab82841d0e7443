#include "common/base/units.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(Rounding, GoesToMultiplesOfAPowerOfTwo) {
  EXPECT_EQ(round_up(4097, 4096), 8192u);
  EXPECT_EQ(round_up(4096, 4096), 4096u);
  EXPECT_EQ(round_down(8191, 4096), 4096u);
  EXPECT_EQ(round_up(0, 4096), 0u);
}

}  // namespace
}  // namespace holdfast
