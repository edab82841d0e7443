#include "initiator/report/saved_record.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <variant>

#include "initiator/report/compare_json.h"
#include "initiator/report/run_json.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/initiator/report/sample_compare.h"
#include "tests/unit/initiator/report/sample_record.h"

namespace holdfast::initiator {
namespace {

using testing::HasSubstr;

TEST(SavedRecord, TheSchemaSaysWhichKindItIs) {
  const Result<SavedRecord> run = saved_record_from_json(to_json(sample_record()));
  ASSERT_TRUE(run) << run.error().message;
  EXPECT_TRUE(std::holds_alternative<RunRecord>(*run));
  Comparison comparison;
  comparison.destination("a").took(1.0);
  const Result<SavedRecord> compare = saved_record_from_json(to_json(comparison.record()));
  ASSERT_TRUE(compare) << compare.error().message;
  EXPECT_TRUE(std::holds_alternative<CompareRecord>(*compare));
}

TEST(SavedRecord, WhatIsNoneIsRefusedWithTheSchemasThatThereAre) {
  for (const char* text : {"", "7", "{}", R"({"schema": "holdfast.run/2"})", R"({"schema": 7})"}) {
    const Result<SavedRecord> record = saved_record_from_json(text);
    ASSERT_FALSE(record) << text;
    EXPECT_THAT(record.error().message, HasSubstr("this is no record of holdfast")) << text;
  }
  const Result<SavedRecord> later = saved_record_from_json(R"({"schema": "holdfast.run/2"})");
  EXPECT_THAT(
      later.error().message,
      HasSubstr("its schema is 'holdfast.run/2', and not holdfast.run/1 or holdfast.compare/1"));
}

TEST(SavedRecord, FilesAreNamedInWhatIsWrongWithThem) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/run.json";
  const Result<SavedRecord> missing = read_saved_record(path);
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message,
              HasSubstr(path + ": cannot be read: No such file or directory"));
  EXPECT_FALSE(read_saved_record(folder.path())) << "a directory";
  ASSERT_TRUE(write_whole("{", path));
  EXPECT_THAT(read_saved_record(path).error().message, HasSubstr(path + ": this is no record"));
  ASSERT_TRUE(write_record(sample_record(), path));
  EXPECT_TRUE(read_saved_record(path));
}

}  // namespace
}  // namespace holdfast::initiator
