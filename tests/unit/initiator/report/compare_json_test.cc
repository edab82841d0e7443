#include "initiator/report/compare_json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>

#include "initiator/report/run_json.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/initiator/report/sample_compare.h"
#include "tests/unit/initiator/report/sample_record.h"

namespace holdfast::initiator {
namespace {

using Json = nlohmann::json;

CompareRecord sample() {
  Comparison comparison;
  comparison.destination("nbd (nbdkit)", "nbd").run(sample_record());
  comparison.last().server = {"nbdkit", "1.32.5", "nbdkit"};
  comparison.last().origin = CompareDestination::Origin::offered;
  comparison.destination("again", "nbd").twin_of("nbd (nbdkit)").took(1.0, 2.0);
  comparison.destination("nfs", "nfs");
  comparison.last().status = CompareDestination::Status::not_installed;
  comparison.last().reason = "no ganesha.nfsd here: apt install nfs-ganesha";
  comparison.last().code = 3;
  CompareRecord& record = comparison.record();
  record.order = "every round in another order";
  record.seed = 18'446'744'073'709'551'615U;
  record.machine = {"6.18.5", "a processor", 2, 4'294'967'296};
  record.command_line = {"holdfast", "compare", "/usr/include"};
  record.signal = 15;
  record.runs.back().cache = CacheState::cold;
  return record;
}

TEST(CompareJson, ComesBackAsItWas) {
  const std::string text = to_json(sample());
  const Result<CompareRecord> back = compare_from_json(text);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(to_json(*back), text) << "every field is written, so equal texts are equal records";
  EXPECT_EQ(back->seed, sample().seed);
  EXPECT_EQ(back->runs.back().cache, CacheState::cold);
  EXPECT_EQ(back->runs.back().round, 2U);
  EXPECT_EQ(back->destinations[2].status, CompareDestination::Status::not_installed);
}

TEST(CompareJson, EachRunIsARunRecordThatSaysWhereItBelongs) {
  const Json json = Json::parse(to_json(sample()));
  EXPECT_EQ(json["schema"], "holdfast.compare/1");
  ASSERT_EQ(json["runs"].size(), 3U);
  const Json& place = json["runs"][0]["in_comparison"];
  EXPECT_EQ(place["label"], "nbd (nbdkit)");
  EXPECT_EQ(place["round"], 1);
  EXPECT_EQ(place["cache"], "warm");
  EXPECT_EQ(place["server"]["version"], "1.32.5");
  const Result<RunRecord> run = record_from_json(json["runs"][0].dump());
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_EQ(run->totals.files, sample_record().totals.files);
}

TEST(CompareJson, WhatFollowsFromTheRunsIsThereToo) {
  const Json json = Json::parse(to_json(sample()));
  const Json& judgement = json["judgement"];
  EXPECT_TRUE(judgement["line"].is_string());
  EXPECT_FALSE(judgement["words"].empty());
  ASSERT_EQ(judgement["rows"].size(), 3U) << "the twin has a run of each cache state";
  const Json& times = judgement["rows"][1]["figures"]["copy_seconds"];
  EXPECT_EQ(times["median"], 1.0);
  EXPECT_EQ(times["count"], 1);
}

TEST(CompareJson, NamesInAnyBytesDoNotBreakIt) {
  CompareRecord record = sample();
  std::string every;
  for (int byte = 255; byte > 0; --byte) every += static_cast<char>(byte);
  record.source = record.order = record.machine.cpu_model = every;
  record.command_line = {every};
  CompareDestination& destination = record.destinations[0];
  destination.url = destination.reason = destination.server.version = every;
  destination.label = record.runs[0].label = every;
  const std::string text = to_json(record);
  const Result<CompareRecord> back = compare_from_json(text);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_TRUE(to_json(*back) == text);
}

TEST(CompareJson, WhatIsNoRecordIsRefusedInWords) {
  Json json = Json::parse(to_json(sample()));
  const auto broken = [&json](const char* pointer, const Json& value) {
    Json copy = json;
    copy[Json::json_pointer(pointer)] = value;
    return copy.dump();
  };
  const std::string texts[] = {"",
                               "[]",
                               R"({"schema": "holdfast.run/1", "verdict": "steady"})",
                               broken("/runs", 7),
                               broken("/runs", "none"),
                               broken("/runs/0", 7),
                               broken("/runs/0/schema", "holdfast.run/2"),
                               broken("/runs/0/in_comparison/label", "nobody"),
                               broken("/runs/0/in_comparison/cache", "tepid"),
                               broken("/destinations/0/label", "nfs"),
                               broken("/destinations/0/status", "odd"),
                               broken("/destinations/0/origin", 7),
                               broken("/command_line", Json::array({1})),
                               broken("/rounds", "many")};
  for (const std::string& text : texts) {
    const Result<CompareRecord> back = compare_from_json(text);
    ASSERT_FALSE(back) << text;
    EXPECT_NE(back.error().message.find("no comparison's record: "), std::string::npos)
        << back.error().message;
    EXPECT_EQ(back.error().message.find("json.exception"), std::string::npos)
        << back.error().message;
  }
}

TEST(CompareJson, KeysOfLaterVersionsArePassedOver) {
  Json json = Json::parse(to_json(sample()));
  json["later"] = 7;
  json["runs"][0]["later"] = "x";
  json["destinations"][0]["later"] = nullptr;
  json["machine"].erase("kernel");
  EXPECT_TRUE(compare_from_json(json.dump()));
}

TEST(CompareJson, IsWrittenAsAWhole) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/compare.json";
  const Status written = write_record(sample(), path);
  ASSERT_TRUE(written) << written.error().message;
  std::FILE* file = std::fopen(path.c_str(), "r");
  ASSERT_NE(file, nullptr);
  std::string text(1 << 20, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  EXPECT_EQ(text, to_json(sample()));
}

}  // namespace
}  // namespace holdfast::initiator
