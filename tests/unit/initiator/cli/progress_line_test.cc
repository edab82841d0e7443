#include <gtest/gtest.h>

#include <string>

#include "initiator/cli/live_display.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant start{seconds(10)};

TEST(ProgressLine, TellsWhereTheWorkStands) {
  Watch watch({}, start);
  watch.begin(OperationKind::write, 0, 4096, 0, start, start);
  Progress progress;
  progress.phase = Progress::Phase::copying;
  progress.entries_total = 12'345;
  progress.entries_done = 99;
  progress.bytes_total = 1 << 30;
  progress.bytes_done = 1 << 20;
  const auto line = [&](std::size_t columns) {
    return progress_line(progress, watch, start + milliseconds(34),
                         {.bytes = 86.0 * (1 << 20), .entries = 5, .left = seconds(12)}, columns);
  };
  EXPECT_EQ(line(200),
            "copying: 99 of 12,345 entries, 1.0 MiB of 1.0 GiB, 86.0 MiB/s, 12 s left, 1 in flight, worst gap 34 ms");
  EXPECT_EQ(line(80), "copying: 1.0 MiB of 1.0 GiB, 86.0 MiB/s, 12 s left, 1 in flight, worst gap 34 ms");
  EXPECT_EQ(line(40), "copying: 86.0 MiB/s, worst gap 34 ms");
  EXPECT_EQ(line(1), "copying");
}

TEST(ProgressLine, LeavesOutWhatNobodyKnows) {
  Watch watch({}, start);
  Progress progress;
  EXPECT_EQ(progress_line(progress, watch, start, {}, 200), "looking at the source");
  progress.phase = Progress::Phase::verifying;
  EXPECT_EQ(progress_line(progress, watch, start, {}, 200).find("left"), std::string::npos);
  progress.phase = Progress::Phase::reading_back;  // The new session is not there yet.
  EXPECT_EQ(progress_line(progress, watch, start, {}, 200), "reading back: 0 in flight, worst gap 0");
  progress.problems = 1;
  EXPECT_NE(progress_line(progress, watch, start, {}, 200).find("1 problem"), std::string::npos);
}

TEST(ProgressLine, OfALoadTellsOperations) {
  Watch watch({}, start);
  watch.begin(OperationKind::write, 0, 4096, 0, start, start);
  Progress progress;
  progress.phase = Progress::Phase::loading;
  progress.entries_done = 99'000;
  const Pace pace{.bytes = 48.2 * (1 << 20), .entries = 12'345.4, .left = seconds(12)};
  const auto line = [&](std::size_t columns) {
    return progress_line(progress, watch, start + milliseconds(34), pace, columns);
  };
  EXPECT_EQ(line(200), "loading: 12,345 IOPS, 48.2 MiB/s, 12 s left, 1 in flight, worst gap 34 ms");
  EXPECT_EQ(line(40), "loading: 12,345 IOPS, worst gap 34 ms");
  progress.waiting = 2000;
  EXPECT_NE(line(200).find("2,000 due and waiting"), std::string::npos);
  progress.phase = Progress::Phase::reading_back;
  progress.entries_total = 100'000;
  EXPECT_NE(line(200).find("reading back: 99,000 of 100,000 blocks"), std::string::npos) << line(200);
}

}  // namespace
}  // namespace holdfast::initiator
