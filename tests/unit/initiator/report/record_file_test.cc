#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "initiator/report/run_json.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/initiator/report/sample_record.h"

namespace holdfast::initiator {
namespace {

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::size_t files_in(const std::string& folder) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

TEST(RecordFile, ReplacesWhatWasThereAsAWhole) {
  TemporaryFolder folder;
  const std::string path = folder.file("run.json");
  std::ofstream(path) << "old";
  ASSERT_TRUE(check_record_path(path));
  const Status written = write_record(sample_record(), path);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(contents(path), to_json(sample_record()));
  EXPECT_EQ(files_in(folder.path()), 1U) << "nothing is left beside it";
}

TEST(RecordFile, WritesIntoAPipeRatherThanReplacingIt) {
  TemporaryFolder folder;
  const std::string path = folder.file("null");
  ASSERT_EQ(::symlink("/dev/null", path.c_str()), 0);
  EXPECT_TRUE(check_record_path(path));
  EXPECT_TRUE(write_record(sample_record(), path));
  EXPECT_TRUE(std::filesystem::is_symlink(path));
}

TEST(RecordFile, APlaceThatCannotBeIsRefusedBeforehand) {
  TemporaryFolder folder;
  EXPECT_FALSE(check_record_path(folder.path()));
  const Status missing = check_record_path(folder.path() + "/no/such/run.json");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("/no/such/run.json"), std::string::npos);
  EXPECT_FALSE(write_record(sample_record(), folder.path() + "/no/such/run.json"));
}

}  // namespace
}  // namespace holdfast::initiator
