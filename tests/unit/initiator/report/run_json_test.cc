#include "initiator/report/run_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "tests/unit/initiator/report/sample_record.h"

namespace holdfast::initiator {
namespace {

using Json = nlohmann::json;

TEST(RunJson, HasExactlyTheKeysOfTheContract) {
  const Json json = Json::parse(to_json(sample_record()));
  std::set<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.insert(key);
  EXPECT_EQ(keys, (std::set<std::string>{"schema", "verdict", "workload", "machine", "command_line", "destination", "totals", "generator", "left_out", "latency_us",
                                         "timeline", "events", "verdicts"}));
  EXPECT_EQ(json["schema"], "holdfast.run/1");
  EXPECT_EQ(json["verdict"], "stalled");
  EXPECT_EQ(json["destination"]["url"], "iscsi://127.0.0.1:3260/iqn.x:y/1");
  EXPECT_EQ(json["destination"]["negotiated"]["MaxBurstLength"], "262144");
  EXPECT_EQ(json["destination"]["sessions"][0]["TSIH"], 7);
  EXPECT_EQ(json["totals"]["files"], 12'345);
  EXPECT_EQ(json["totals"]["bytes"], 123'456'789);
  EXPECT_EQ(json["totals"]["seconds"], 5.0);
  for (const char* key : {"count", "min", "p50", "p90", "p99", "p99_9", "max"})
    EXPECT_TRUE(json["latency_us"].contains(key)) << key;
  EXPECT_EQ(json["latency_us"]["max"], 3e6);
  EXPECT_EQ(json["totals"]["wire"]["requests"], 500);
  EXPECT_EQ(json["generator"]["share"], 0.4) << "2 s of processor time in 5 s";
  EXPECT_EQ(json["generator"]["saturated"], true) << "the loop's thread was busy for 4.6 s of 5 s";
  EXPECT_EQ(json["left_out"][0]["nodes"], 3);
  EXPECT_TRUE(json["verdicts"].is_array());
}

TEST(RunJson, WhatPressedBesideTheCopyIsKeptAndOtherwiseNotThere) {
  RunRecord record = sample_record();
  EXPECT_FALSE(Json::parse(to_json(record)).contains("pressure"));
  record.pressure.readers = 4;
  record.pressure.reads = 100;
  record.pressure.bytes = 4096;
  record.pressure.read_latency = record.latency;
  record.pressure.locks = true;
  record.pressure.locks_shared = 3;
  record.pressure.locks_exclusive = 2;
  record.pressure.lock_waits = record.latency;
  record.pressure.locks_refused = "no more";
  const std::string text = to_json(record);
  const Json json = Json::parse(text)["pressure"];
  EXPECT_EQ(json["readers"], 4);
  EXPECT_EQ(json["reads"], 100);
  EXPECT_EQ(json["read_latency_us"]["max"], 3e6);
  EXPECT_EQ(json["locks_exclusive"], 2);
  EXPECT_EQ(json["lock_waits_us"]["count"], 100);
  const Result<RunRecord> read = record_from_json(text);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(to_json(*read), text);
}

TEST(RunJson, EventsHaveTheKeysOfTheContract) {
  const Json json = Json::parse(to_json(sample_record()));
  const Json& stall = json["events"][0];
  EXPECT_EQ(stall["kind"], "stall");
  EXPECT_EQ(stall["at_s"], 1.234);
  EXPECT_EQ(stall["lasted_s"], 3.021);
  EXPECT_EQ(stall["op"], "write");
  EXPECT_EQ(stall["lba"], 8192);
  EXPECT_EQ(stall["file"], "lib/libc.so");
  EXPECT_EQ(stall["bytes"], 262'144);
  EXPECT_EQ(stall["blame"], "unknown");
  EXPECT_EQ(stall["evidence"], "words");
  EXPECT_EQ(stall["peer"], "kernel_only");
  EXPECT_EQ(stall["would_tell_more"], "its log");
  EXPECT_EQ(stall["samples"][0]["oldest_cdb"], "8a00");
  EXPECT_EQ(stall["samples"][0]["tcp"]["bytes_acked"], 1'000'000'000'000);
  EXPECT_EQ(stall["in_flight"].size(), 2U);
  EXPECT_FALSE(stall["in_flight"][1].contains("file")) << "metadata has no name";
  const Json& mismatch = json["events"][1];
  EXPECT_EQ(mismatch["kind"], "mismatch");
  EXPECT_EQ(mismatch["file"], "file");
  EXPECT_FALSE(mismatch.contains("op"));
}

TEST(RunJson, ComesBackAsItWas) {
  const std::string text = to_json(sample_record());
  const Result<RunRecord> back = record_from_json(text);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(to_json(*back), text) << "every field is written, so equal texts are equal records";
  EXPECT_EQ(back->workload.outcome, Outcome::failed);
  EXPECT_EQ(back->events[0].in_flight.size(), 2U);
  EXPECT_EQ(back->timeline[0].loop_late, std::chrono::microseconds(9));
}

TEST(RunJson, NamesInAnyBytesDoNotBreakIt) {
  RunRecord record = sample_record();
  std::string every;
  for (int byte = 255; byte > 0; --byte) every += static_cast<char>(byte);
  record.workload.source = every;
  record.workload.problem_list[0].path = every;
  record.workload.mismatch_list[0].what = every;
  record.events[0].operation.file = every;
  record.events[0].in_flight[0].file = every;
  record.destination.url = every;
  record.destination.negotiated = {{every, every}};
  const std::string text = to_json(record);
  const Result<RunRecord> back = record_from_json(text);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_TRUE(to_json(*back) == text);
}

TEST(RunJson, WhatIsNoRecordIsRefusedInWords) {
  for (const char* text : {"", "{", "[]", "17", "{\"schema\": \"other/1\"}", "{\"schema\": 7}",
                           "{\"schema\": \"holdfast.run/1\"}",
                           "{\"schema\": \"holdfast.run/1\", \"verdict\": \"fine\"}",
                           "{\"schema\": \"holdfast.run/1\", \"verdict\": \"steady\", \"totals\": {\"files\": \"x\"}}",
                           "{\"schema\": \"holdfast.run/1\", \"verdict\": \"steady\", \"events\": [{\"kind\": \"odd\"}]}"}) {
    const Result<RunRecord> back = record_from_json(text);
    ASSERT_FALSE(back) << text;
    EXPECT_NE(back.error().message.find("no run record"), std::string::npos) << text;
  }
}

TEST(RunJson, KeysOfLaterVersionsArePassedOver) {
  Json json = Json::parse(to_json(sample_record()));
  json["later"] = 7;
  json["events"][0]["later"] = "x";
  json["totals"]["later"] = nullptr;
  EXPECT_TRUE(record_from_json(json.dump()));
}

}  // namespace
}  // namespace holdfast::initiator
