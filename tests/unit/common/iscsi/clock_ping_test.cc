#include "common/iscsi/clock_ping.h"

#include <gtest/gtest.h>

#include <vector>

namespace holdfast::iscsi {
namespace {

using namespace std::chrono_literals;

TEST(ClockPing, ComesBackAsItWas) {
  const ClockPing ping{.number = 7,
                       .sent = Instant(123'456'789'012ns),
                       .answered_number = 6,
                       .answered = Instant(122'000'000'001ns)};
  const auto bytes = encode(ping);
  EXPECT_EQ(decode_clock_ping(bytes), ping);
}

TEST(ClockPing, OtherDataIsNone) {
  const auto bytes = encode({.number = 1, .sent = Instant(1s)});
  EXPECT_FALSE(decode_clock_ping({}));
  EXPECT_FALSE(decode_clock_ping(std::span(bytes).first(39)));
  std::vector<std::byte> longer(bytes.begin(), bytes.end());
  longer.push_back({});
  EXPECT_FALSE(decode_clock_ping(longer));
  auto other = bytes;
  other[0] = std::byte{'h'};
  EXPECT_FALSE(decode_clock_ping(other));
}

TEST(ClockPing, TimesThatNoClockHasAreNoPing) {
  // Differences of what is left cannot overflow.
  auto bytes = encode({.number = 1, .sent = Instant(1s), .answered = Instant(1s)});
  bytes[16] = std::byte{0x80};
  EXPECT_FALSE(decode_clock_ping(bytes));
  bytes[16] = std::byte{0x20};
  EXPECT_FALSE(decode_clock_ping(bytes));
  bytes[16] = std::byte{0x1f};
  EXPECT_TRUE(decode_clock_ping(bytes));
}

}  // namespace
}  // namespace holdfast::iscsi
