// The text of a history.

#include "tests/support/history/history.h"

#include <gtest/gtest.h>

namespace holdfast::testing_support {
namespace {

TEST(History, ItsTextSaysAllOfIt) {
  const std::string text =
      "1 3 8 read 0 = 5 torn\n"
      "1 3 8 write 2 = 7 8\n"
      "1 3 - write 2 = 7 open\n"
      "1 3 9 atomic 2 = 7 conflict\n"
      "1 3 8 swap 0 : 5 6 = 7 8\n"
      "1 3 8 swap 0 : 5 6 = 7 8 differs 1\n"
      "0 3 8 fence 1\n"
      "1 3 8 register\n";
  const Result<History> history = parse_history("\n# a history\n" + text);
  ASSERT_TRUE(history) << history.error().message;
  EXPECT_EQ(history->size(), 8u);
  EXPECT_EQ(to_text(*history), text);
  EXPECT_EQ((*history)[0].values, (std::vector<BlockValue>{5, torn}));
  EXPECT_EQ((*history)[2].answered, never);
  EXPECT_EQ((*history)[5].differs_at, 1u);
  EXPECT_EQ((*history)[6].fenced, 1);
}

TEST(History, WhatIsNoEventIsNamed) {
  for (const char* line :
       {"1 3", "1 8 3 read 0 = 5", "1 3 8 glance 0 = 5", "1 3 8 read 0", "1 3 8 read 0 : 4 = 5",
        "1 3 8 swap 0 : 4 = 5 6", "1 3 8 swap 0 : 4 = 5 differs 1", "1 3 8 read 0 = 5 perhaps",
        "0 3 8 fence"}) {
    const Result<History> history = parse_history(std::string("1 1 2 register\n") + line);
    ASSERT_FALSE(history) << line;
    EXPECT_EQ(history.error().message, std::string("line 2 is no event: ") + line);
  }
}

}  // namespace
}  // namespace holdfast::testing_support
