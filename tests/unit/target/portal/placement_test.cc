#include "target/portal/placement.h"

#include <gtest/gtest.h>

#include <vector>

namespace holdfast::target {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Loads = std::vector<ThreadLoad>;

Instant at(Duration time) { return Instant(std::chrono::hours(1) + time); }

TEST(Placement, TakesTheThreadWithTheFewestConnections) {
  Placement placement;
  EXPECT_EQ(placement.choose(at(seconds(0)), Loads{{3, {}}, {1, {}}, {2, {}}}), 1u);
  // However busy they keep it.
  EXPECT_EQ(placement.choose(at(seconds(1)), Loads{{3, {}}, {1, seconds(1)}, {2, {}}}), 1u);
}

TEST(Placement, SpreadsACrowdEvenly) {
  Placement placement;
  Loads loads(4);
  for (int i = 0; i < 40; ++i) ++loads[placement.choose(at(seconds(0)), loads)].connections;
  for (const ThreadLoad& load : loads) EXPECT_EQ(load.connections, 10u);
}

TEST(Placement, OfEqualsTakesTheOneThatWasLeastBusyLately) {
  Placement placement;
  EXPECT_EQ(placement.choose(at(seconds(0)), Loads{{1, seconds(9)}, {1, seconds(1)}}), 1u);
  EXPECT_EQ(placement.choose(at(seconds(10)), Loads{{1, seconds(9)}, {1, seconds(5)}}), 0u)
      << "what was long ago counts still";
  EXPECT_EQ(placement.choose(at(seconds(11)), Loads{{1, seconds(9) + milliseconds(900)}, {1, seconds(5)}}), 0u)
      << "the second one had more to do since the first time";
  EXPECT_EQ(placement.choose(at(seconds(20)), Loads{{1, seconds(18)}, {1, seconds(5)}}), 1u);
}

TEST(Placement, OfWhatIsWhollyEqualTakesTheFirst) {
  Placement placement;
  EXPECT_EQ(placement.choose(at(seconds(0)), Loads(3)), 0u);
  EXPECT_EQ(placement.choose(at(seconds(5)), Loads(3)), 0u);
}

}  // namespace
}  // namespace holdfast::target
