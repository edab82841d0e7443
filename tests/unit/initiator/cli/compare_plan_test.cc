#include "initiator/cli/compare_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "common/base/units.h"

namespace holdfast::initiator {
namespace {

using testing::ElementsAre;

TEST(OrderOfRound, EveryRoundHasEveryoneOnce) {
  for (std::size_t count = 0; count <= 7; ++count) {
    for (std::uint32_t round = 1; round <= 9; ++round) {
      const std::vector<std::size_t> order = order_of_round(count, round);
      EXPECT_EQ(std::set(order.begin(), order.end()).size(), count);
      EXPECT_EQ(order.size(), count);
    }
  }
}

TEST(OrderOfRound, EachRoundBeginsElsewhereAndEveryOtherGoesBackwards) {
  EXPECT_THAT(order_of_round(4, 1), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(order_of_round(4, 2), ElementsAre(0, 3, 2, 1));
  EXPECT_THAT(order_of_round(4, 3), ElementsAre(2, 3, 0, 1));
  EXPECT_THAT(order_of_round(4, 4), ElementsAre(2, 1, 0, 3));
}

TEST(UrlOfFolder, GoesBeforeTheQuery) {
  EXPECT_EQ(url_of_folder("dir:///mnt/a", "x"), "dir:///mnt/a/x");
  EXPECT_EQ(url_of_folder("dir:///mnt/a//", "x"), "dir:///mnt/a/x");
  EXPECT_EQ(url_of_folder("dir:///", "x"), "dir:///x");
  EXPECT_EQ(url_of_folder("nfs://h/e?version=4&nfsport=1", "x"), "nfs://h/e/x?version=4&nfsport=1");
  EXPECT_EQ(url_of_folder("nfs://h/e/?version=3", "x"), "nfs://h/e/x?version=3");
}

TEST(ShortLabel, FitsATable) {
  EXPECT_EQ(short_label("file:///srv/image"), "file:///srv/image");
  EXPECT_EQ(short_label("file:///srv/some/where/deep/image"), "file:image");
  EXPECT_EQ(short_label("iscsi://192.0.2.7/iqn.2026-11.example:disk/0"), "iscsi://192.0.2.7");
  EXPECT_EQ(short_label("nbd://[::1]:10809/an-export-with-a-name"), "nbd://[::1]:10809");
  EXPECT_EQ(short_label("nfs://server?version=4&nfsport=20049"), "nfs://server");
}

TEST(FreeLabel, NumbersWhatIsTaken) {
  EXPECT_EQ(free_label("a", {}), "a");
  EXPECT_EQ(free_label("a", {"b"}), "a");
  EXPECT_EQ(free_label("a", {"a"}), "a #2");
  EXPECT_EQ(free_label("a", {"a", "a #2"}), "a #3");
}

TEST(ImageBytes, HaveRoomToSpareAndAreWhole) {
  EXPECT_EQ(image_bytes_for(0, 0), 256 * MiB);
  EXPECT_GE(image_bytes_for(10 * GiB, 1'000'000), 12 * GiB);
  EXPECT_EQ(image_bytes_for(12345, 3) % MiB, 0U);
}

}  // namespace
}  // namespace holdfast::initiator
