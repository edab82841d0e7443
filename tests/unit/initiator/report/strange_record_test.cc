// Records are files, and files say anything: whatever is read can be judged, told, compared and
// written.

#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "initiator/report/compare_json.h"
#include "initiator/report/compare_text.h"
#include "initiator/report/diff.h"
#include "initiator/report/diff_text.h"
#include "initiator/report/run_json.h"
#include "initiator/report/run_text.h"
#include "initiator/report/saved_record.h"
#include "tests/unit/initiator/report/sample_compare.h"
#include "tests/unit/initiator/report/sample_record.h"

namespace holdfast::initiator {
namespace {

using Json = nlohmann::json;

const std::vector<Json> strange_values = {1e300, -1e300, std::numeric_limits<std::int64_t>::min(),
                                          std::numeric_limits<std::uint64_t>::max(), ""};

std::string told(const SavedRecord& record) {
  if (const auto* run = std::get_if<RunRecord>(&record)) return to_text(*run) + to_json(*run);
  const auto& comparison = std::get<CompareRecord>(record);
  return to_text(comparison) + to_json(comparison);
}

/// Puts every strange value in the place of every value of `json`; returns how many such records
/// were read.
int try_all(const Json& json) {
  const Result<SavedRecord> sane = saved_record_from_json(json.dump());
  EXPECT_TRUE(sane) << sane.error().message;
  int accepted = 0;
  const Json leaves = json.flatten();
  for (const auto& [pointer, value] : leaves.items()) {
    // Of a comparison's runs what judges them is enough; the rest is tried in a record of its own.
    // The judgement is worked out anew.
    if (pointer.starts_with("/judgement/")) continue;
    if (pointer.starts_with("/runs/") && !pointer.starts_with("/runs/0/totals")) continue;
    for (const Json& strange : strange_values) {
      Json altered = json;
      altered[Json::json_pointer(pointer)] = strange;
      const Result<SavedRecord> record = saved_record_from_json(altered.dump());
      if (!record) continue;
      ++accepted;
      EXPECT_FALSE(told(*record).empty()) << pointer << " " << strange;
      const Result<Diff> diff = diff_of(*sane, *record, 0.1);
      EXPECT_TRUE(!diff || !(to_text(*diff, {}) + to_json(*diff, {})).empty())
          << pointer << " " << strange;
    }
  }
  return accepted;
}

TEST(StrangeRecord, OfARunIsToldOrRefused) {
  EXPECT_GT(try_all(Json::parse(to_json(sample_record()))), 100);
}

TEST(StrangeRecord, OfAComparisonIsToldOrRefused) {
  Comparison comparison;
  comparison.destination("iscsi").run(stalled_for(copied_in(1), 2));
  comparison.destination("again").twin_of("iscsi").took(1.0);
  EXPECT_GT(try_all(Json::parse(to_json(comparison.record()))), 100);
}

}  // namespace
}  // namespace holdfast::initiator
