#include "target/config/values.h"

#include <array>
#include <gtest/gtest.h>
#include <limits>
#include <string>

namespace holdfast::target {
namespace {

TEST(Values, NumbersAreReadAsStrtolDoes) {
  EXPECT_EQ(parse_number("42"), 42);
  EXPECT_EQ(parse_number("-42"), -42);
  EXPECT_EQ(parse_number("0x2a"), 42);
  EXPECT_EQ(parse_number("0X2A"), 42);
  EXPECT_EQ(parse_number("052"), 42);
  EXPECT_EQ(parse_number("0"), 0);
  EXPECT_EQ(parse_number("99999999999999999999999"), std::numeric_limits<std::int64_t>::max());
  for (const char* text : {"", " 1", "1 ", "1k", "0x", "08", "1.5", "-", "x"})
    EXPECT_FALSE(parse_number(text)) << "\"" << text << "\"";
  EXPECT_FALSE(parse_number(std::string("1\0", 2)));
}

TEST(Values, DecimalNumbersHaveNoOtherBaseAndNoSign) {
  EXPECT_EQ(parse_decimal("010"), 10);
  for (const char* text : {"", "0x1", "+1", "-1", " 1", "1 "})
    EXPECT_FALSE(parse_decimal(text)) << "\"" << text << "\"";
}

TEST(Values, OctalIsNoticed) {
  EXPECT_TRUE(is_octal("010"));
  EXPECT_TRUE(is_octal("-07"));
  for (const char* text : {"0", "0x10", "10", ""}) EXPECT_FALSE(is_octal(text)) << text;
}

TEST(Values, TheNearestNameIsFound) {
  constexpr std::array<std::string_view, 4> names = {"Path", "IOMode", "ScsiId", "ScsiSN"};
  EXPECT_EQ(nearest("Paht", names), "Path");
  EXPECT_EQ(nearest("iomod", names), "IOMode");
  EXPECT_EQ(nearest("ScsiI", names), "ScsiId");
  EXPECT_EQ(nearest("pth", names), "Path");
  EXPECT_EQ(nearest("Vendor", names), "");
  EXPECT_EQ(nearest("", names), "");
  EXPECT_EQ(nearest(std::string(100'000, 'a'), names), "");
}

TEST(Values, MessagesShowNoRawBytes) {
  EXPECT_EQ(shown("abc"), "\"abc\"");
  EXPECT_EQ(shown("a\x1b[2J"), "\"a\\x1b[2J\"");
  EXPECT_EQ(shown("\xc3\xbc"), "\"\xc3\xbc\"");
  EXPECT_EQ(shown("\xff"), "\"\\xff\"");
  EXPECT_EQ(shown(std::string(81, 'a')), "\"" + std::string(80, 'a') + "…\"");
}

}  // namespace
}  // namespace holdfast::target
