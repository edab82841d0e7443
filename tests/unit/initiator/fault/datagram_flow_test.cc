#include "initiator/fault/datagram_flow.h"

#include <gtest/gtest.h>

#include <string>

#include "initiator/fault/step_text.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class DatagramFlowTest : public testing::Test {
 protected:
  void give(std::string_view text) {
    const Result<FaultStep> step = parse_fault_step(text);
    ASSERT_TRUE(step) << step.error().message;
    ASSERT_TRUE(rules_.add(*step, now_));
  }
  void feed(std::string_view datagrams) {
    for (const char& one : datagrams) flow_.arrived(std::as_bytes(std::span(&one, 1)), now_);
  }
  std::string drain() {
    std::string all;
    while (const std::vector<std::byte>* datagram = flow_.next(now_)) {
      all.append(reinterpret_cast<const char*>(datagram->data()), datagram->size());
      flow_.sent(now_);
    }
    return all;
  }

  Instant now_{std::chrono::hours(1)};
  FaultRules rules_{3};
  Allowance allowance_;
  DatagramFlow flow_{Way::out, 1, rules_, allowance_};
};

TEST_F(DatagramFlowTest, DelayDropReorderAndCorruptionStrikeSingleDatagrams) {
  feed("ab");
  EXPECT_EQ(drain(), "ab");
  give("at 2nd datagram drop");
  feed("abc");
  EXPECT_EQ(drain(), "ac");
  give("at 1st datagram reorder");
  feed("abc");
  EXPECT_EQ(drain(), "bac");
  give("now corrupt data");
  feed("b");
  EXPECT_EQ(drain(), "c");
  give("now delay 10ms");
  feed("a");
  EXPECT_EQ(drain(), "");
  EXPECT_EQ(flow_.wakes(now_), now_ + milliseconds(10));
  now_ += milliseconds(10);
  EXPECT_EQ(drain(), "a");
}

TEST_F(DatagramFlowTest, StoppedOnesAreHeldOrSwallowed) {
  give("now stop swallow for 1s");
  feed("ab");
  now_ += seconds(1);
  rules_.advance(now_);
  EXPECT_EQ(drain(), "");
  give("now stop for 1s");
  feed("cd");
  EXPECT_EQ(drain(), "");
  now_ += seconds(1);
  rules_.advance(now_);
  EXPECT_EQ(drain(), "cd");
}

TEST_F(DatagramFlowTest, AShareIsLostAndMemoryIsBounded) {
  give("now lose 30%");
  std::size_t through = 0;
  for (int i = 0; i < 10000; ++i) {
    feed("x");
    through += drain().size();
  }
  EXPECT_GT(through, 6700u);
  EXPECT_LT(through, 7300u);
  give("now resume");
  give("now stop");
  const std::vector<std::byte> large(64 * KiB);
  for (int i = 0; i < 1000; ++i) flow_.arrived(large, now_);
  give("now resume");
  EXPECT_EQ(drain().size(), DatagramFlow::bytes_most);
}

}  // namespace
}  // namespace holdfast::initiator
