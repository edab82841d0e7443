#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "initiator/report/run_json.h"
#include "initiator/report/run_text.h"
#include "tests/unit/initiator/report/sample_record.h"

namespace holdfast::initiator {
namespace {

using Json = nlohmann::json;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

LatencySummary latency(std::uint64_t count) {
  return {count, microseconds(1), microseconds(2), microseconds(3), microseconds(4), microseconds(5), seconds(3),
          {{0, microseconds(1)}, {100, seconds(3)}}};
}

/// A load in which no field has its default.
RunRecord load_record() {
  RunRecord record = sample_record();
  record.verdict = Verdict::steady;
  record.workload.kind = "load";
  record.workload.source = "randrw 4.0 KiB";
  record.workload.outcome = Outcome::finished;
  record.workload.mismatches = 0;
  record.workload.mismatch_list.clear();
  record.workload.problems = 0;
  record.workload.problem_list.clear();
  record.events.clear();
  record.totals.events = {};
  record.load = LoadFigures{.access = "randrw",
                            .block_bytes = 4096,
                            .depth = 32,
                            .sessions = 2,
                            .read_percent = 70,
                            .range_bytes = 1 << 20,
                            .shortened = true,
                            .seed = 42,
                            .rate_asked = 1000,
                            .time = seconds(10),
                            .loop_time = seconds(1),
                            .reads = {.operations = 7000, .bytes = 28'672'000, .latency = latency(7000), .service = latency(7000)},
                            .writes = {.operations = 2000, .bytes = 8'192'000, .latency = latency(2000), .service = latency(2000)},
                            .waiting_most = 1500,
                            .waited_longest = milliseconds(2500),
                            .never_sent = 1000,
                            .checked_blocks = 7000,
                            .unlabelled_blocks = 3,
                            .read_back_blocks = 256,
                            .read_back = true,
                            .lenient = true};
  return record;
}

bool says(const std::string& text, const std::string& words) { return text.find(words) != std::string::npos; }

TEST(LoadRecord, ComesBackFromItsJsonAsItWas) {
  const std::string text = to_json(load_record());
  const Result<RunRecord> back = record_from_json(text);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(to_json(*back), text);
  ASSERT_TRUE(back->load);
  const Json json = Json::parse(text)["load"];
  EXPECT_EQ(json["rw"], "randrw");
  EXPECT_EQ(json["iops"], 900.0);
  EXPECT_EQ(json["bytes_per_s"], 3'686'400.0);
  EXPECT_EQ(json["reads"]["iops"], 700.0);
  EXPECT_EQ(json["writes"]["operations"], 2000);
  EXPECT_EQ(json["reads"]["service_us"]["count"], 7000);
  EXPECT_EQ(json["rate_asked"], 1000.0);
  EXPECT_EQ(json["waited_longest_s"], 2.5);
  EXPECT_EQ(json["generator_share"], 0.1);
}

TEST(LoadRecord, AClosedLoopHasNoRateAndNoServiceTime) {
  RunRecord record = load_record();
  record.load->rate_asked = 0;
  const Json json = Json::parse(to_json(record))["load"];
  EXPECT_TRUE(json["rate_asked"].is_null());
  EXPECT_FALSE(json["reads"].contains("service_us"));
}

TEST(LoadRecord, ACopyHasNone) {
  EXPECT_FALSE(Json::parse(to_json(sample_record())).contains("load"));
  EXPECT_FALSE(record_from_json(to_json(sample_record()))->load);
}

TEST(LoadRecord, TheTextTellsWhatWasAskedAndWhatCameOfIt) {
  const std::string text = to_text(load_record());
  for (const char* words :
       {"randrw (70 % reads), blocks of 4.0 KiB, 2 sessions of depth 32, the first 1.0 MiB (--verify keeps track of no more), seed 42",
        "9,000 operations, 35.2 MiB, 900 IOPS, 3.5 MiB/s in 10.0 s", "writes     2,000 operations",
        "1000 operations a second asked, 900 reached",
        "at most 1,500 had to wait for a place in the queue, one of them 2.50 s; 1,000 were never sent",
        "7,000 blocks judged while it ran, 3 of them never written by a load; 256 blocks read back in a new session",
        "older states count as right", "nothing differs", "read, sent"})
    EXPECT_TRUE(says(text, words)) << words << " is not in\n" << text;
  EXPECT_TRUE(says(text, "\nSTEADY: 9,000 operations, 35.2 MiB in 10.0 s (900 IOPS, 3.5 MiB/s); worst gap")) << text;
  EXPECT_FALSE(says(text, "copied")) << text;
}

TEST(LoadRecord, WhatWasNotReadBackIsSaid) {
  RunRecord record = load_record();
  record.load->read_back = false;
  EXPECT_TRUE(says(to_text(record), "was NOT read back to the end"));
  record.load->read_back_blocks = 0;
  EXPECT_TRUE(says(to_text(record), "was NOT read back\n"));
}

TEST(LoadRecord, ABlocksMismatchHasItsPlaceAndOutlivesTheWatch) {
  RunRecord record = load_record();
  PathEvent event;
  event.kind = EventKind::mismatch;
  event.at = seconds(3);
  event.has_operation = true;
  event.operation = {OperationKind::read, 800, 4096, "", {}};
  event.evidence = "stale: generation 5 was acknowledged; what is there is generation 4, written by session 0";
  record.add_mismatch(event);
  const Watch watch({}, Instant(seconds(1)));
  record.take(watch);
  EXPECT_EQ(record.verdict, Verdict::corrupt);
  EXPECT_EQ(record.exit_code(), 5);
  EXPECT_EQ(record.count(EventKind::mismatch), 1u);
  const Json json = Json::parse(to_json(record));
  ASSERT_EQ(json["events"].size(), 1u);
  EXPECT_EQ(json["events"][0]["lba"], 800);
  EXPECT_EQ(json["events"][0]["bytes"], 4096);
  EXPECT_EQ(json["events"][0]["evidence"], event.evidence);
  const std::string text = to_text(record);
  EXPECT_TRUE(says(text, "LBA 800: stale: generation 5")) << text;
  EXPECT_TRUE(says(text, "\nCORRUPT: 1 difference between what was written and what was read back\n")) << text;
}

TEST(LoadRecord, TheTextTellsWhatWasAgreedOnAndWhetherItPolled) {
  RunRecord record = load_record();
  EXPECT_FALSE(says(to_text(record), "polling"));
  record.load->poll = std::chrono::microseconds(50);
  record.destination.transport = "iscsi";
  record.destination.negotiated = {{"ImmediateData", "Yes"}, {"MaxBurstLength", "262144"}, {"congestion_control", "cubic"}};
  const std::string text = to_text(record);
  EXPECT_TRUE(says(text, "% of a processor, polling for 50 us before it sleeps")) << text;
  EXPECT_TRUE(says(text, "  agreed on    ImmediateData=Yes MaxBurstLength=262144 congestion_control=cubic\n")) << text;
}

TEST(LoadRecord, ABusyGeneratorIsMarked) {
  RunRecord record = load_record();
  EXPECT_FALSE(record.generator_saturated());
  record.load->loop_time = milliseconds(9500);
  EXPECT_TRUE(record.generator_saturated());
  EXPECT_TRUE(says(to_text(record), "SATURATED"));
}

}  // namespace
}  // namespace holdfast::initiator
