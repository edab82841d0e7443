#include "common/iscsi/binary_text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast::iscsi {
namespace {

using Bytes = std::vector<std::uint8_t>;

TEST(BinaryText, HexadecimalGoesBothWays) {
  const Bytes bytes = {0x00, 0x1f, 0xa0, 0xff};
  EXPECT_EQ(hexadecimal_text(bytes), "0x001fa0ff");
  EXPECT_EQ(parse_binary("0x001fa0ff", 4), bytes);
  EXPECT_EQ(parse_binary("0X001FA0FF", 4), bytes) << "either case";
  EXPECT_EQ(parse_binary("0x123", 4), (Bytes{0x01, 0x23})) << "an odd number of digits";
}

TEST(BinaryText, Base64IsTakenWithEveryPadding) {
  // RFC 4648 section 10.
  EXPECT_EQ(parse_binary("0bZg==", 8), (Bytes{'f'}));
  EXPECT_EQ(parse_binary("0bZm8=", 8), (Bytes{'f', 'o'}));
  EXPECT_EQ(parse_binary("0bZm9v", 8), (Bytes{'f', 'o', 'o'}));
  EXPECT_EQ(parse_binary("0BZm9vYmFy", 6), (Bytes{'f', 'o', 'o', 'b', 'a', 'r'}));
  EXPECT_EQ(parse_binary("0b+/+/", 3), (Bytes{0xfb, 0xff, 0xbf}));
}

TEST(BinaryText, WhatIsNoBinaryValueIsNothing) {
  for (const char* text : {"", "0", "0x", "0b", "1234", "x12", "0x12g4", "0bZg=", "0bZ===", "0b====", "0bZ!==",
                           "0bZg==Zg==", "0x 12", "0bZm9v\n"})
    EXPECT_FALSE(parse_binary(text, 100)) << text;
}

TEST(BinaryText, ItsLengthIsBounded) {
  EXPECT_TRUE(parse_binary("0x0102", 2));
  EXPECT_FALSE(parse_binary("0x010203", 2));
  EXPECT_TRUE(parse_binary("0bZm8=", 2));
  EXPECT_FALSE(parse_binary("0bZm9v", 2));
  EXPECT_FALSE(parse_binary("0x" + std::string(100'000, '1'), 1024));
}

}  // namespace
}  // namespace holdfast::iscsi
