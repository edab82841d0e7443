#include "initiator/report/format.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::initiator {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(Format, BytesHaveBinaryUnits) {
  EXPECT_EQ(bytes_text(0), "0 B");
  EXPECT_EQ(bytes_text(1023), "1023 B");
  EXPECT_EQ(bytes_text(1024), "1.0 KiB");
  EXPECT_EQ(bytes_text(64 << 20), "64.0 MiB");
  EXPECT_EQ(bytes_text((1 << 30) - 1), "1.0 GiB") << "not 1024.0 MiB";
  EXPECT_EQ(bytes_text(~std::uint64_t{0}), "16.0 EiB");
}

TEST(Format, RatesArePerSecond) {
  EXPECT_EQ(rate_text(10 << 20, seconds(2)), "5.0 MiB/s");
  EXPECT_EQ(rate_text(10, Duration(0)), "0 B/s");
}

TEST(Format, DurationsHaveTheUnitThatSuitsThem) {
  EXPECT_EQ(duration_text(Duration(0)), "0");
  EXPECT_EQ(duration_text(microseconds(7)), "7 us");
  EXPECT_EQ(duration_text(microseconds(34'250)), "34.2 ms");
  EXPECT_EQ(duration_text(milliseconds(1000)), "1.00 s");
  EXPECT_EQ(duration_text(milliseconds(3021)), "3.02 s");
  EXPECT_EQ(duration_text(seconds(12)), "12.0 s");
  EXPECT_EQ(duration_text(minutes(12) + seconds(5)), "12 min 5 s");
  EXPECT_EQ(duration_text(hours(3) + minutes(4)), "3 h 4 min");
}

TEST(Format, SecondsGoThereAndBackToTheMicrosecond) {
  EXPECT_DOUBLE_EQ(seconds_of(milliseconds(1500)), 1.5);
  EXPECT_EQ(duration_of(seconds_of(microseconds(123'456'789))), microseconds(123'456'789));
}

TEST(Format, CountsHaveSeparatorsAndTheRightNumber) {
  EXPECT_EQ(count_text(0, "file", "files"), "0 files");
  EXPECT_EQ(count_text(1, "file", "files"), "1 file");
  EXPECT_EQ(count_text(1000, "file", "files"), "1,000 files");
  EXPECT_EQ(count_text(1'234'567, "file", "files"), "1,234,567 files");
}

TEST(Format, ValidTextStaysAsItIs) {
  const std::string text = "naïve/日本語/🦀/tab\there";
  EXPECT_EQ(valid_utf8(text), text);
}

TEST(Format, BytesThatAreNoUtf8BecomeEscapes) {
  EXPECT_EQ(valid_utf8("caf\xe9"), "caf\\xe9");
  EXPECT_EQ(valid_utf8("\xc3"), "\\xc3") << "cut off";
  EXPECT_EQ(valid_utf8("\xc0\xaf"), "\\xc0\\xaf") << "overlong";
  EXPECT_EQ(valid_utf8("\xe0\x80\xaf"), "\\xe0\\x80\\xaf") << "overlong";
  EXPECT_EQ(valid_utf8("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "a surrogate";
  EXPECT_EQ(valid_utf8("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond Unicode";
  EXPECT_EQ(valid_utf8("a\xff\xfe" "b"), "a\\xff\\xfe" "b");
}

TEST(Format, WhatATerminalWouldObeyBecomesEscapes) {
  EXPECT_EQ(printable_text("a\nb\x1b[31m\x7f"), "a\\x0ab\\x1b[31m\\x7f");
  EXPECT_EQ(printable_text("\xc2\x9b" "31m"), "\\xc2\\x9b" "31m") << "C1 control sequence introducer";
  EXPECT_EQ(printable_text("é"), "é");
}

}  // namespace
}  // namespace holdfast::initiator
