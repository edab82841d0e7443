#include "common/base/duration.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

Duration read(std::string_view text) {
  const Result<Duration> duration = parse_duration(text);
  EXPECT_TRUE(duration) << duration.error().message;
  return duration ? *duration : Duration(-1);
}

std::string complaint(std::string_view text) {
  const Result<Duration> duration = parse_duration(text);
  return duration ? "accepted" : duration.error().message;
}

TEST(Duration, HasANumberAndAUnit) {
  EXPECT_EQ(read("500ms"), milliseconds(500));
  EXPECT_EQ(read("10s"), seconds(10));
  EXPECT_EQ(read("1.5s"), milliseconds(1500));
  EXPECT_EQ(read("2m"), minutes(2));
  EXPECT_EQ(read("1h"), hours(1));
  EXPECT_EQ(read("250us"), microseconds(250));
  EXPECT_EQ(read(".5s"), milliseconds(500));
  EXPECT_EQ(read("8760h"), hours(8760));
}

TEST(Duration, SaysWhatIsWrong) {
  const struct {
    const char* text;
    const char* why;
  } cases[] = {
      {"", "no number"},     {"s", "no number"},     {"ms", "no number"},   {"+1s", "no number"},
      {" 1s", "no number"},  {"nan", "too long"},    {"10", "no unit"},     {"10 s", "' s' is no unit"},
      {"10sec", "'sec'"},    {"10S", "'S'"},         {"1.2.3s", "'.3s'"},   {"1m30s", "'m30s'"},
      {"-1s", "negative"},   {"0s", "nothing"},      {"0.1us", "accepted"}, {"1e3s", "'e3s'"},
      {"0.0001us", "nothing"}, {"9000h", "too long"}, {"99999999999999999999h", "too long"},
  };
  for (const auto& one : cases)
    EXPECT_NE(complaint(one.text).find(one.why), std::string::npos) << one.text << ": " << complaint(one.text);
  EXPECT_NE(complaint("10").find("'10'"), std::string::npos) << "it names what was given";
  EXPECT_NE(complaint("10").find("500ms"), std::string::npos) << "and how it is written";
}

}  // namespace
}  // namespace holdfast
