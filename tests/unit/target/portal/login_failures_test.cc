#include "target/portal/login_failures.h"

#include <gtest/gtest.h>

namespace holdfast::target {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(LoginFailures, EachOneDoublesTheWaitUpToALimit) {
  LoginFailures failures;
  const Instant start{};
  EXPECT_EQ(failures.note("192.0.2.1", start), milliseconds(125));
  EXPECT_EQ(failures.note("192.0.2.1", start + seconds(1)), milliseconds(250));
  EXPECT_EQ(failures.note("192.0.2.2", start + seconds(1)), milliseconds(125)) << "another source is no worse off";
  for (int i = 0; i < 100; ++i) EXPECT_LE(failures.note("192.0.2.1", start + seconds(2)), seconds(2));
  EXPECT_EQ(failures.note("192.0.2.1", start + seconds(2)), seconds(2));
}

TEST(LoginFailures, AQuietMinuteForgives) {
  LoginFailures failures;
  const Instant start{};
  failures.note("192.0.2.1", start);
  failures.note("192.0.2.1", start);
  EXPECT_EQ(failures.note("192.0.2.1", start + seconds(59)), milliseconds(500));
  EXPECT_EQ(failures.note("192.0.2.1", start + seconds(59 + 60)), milliseconds(125));
}

TEST(LoginFailures, TheBookIsBoundedAndForgetsTheQuietestFirst) {
  LoginFailures failures;
  Instant now{};
  for (int i = 0; i < 5000; ++i) failures.note("source " + std::to_string(i), now += milliseconds(1));
  EXPECT_EQ(failures.sources(), LoginFailures::sources_max);
  EXPECT_EQ(failures.note("source 4999", now), milliseconds(250)) << "the last one is still known";
  EXPECT_EQ(failures.note("source 0", now), milliseconds(125)) << "the first one is not";
}

}  // namespace
}  // namespace holdfast::target
