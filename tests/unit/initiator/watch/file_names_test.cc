#include "initiator/watch/file_names.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace holdfast::initiator {
namespace {

using Forgotten = std::vector<std::pair<std::uint32_t, std::string>>;

TEST(FileNames, GivesEachNameANumberThatIsNeverZero) {
  FileNames names({}, [](std::uint32_t, const std::string&) {});
  const std::uint32_t first = names.add("a");
  const std::uint32_t second = names.add("b");
  EXPECT_NE(first, 0U);
  EXPECT_NE(first, second);
  EXPECT_EQ(names.name(first), "a");
  EXPECT_EQ(names.name(second), "b");
  EXPECT_EQ(names.name(0), "");
  EXPECT_EQ(names.name(second + 1), "");
}

TEST(FileNames, ForgetsTheOldestWhenThereAreTooMany) {
  Forgotten forgotten;
  FileNames names({.names = 2, .bytes = 1000},
                  [&](std::uint32_t number, const std::string& name) { forgotten.emplace_back(number, name); });
  const std::uint32_t a = names.add("a");
  const std::uint32_t b = names.add("b");
  const std::uint32_t c = names.add("c");
  EXPECT_EQ(forgotten, (Forgotten{{a, "a"}}));
  EXPECT_EQ(names.name(a), "");
  EXPECT_EQ(names.name(b), "b");
  EXPECT_EQ(names.name(c), "c");
}

TEST(FileNames, ForgetsTheOldestWhenTheyAreTooLong) {
  Forgotten forgotten;
  FileNames names({.names = 100, .bytes = 10},
                  [&](std::uint32_t number, const std::string& name) { forgotten.emplace_back(number, name); });
  const std::uint32_t a = names.add("12345");
  const std::uint32_t b = names.add("67890");
  EXPECT_TRUE(forgotten.empty());
  const std::uint32_t c = names.add("a name longer than everything");
  EXPECT_EQ(forgotten, (Forgotten{{a, "12345"}, {b, "67890"}}));
  EXPECT_EQ(names.name(c), "a name longer than everything") << "the newest is always kept";
}

}  // namespace
}  // namespace holdfast::initiator
