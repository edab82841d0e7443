#include "initiator/workload/compare.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace holdfast::initiator {
namespace {

const SourceMark mark{.newest_change = {1000, 0}, .newest_access = {1000, 0}, .started = {2000, 0}};

Attributes file_accessed(std::int64_t seconds) {
  Attributes attributes;
  attributes.mode = S_IFREG | 0644;
  attributes.accessed = {seconds, 0};
  return attributes;
}

TEST(Differences, AnUntouchedSourcesAccessTimeMustBeKept) {
  EXPECT_TRUE(differences(file_accessed(900), file_accessed(900), mark).empty());
  EXPECT_EQ(differences(file_accessed(900), file_accessed(899), mark),
            (std::vector<std::string>{"time accessed: 900.000000000, 899.000000000"}));
}

TEST(Differences, AfterTheSourceWasReadTheCopysAccessTimeMayBeOlderButNotNewer) {
  EXPECT_TRUE(differences(file_accessed(2001), file_accessed(900), mark).empty());
  EXPECT_TRUE(differences(file_accessed(1001), file_accessed(900), mark).empty());
  EXPECT_EQ(differences(file_accessed(2001), file_accessed(2002), mark).size(), 1u);
}

TEST(Differences, OfAnotherKindNothingElseIsCompared) {
  Attributes fifo = file_accessed(5);
  fifo.mode = S_IFIFO | 0600;
  EXPECT_EQ(differences(file_accessed(900), fifo, mark),
            (std::vector<std::string>{"kind: file, fifo"}));
}

TEST(Differences, DeviceNumbersCountForDevicesOnly) {
  Attributes source = file_accessed(900);
  Attributes copy = source;
  copy.device = makedev(1, 3);
  EXPECT_TRUE(differences(source, copy, mark).empty());
  source.mode = copy.mode = S_IFCHR | 0600;
  source.device = makedev(259, 300'000);
  EXPECT_EQ(differences(source, copy, mark), (std::vector<std::string>{"device: 259:300000, 1:3"}));
}

TEST(Differences, XattrsAreComparedBothWays) {
  Attributes source = file_accessed(900);
  Attributes copy = source;
  source.xattrs = {{"user.a", "1"}, {"user.b", "2"}};
  copy.xattrs = {{"user.b", "3"}, {"user.c", "4"}};
  EXPECT_EQ(differences(source, copy, mark),
            (std::vector<std::string>{"xattr user.a: missing in the copy",
                                      "xattr user.b: the value differs",
                                      "xattr user.c: only in the copy"}));
}

TEST(Mark, EitherClockTellsAChange) {
  EXPECT_FALSE(mark.changed_since({1000, 0}));
  EXPECT_TRUE(mark.changed_since({1000, 1}));  // Newer than all that was there.
  const SourceMark stamped_in_the_future{
      .newest_change = {99'999, 0}, .newest_access = {}, .started = {2000, 0}};
  EXPECT_FALSE(stamped_in_the_future.changed_since({1999, 999'999'999}));
  EXPECT_TRUE(stamped_in_the_future.changed_since({2000, 0}));
}

TEST(Beyond, FindsWhatTheSourceDoesNotCover) {
  const std::vector<DataRange> source = {{10, 10}, {30, 10}};
  const auto check = [&source](std::vector<DataRange> copy, std::vector<DataRange> expected) {
    EXPECT_EQ(beyond(copy, source), expected);
  };
  check({}, {});
  check({{10, 10}, {30, 10}}, {});
  check({{12, 3}, {32, 8}}, {});
  check({{0, 50}}, {{0, 10}, {20, 10}, {40, 10}});
  check({{5, 10}}, {{5, 5}});
  check({{15, 10}}, {{20, 5}});
  check({{0, 5}, {22, 3}, {60, 5}}, {{0, 5}, {22, 3}, {60, 5}});
  check({{10, 1}, {15, 20}}, {{20, 10}});
}

TEST(FirstDifference, IsFoundAtEveryPlace) {
  std::vector<std::byte> one(100);
  std::vector<std::byte> other(100);
  EXPECT_FALSE(first_difference(one, other).has_value());
  EXPECT_FALSE(first_nonzero(one).has_value());
  for (std::size_t at = 0; at < one.size(); ++at) {
    other.assign(100, std::byte{0});
    other[at] = std::byte{1};
    EXPECT_EQ(first_difference(one, other), at);
    EXPECT_EQ(first_nonzero(other), at);
  }
  EXPECT_FALSE(first_difference({}, {}).has_value());
}

}  // namespace
}  // namespace holdfast::initiator
