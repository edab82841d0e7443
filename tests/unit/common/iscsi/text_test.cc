#include "common/iscsi/text.h"

#include <gtest/gtest.h>

namespace holdfast::iscsi {
namespace {

using namespace std::string_literals;

std::string error_of(const std::string& text) {
  Result<std::vector<TextPair>> pairs = parse_text(text);
  return pairs ? "(no error)" : pairs.error().message;
}

TEST(Text, PairsAreReadInTheirOrder) {
  const std::string text = "A=1\0\0\0X#Node=a=b\0Empty=\0"s;
  Result<std::vector<TextPair>> pairs = parse_text(text);
  ASSERT_TRUE(pairs) << pairs.error().message;
  ASSERT_EQ(pairs->size(), 3u);
  EXPECT_EQ((*pairs)[0].key, "A");
  EXPECT_EQ((*pairs)[0].value, "1");
  EXPECT_EQ((*pairs)[1].key, "X#Node");
  EXPECT_EQ((*pairs)[1].value, "a=b");
  EXPECT_EQ((*pairs)[2].value, "");
}

TEST(Text, NoTextAndZerosAloneHaveNoPairs) {
  EXPECT_TRUE(parse_text("")->empty());
  EXPECT_TRUE(parse_text("\0\0\0\0"s)->empty());
}

TEST(Text, EveryMalformedFormIsNamed) {
  EXPECT_EQ(error_of("MaxConnections\0"s), "malformed text: 'MaxConnections' has no '='");
  EXPECT_EQ(error_of("=1\0"s), "malformed text: '=1' has no key before its '='");
  EXPECT_EQ(error_of("A=1"s), "malformed text: 'A=1' does not end in a zero byte");
  EXPECT_EQ(error_of("A\n=1\0"s), "malformed text: the key 'A?' has a character that no key has");
  EXPECT_EQ(error_of(std::string(64, 'k') + "=1\0"s),
            "malformed text: the key '" + std::string(64, 'k') + "' has 64 bytes, more than 63");
  EXPECT_EQ(error_of("K=" + std::string(256, 'v') + "\0"s),
            "malformed text: the value of K has an item of 256 bytes, more than 255");
  std::string list = "K=";
  while (list.size() < text_value_bytes_max + 3) list += "vvvv,";
  EXPECT_EQ(error_of(list + "\0"s),
            "malformed text: the value of K has 8195 bytes, more than 8192");
  std::string many;
  for (std::size_t i = 0; i <= text_pairs_max; ++i) many += "A=\0"s;
  EXPECT_EQ(error_of(many), "malformed text: more than 256 pairs");
  EXPECT_EQ(error_of(std::string(text_bytes_max + 1, '\0')),
            "malformed text: 16385 bytes, more than 16384");
}

TEST(Text, TheLargestAllowedFormsAreRead) {
  EXPECT_TRUE(parse_text(std::string(63, 'k') + "=" + std::string(255, 'v') + "\0"s));
}

TEST(Text, WhatIsBuiltReadsBack) {
  TextBuilder builder;
  EXPECT_TRUE(builder.empty());
  builder.add("SendTargets", "All");
  builder.add("Empty", "");
  EXPECT_EQ(builder.text(), "SendTargets=All\0Empty=\0"s);
  Result<std::vector<TextPair>> pairs = parse_text(builder.text());
  ASSERT_TRUE(pairs);
  EXPECT_EQ(pairs->size(), 2u);
}

TEST(Text, NumbersAreDecimalOrHexadecimalConstants) {
  EXPECT_EQ(parse_number("0"), 0u);
  EXPECT_EQ(parse_number("16777215"), 16'777'215u);
  EXPECT_EQ(parse_number("0x1f"), 31u);
  EXPECT_EQ(parse_number("0XFF"), 255u);
  for (const char* bad : {"", "0x", "-1", "+1", " 1", "1 ", "1k", "007", "0x1g", "1.5",
                          "18446744073709551616", "Yes"})
    EXPECT_EQ(parse_number(bad), std::nullopt) << "'" << bad << "'";
}

TEST(Text, BooleansAreYesAndNoAsWritten) {
  EXPECT_EQ(parse_boolean("Yes"), true);
  EXPECT_EQ(parse_boolean("No"), false);
  for (const char* bad : {"", "yes", "NO", "1", "Yes "})
    EXPECT_EQ(parse_boolean(bad), std::nullopt);
}

TEST(Text, ListsAreSplitAtCommas) {
  EXPECT_TRUE(split_list("").empty());
  EXPECT_EQ(split_list("None"), (std::vector<std::string_view>{"None"}));
  EXPECT_EQ(split_list("CRC32C,None"), (std::vector<std::string_view>{"CRC32C", "None"}));
  EXPECT_EQ(split_list("a,,b"), (std::vector<std::string_view>{"a", "", "b"}));
}

TEST(Text, APeersTextIsMadeFitForALogLine) {
  EXPECT_EQ(printable("a\x1b[2J\n\xff"), "a?[2J??");
  EXPECT_EQ(printable(std::string(1000, 'x')).size(), 83u);
}

}  // namespace
}  // namespace holdfast::iscsi
