#include "common/base/endian.h"

#include <gtest/gtest.h>

#include <bit>

namespace holdfast {
namespace {

TEST(BigEndian, StandsOnTheWireMostSignificantByteFirst) {
  const auto bytes = std::bit_cast<std::array<std::uint8_t, 4>>(be32(0x01020304));
  EXPECT_EQ(bytes, (std::array<std::uint8_t, 4>{1, 2, 3, 4}));
}

TEST(BigEndian, ThreeBytesAreCutToTheirWidth) {
  const be24 field = 0x12345678;
  EXPECT_EQ(field.value(), 0x345678u);
}

TEST(BigEndian, EveryWidthComesBackAsItWentIn) {
  EXPECT_EQ(be16(0xfedc).value(), 0xfedc);
  EXPECT_EQ(be48(0xfedc'ba98'7654).value(), 0xfedc'ba98'7654u);
  EXPECT_EQ(be64(0xfedc'ba98'7654'3210).value(), 0xfedc'ba98'7654'3210u);
}

}  // namespace
}  // namespace holdfast
