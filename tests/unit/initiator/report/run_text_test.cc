#include "initiator/report/run_text.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/initiator/report/sample_record.h"

namespace holdfast::initiator {
namespace {

using std::chrono::seconds;

std::string last_line(const std::string& text) {
  const std::size_t end = text.find_last_not_of('\n');
  const std::size_t begin = text.rfind('\n', end);
  return text.substr(begin + 1, end - begin);
}

RunRecord finished(Verdict verdict) {
  RunRecord record = sample_record();
  record.verdict = verdict;
  record.workload.outcome = Outcome::finished;
  record.workload.problems = 0;
  return record;
}

TEST(RunText, TheLastLineIsTheVerdict) {
  EXPECT_TRUE(last_line(to_text(finished(Verdict::steady))).starts_with("STEADY: 12,345 files"));
  EXPECT_TRUE(last_line(to_text(finished(Verdict::stalled))).starts_with("STALLED: "));
  EXPECT_TRUE(last_line(to_text(finished(Verdict::corrupt))).starts_with("CORRUPT: 1 difference"));
  RunRecord hung = finished(Verdict::hung);
  hung.events[0].kind = EventKind::hang;
  hung.totals.events[static_cast<std::size_t>(EventKind::hang)] = 1;
  EXPECT_EQ(last_line(to_text(hung)), "HUNG: an operation had no answer for 3.02 s");
}

TEST(RunText, WhatDidNotFinishSaysSo) {
  RunRecord record = finished(Verdict::steady);
  record.workload.outcome = Outcome::interrupted;
  EXPECT_TRUE(verdict_line(record).starts_with("INTERRUPTED after")) << verdict_line(record);
  record.workload.outcome = Outcome::failed;
  EXPECT_TRUE(verdict_line(record).starts_with("FAILED: no space left")) << verdict_line(record);
}

TEST(RunText, AStallNamesItsLengthAndItsLimit) {
  const std::string line = verdict_line(finished(Verdict::stalled));
  EXPECT_NE(line.find("1 stall of 1.00 s or more, the longest 3.02 s"), std::string::npos) << line;
}

TEST(RunText, TellsWhatWasCopiedAndWhatWentWrong) {
  const std::string text = to_text(sample_record());
  for (const char* words : {"copy /usr/include -> iscsi://", "12,345 files", "117.7 MiB", "IET", "write",
                            "locked: Permission denied", "… and 1 more", "file: differs at byte 7", "lib/libc.so"})
    EXPECT_NE(text.find(words), std::string::npos) << words << "\n" << text;
}

TEST(RunText, AnEventSaysWhatWasWaitedForAndHowLateWeWereOurselves) {
  EXPECT_EQ(event_line(sample_record().events[0]),
            "stall  write of 256.0 KiB at LBA 8192 for lib/libc.so: 3.02 s so far, due 3.02 s ago (our own loop "
            "late 4 ms); blame: unknown, peer: kernel_only: words; would tell more: its log");
}

TEST(RunText, TheReasonOfAStallStandsBelowItSentenceBySentence) {
  RunRecord record = sample_record();
  record.events[0].blame = "backend";
  record.events[0].peer = "answers";
  record.events[0].evidence = "one; two";
  const std::string text = to_text(record);
  const std::string indent = "\n                 ";
  EXPECT_NE(text.find(indent + "blame: backend, peer: answers" + indent + "- one" + indent + "- two" + indent + "? its log\n"),
            std::string::npos)
      << text;
}

TEST(RunText, NamesCannotBreakTheLine) {
  RunRecord record = sample_record();
  record.workload.problem_list[0].path = "evil\n\x1b[2Jname";
  const std::string text = to_text(record);
  EXPECT_NE(text.find("evil\\x0a\\x1b[2Jname"), std::string::npos);
}

TEST(RunText, ManyEventsAreCutToTheWorst) {
  RunRecord record = sample_record();
  record.events.clear();
  for (int i = 0; i < 100; ++i) {
    PathEvent event;
    event.kind = i == 50 ? EventKind::stall : EventKind::hiccup;
    event.at = seconds(i);
    event.lasted = std::chrono::milliseconds(100 + i);
    record.events.push_back(event);
  }
  const std::string text = to_text(record);
  EXPECT_NE(text.find("the 20 worst of 100"), std::string::npos) << text;
  EXPECT_NE(text.find("stall: 150 ms"), std::string::npos) << text;
}

}  // namespace
}  // namespace holdfast::initiator
