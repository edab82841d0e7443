#include "common/base/serial_number.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(SerialNumber, OrderHoldsAcrossTheWrap) {
  EXPECT_TRUE(serial_precedes(0xffff'fff0, 0x10));
  EXPECT_FALSE(serial_precedes(0x10, 0xffff'fff0));
}

TEST(SerialNumber, NothingPrecedesItself) {
  EXPECT_FALSE(serial_precedes(7, 7));
  EXPECT_TRUE(serial_precedes_or_equals(7, 7));
}

}  // namespace
}  // namespace holdfast
