#include "target/lun/conditions.h"

#include <gtest/gtest.h>

namespace holdfast::target {
namespace {

TEST(Conditions, AreToldMostUrgentFirstAndOnce) {
  Conditions conditions;
  EXPECT_FALSE(conditions.first());
  conditions.raise(Condition::flush_failed);
  conditions.raise(Condition::bus_device_reset);
  conditions.raise(Condition::bus_device_reset);
  EXPECT_EQ(conditions.first(), Condition::bus_device_reset);
  conditions.clear(Condition::bus_device_reset);
  EXPECT_EQ(conditions.first(), Condition::flush_failed);
  conditions.clear(Condition::flush_failed);
  EXPECT_FALSE(conditions.first());
}

TEST(Conditions, AreToldInTheOrderInWhichTheyCameAfterResetsAndBeforeDeferredErrors) {
  Conditions conditions;
  for (Condition condition :
       {Condition::flush_failed, Condition::registrations_preempted, Condition::commands_cleared,
        Condition::reservations_released, Condition::bus_device_reset})
    conditions.raise(condition);
  conditions.raise(Condition::registrations_preempted);
  for (Condition expected :
       {Condition::bus_device_reset, Condition::registrations_preempted,
        Condition::commands_cleared, Condition::reservations_released, Condition::flush_failed}) {
    ASSERT_EQ(conditions.first(), expected);
    conditions.clear(expected);
  }
  EXPECT_FALSE(conditions.first());
}

TEST(Conditions, APowerOnCoversAReset) {
  Conditions conditions;
  conditions.raise(Condition::bus_device_reset);
  conditions.raise(Condition::power_on);
  conditions.clear(Condition::power_on);
  EXPECT_FALSE(conditions.first());
}

}  // namespace
}  // namespace holdfast::target
