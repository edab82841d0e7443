#include "initiator/device/reconnect_rules.h"

#include <gtest/gtest.h>

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(ReconnectRules, WhatChangesNothingMayAlwaysBeSentAgain) {
  for (const OldCommands old : {OldCommands::end_first, OldCommands::may_linger}) {
    EXPECT_TRUE(may_be_sent_again(DeviceOperation::read, old));
    EXPECT_TRUE(may_be_sent_again(DeviceOperation::flush, old));
  }
}

TEST(ReconnectRules, WhatWritesMayOnlyWhereItsFirstSendingIsOver) {
  for (const DeviceOperation operation : {DeviceOperation::write, DeviceOperation::unmap}) {
    EXPECT_TRUE(may_be_sent_again(operation, OldCommands::end_first));
    EXPECT_FALSE(may_be_sent_again(operation, OldCommands::may_linger));
  }
}

TEST(ReconnectSchedule, TriesAtOnceThenAfterGrowingPausesUntilTheTimeIsOver) {
  const Instant lost = Instant(seconds(100));
  ReconnectSchedule schedule(lost, seconds(10));
  std::vector<std::int64_t> at_ms;
  while (const std::optional<Instant> next = schedule.next_attempt()) {
    at_ms.push_back(std::chrono::duration_cast<milliseconds>(*next - lost).count());
    schedule.failed(*next + milliseconds(1));  // Each attempt takes a millisecond.
  }
  EXPECT_EQ(at_ms, (std::vector<std::int64_t>{0, 101, 302, 703, 1504, 3105, 5106, 7107, 9108}));
  EXPECT_EQ(schedule.attempts(), 9);
}

TEST(ReconnectSchedule, AnAttemptTakesNoLongerThanThereIsTime) {
  const Instant lost = Instant(seconds(100));
  const ReconnectSchedule schedule(lost, seconds(10));
  EXPECT_EQ(schedule.limit_of_attempt(lost), seconds(5));
  EXPECT_EQ(schedule.limit_of_attempt(lost + milliseconds(9500)), milliseconds(500));
  EXPECT_EQ(schedule.limit_of_attempt(lost + seconds(11)), seconds(0));
}

TEST(DeviceIdentity, KnowsADeviceAgainByItsMeasuresAndItsName) {
  const DeviceIdentity had{.bytes = 4096, .block_bytes = 512, .facts = {{"serial", "a"}, {"TargetPortalGroupTag", "1"}}};
  DeviceIdentity found = had;
  EXPECT_EQ(had.difference(found), "");
  found.facts["more"] = "it says";
  EXPECT_EQ(had.difference(found), "");
  found.facts["serial"] = "b";
  EXPECT_EQ(had.difference(found), "its serial is 'b' now and was 'a'");
  found.facts.erase("serial");
  EXPECT_NE(had.difference(found), "");
  found = had;
  found.facts["TargetPortalGroupTag"] = "2";
  EXPECT_NE(had.difference(found), "") << "another nexus: the old session lives on";
  found = had;
  found.bytes = 8192;
  EXPECT_EQ(had.difference(found), "it has 8192 bytes now and had 4096");
  found = had;
  found.block_bytes = 4096;
  EXPECT_NE(had.difference(found), "");
}

}  // namespace
}  // namespace holdfast::initiator
