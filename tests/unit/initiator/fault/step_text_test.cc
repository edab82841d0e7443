#include "initiator/fault/step_text.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

FaultStep step(std::string_view text) {
  Result<FaultStep> read = parse_fault_step(text);
  EXPECT_TRUE(read) << text << ": " << read.error().message;
  return read ? *read : FaultStep{};
}

TEST(FaultStepText, MomentsAreTimesSizesCountsAndConnections) {
  EXPECT_EQ(step("now resume").when.kind, StepMoment::Kind::now);
  const StepMoment time = step("after 2m resume").when;
  EXPECT_EQ(time.kind, StepMoment::Kind::after_time);
  EXPECT_EQ(time.time, std::chrono::minutes(2));
  const StepMoment size = step("after 200MB in resume").when;
  EXPECT_EQ(size.kind, StepMoment::Kind::after_bytes);
  EXPECT_EQ(size.bytes, 200u << 20);
  EXPECT_EQ(size.counted, Way::in);
  EXPECT_EQ(step("after 512B resume").when.bytes, 512u);
  const StepMoment message = step("at 3rd r2t drop").when;
  EXPECT_EQ(message.kind, StepMoment::Kind::at_message);
  EXPECT_EQ(message.nth, 3u);
  EXPECT_EQ(message.message, MessageKind::r2t);
  EXPECT_EQ(step("every 10 data-in drop").when.kind, StepMoment::Kind::every_message);
  EXPECT_EQ(step("at 2nd connection silent").when.kind, StepMoment::Kind::at_connection);
}

TEST(FaultStepText, ActionsTakeTheirWordsInAnyOrder) {
  const FaultStep delay = step("now delay 20ms in jitter 5ms for 3s");
  EXPECT_EQ(delay.delay, milliseconds(20));
  EXPECT_EQ(delay.jitter, milliseconds(5));
  EXPECT_EQ(delay.way, Way::in);
  EXPECT_EQ(delay.lasts, Duration(seconds(3)));
  EXPECT_EQ(step("now throttle 100kB/s").bytes_per_second, 100u << 10);
  const FaultStep stop = step("now stop for 1s swallow out");
  EXPECT_EQ(stop.stop, StopManner::swallow);
  EXPECT_EQ(stop.way, Way::out);
  EXPECT_EQ(step("now stop both").way, std::nullopt);
  EXPECT_EQ(step("now cut").cut, CutManner::rst);
  EXPECT_EQ(step("now cut fin").cut, CutManner::fin);
  EXPECT_EQ(step("now close in").way, Way::in);
  const FaultStep corrupt = step("now corrupt data-digest data-in");
  EXPECT_EQ(corrupt.part, MessagePart::data_digest);
  EXPECT_EQ(corrupt.message, MessageKind::data_in);
  EXPECT_EQ(step("at 1st reply reorder by 3").places, 3u);
  EXPECT_DOUBLE_EQ(step("now lose 0.5%").percent, 0.5);
}

TEST(FaultStepText, AStepKeepsItsTextWithoutCommentAndBlanks) {
  EXPECT_EQ(step("  after 5s   stop in  # then look").text, "after 5s   stop in");
}

struct Mistake {
  const char* text;
  const char* complaint;
};

TEST(FaultStepText, AMistakeIsNamedWithItsWordAndWhatIsAllowed) {
  const Mistake mistakes[] = {
      {"stop in", "word 1: 'stop' is no moment; allowed are: now, after TIME, after SIZE, at Nth KIND"},
      {"after", "word 2: a time as in 5s, or a size as in 200MB, is missing"},
      {"after 5 stop", "word 2: '5' is no duration: it has no unit"},
      {"after xB stop", "word 2: 'x' is no size"},
      {"at r2t drop", "word 2: 'r2t' is not a count as in 1st, 2nd, 3rd or 10th"},
      {"at 0th r2t drop", "word 2: '0th' is not a count"},
      {"at 3rd r3t drop", "word 3: 'r3t' is not a KIND of message; allowed are: message, request, reply"},
      {"every 3rd connection silent", "word 3: 'connection' is not a KIND"},
      {"now", "word 2: an action; allowed are: delay, throttle, stop, resume, cut, close"},
      {"now freeze", "word 2: 'freeze' is not an action; allowed are: delay"},
      {"now delay", "word 3: a time as in 500ms or 5s is missing"},
      {"now throttle 5MB", "word 3: '5MB' is not a rate as in 100kB/s"},
      {"now corrupt tail", "word 3: 'tail' is not a part; allowed are: header, data, header-digest, data-digest"},
      {"now close", "word 3: a direction; allowed are: in, out is missing"},
      {"now stop sideways", "word 3: 'sideways' cannot stand here; allowed are: in, out or both; hold or swallow; for TIME"},
      {"now cut in", "word 3: 'in' cannot stand here; allowed are: rst or fin"},
      {"now stop for", "word 4: a time as in 500ms or 5s is missing"},
      {"now close in out", "word 4: 'out' cannot stand here; allowed are: the end of the step"},
      {"now lose 150%", "word 3: '150%' is not a share as in 5% or 0.1%"},
      {"at 1st reply reorder by 2000", "word 6: 2000 is more than 1000"},
      {" # only a comment", "the step is empty"},
  };
  for (const Mistake& mistake : mistakes) {
    const Result<FaultStep> read = parse_fault_step(mistake.text);
    ASSERT_FALSE(read) << mistake.text;
    EXPECT_EQ(read.error().message.substr(0, std::string_view(mistake.complaint).size()), mistake.complaint);
  }
}

TEST(FaultStepText, AScriptSkipsBlankLinesAndNamesTheLineOfAMistake) {
  const Result<std::vector<FaultStep>> good = parse_fault_script("# evening\n\nafter 5s stop in\r\nafter 9s resume", "s");
  ASSERT_TRUE(good) << good.error().message;
  ASSERT_EQ(good->size(), 2u);
  EXPECT_EQ((*good)[1].text, "after 9s resume");
  const Result<std::vector<FaultStep>> bad = parse_fault_script("after 5s stop in\n\nafter 9s resum\n", "evening.txt");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message.substr(0, 38), "evening.txt:3: word 3: 'resum' is not ");
}

TEST(FaultStepText, WhatNeedsConnectionsIsRefusedForDatagramsAndTheOtherWayRound) {
  EXPECT_FALSE(fits_transport(step("now cut"), true));
  EXPECT_FALSE(fits_transport(step("at 2nd connection stop"), true));
  EXPECT_TRUE(fits_transport(step("now cut"), false));
  EXPECT_FALSE(fits_transport(step("now lose 5%"), false));
  EXPECT_TRUE(fits_transport(step("now lose 5%"), true));
  EXPECT_TRUE(fits_transport(step("now stop in"), true));
}

}  // namespace
}  // namespace holdfast::initiator
