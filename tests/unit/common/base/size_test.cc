#include "common/base/size.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast {
namespace {

std::uint64_t read(std::string_view text) {
  const Result<std::uint64_t> size = parse_size(text);
  EXPECT_TRUE(size) << size.error().message;
  return size ? *size : 0;
}

TEST(Size, IsBytesOrTimes1024) {
  EXPECT_EQ(read("512"), 512u);
  EXPECT_EQ(read("4k"), 4096u);
  EXPECT_EQ(read("4K"), 4096u);
  EXPECT_EQ(read("1m"), 1u << 20);
  EXPECT_EQ(read("10g"), 10ull << 30);
  EXPECT_EQ(read("2T"), 2ull << 40);
  EXPECT_EQ(read("16383t"), 16383ull << 40);
}

TEST(Size, SaysWhatIsWrong) {
  const struct {
    const char* text;
    const char* why;
  } rows[] = {
      {"", "it has no whole number"},      {"k", "it has no whole number"},
      {"-4k", "it has no whole number"},   {" 4k", "it has no whole number"},
      {"0", "it is nothing"},              {"0k", "it is nothing"},
      {"4kb", "'kb' is no unit"},          {"4x", "'x' is no unit"},
      {"4 k", "' k' is no unit"},          {"1.5m", "'.5m' is no unit"},
      {"99999999t", "it is too large"},    {"99999999999999999999", "it is too large"},
      {"4k ", "'k ' is no unit"},          {"4\x0b", "'\x0b' is no unit"},
  };
  for (const auto& row : rows) {
    const Result<std::uint64_t> size = parse_size(row.text);
    ASSERT_FALSE(size) << row.text << " was read as " << *size;
    EXPECT_NE(size.error().message.find(row.why), std::string::npos) << size.error().message;
  }
}

}  // namespace
}  // namespace holdfast
