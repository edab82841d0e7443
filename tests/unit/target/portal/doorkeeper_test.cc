#include "target/portal/doorkeeper.h"

#include <gtest/gtest.h>

namespace holdfast::target {
namespace {

TEST(Doorkeeper, EvictsTheOldestOfASourceThatHasTooMany) {
  Doorkeeper door({.waiting_max = 100, .waiting_per_source_max = 2});
  const auto first = door.enter("192.0.2.1");
  EXPECT_FALSE(door.enter("192.0.2.1").evicted);
  EXPECT_FALSE(door.enter("192.0.2.2").evicted) << "another source";
  EXPECT_EQ(door.enter("192.0.2.1").evicted, first.ticket);
  EXPECT_EQ(door.waiting(), 3u);
}

TEST(Doorkeeper, EvictsFromTheSourceThatHasMostWhenAllPlacesAreTaken) {
  Doorkeeper door({.waiting_max = 3, .waiting_per_source_max = 2});
  const auto flood = door.enter("192.0.2.1");
  door.enter("192.0.2.1");
  door.enter("192.0.2.2");
  EXPECT_EQ(door.enter("192.0.2.3").evicted, flood.ticket);
  EXPECT_EQ(door.waiting(), 3u);
}

TEST(Doorkeeper, ForgetsWhoHasLeft) {
  Doorkeeper door({.waiting_max = 1, .waiting_per_source_max = 1});
  const auto first = door.enter("192.0.2.1");
  door.leave(first.ticket);
  door.leave(first.ticket);
  EXPECT_EQ(door.waiting(), 0u);
  EXPECT_FALSE(door.enter("192.0.2.1").evicted);
}

}  // namespace
}  // namespace holdfast::target
