#include "initiator/fault/diary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::initiator {
namespace {

const Instant start{std::chrono::hours(1)};

FaultEvent event() {
  FaultEvent made;
  made.kind = FaultEvent::Kind::struck;
  made.step = 2;
  made.text = "at 3rd r2t drop";
  made.at = start + std::chrono::milliseconds(1500);
  made.connection = 4;
  made.what = "r2t of 48 bytes";
  made.position.bytes[Way::out] = 20480;
  made.position.messages[Way::in] = 7;
  return made;
}

TEST(FaultDiary, ALineSaysWhenWhatAndHowFarThePathHadCome) {
  const FaultDiary diary(start, 1000);
  EXPECT_EQ(diary.line(event()),
            "     1.500 s  struck  2: at 3rd r2t drop: r2t of 48 bytes, connection 4  (out 20.0 KiB, 0 messages; in 0 B, 7)");
}

TEST(FaultDiary, TheRecordHasEveryEventOnBothClocks) {
  FaultDiary diary(start, 1000);
  diary.note(event());
  const std::string json = diary.json("127.0.0.1:1", "127.0.0.1:2", 9, {}, start + std::chrono::seconds(2));
  EXPECT_THAT(json, testing::HasSubstr("\"schema\": \"holdfast.fault/1\""));
  EXPECT_THAT(json, testing::HasSubstr("\"at_s\": 1.5,"));
  EXPECT_THAT(json, testing::HasSubstr("\"unix_s\": 1001.5,"));
  EXPECT_THAT(json, testing::HasSubstr("\"bytes_out\": 20480"));
  EXPECT_THAT(json, testing::HasSubstr("\"lasted_s\": 2.0"));
}

}  // namespace
}  // namespace holdfast::initiator
