#include "target/session/write_gather.h"

#include <gtest/gtest.h>

#include "common/iscsi/codes.h"

namespace holdfast::target {
namespace {

using Request = WriteGather::Request;
using Verdict = WriteGather::Verdict;

constexpr std::uint32_t KiB = 1024;

WriteGather::DataOut unsolicited(std::uint32_t sn, std::uint32_t offset, std::uint32_t bytes,
                                 bool final = false) {
  return {iscsi::reserved_tag, sn, offset, bytes, final};
}

/// 256 KiB of which 8 came with the command, 64 may come uninvited, and bursts are 128.
WriteGather::Plan plan() {
  return {.expected = 256 * KiB,
          .wanted = 256 * KiB,
          .immediate = 8 * KiB,
          .unsolicited_follows = true,
          .first_burst_bytes_max = 64 * KiB,
          .burst_bytes_max = 128 * KiB,
          .r2ts_max = 1,
          .tag_base = 500};
}

TEST(WriteGather, GathersImmediateThenUnsolicitedThenInvitedData) {
  WriteGather gather(plan());
  EXPECT_TRUE(gather.unsolicited_is_open());
  EXPECT_FALSE(gather.next_request()) << "the unsolicited burst comes first";
  EXPECT_EQ(gather.accept(unsolicited(0, 8 * KiB, 8 * KiB)), Verdict::fits);
  EXPECT_EQ(gather.accept(unsolicited(1, 16 * KiB, 48 * KiB, true)), Verdict::fits);
  EXPECT_FALSE(gather.unsolicited_is_open());

  EXPECT_EQ(gather.next_request(), (Request{500, 0, 64 * KiB, 128 * KiB}));
  EXPECT_FALSE(gather.next_request()) << "MaxOutstandingR2T is 1";
  EXPECT_TRUE(gather.awaits_data());
  EXPECT_EQ(gather.accept({500, 0, 64 * KiB, 100 * KiB, false}), Verdict::fits);
  EXPECT_FALSE(gather.is_complete());
  EXPECT_EQ(gather.accept({500, 1, 164 * KiB, 28 * KiB, true}), Verdict::fits);

  EXPECT_EQ(gather.next_request(), (Request{501, 1, 192 * KiB, 64 * KiB}));
  EXPECT_EQ(gather.accept({501, 0, 192 * KiB, 64 * KiB, true}), Verdict::fits);
  EXPECT_TRUE(gather.is_complete());
  EXPECT_FALSE(gather.next_request());
  EXPECT_FALSE(gather.awaits_data());
}

TEST(WriteGather, KeepsSeveralRequestsOpenAndTakesThemInOrder) {
  WriteGather::Plan several = plan();
  several.immediate = 0;
  several.unsolicited_follows = false;
  several.r2ts_max = 2;
  WriteGather gather(several);
  EXPECT_EQ(gather.next_request(), (Request{500, 0, 0, 128 * KiB}));
  EXPECT_EQ(gather.next_request(), (Request{501, 1, 128 * KiB, 128 * KiB}));
  EXPECT_FALSE(gather.can_request());
  EXPECT_EQ(gather.accept({501, 0, 128 * KiB, 1 * KiB, false}), Verdict::wrong_tag);
  EXPECT_EQ(gather.accept({500, 0, 0, 128 * KiB, true}), Verdict::fits);
  EXPECT_EQ(gather.accept({501, 0, 128 * KiB, 128 * KiB, true}), Verdict::fits);
  EXPECT_TRUE(gather.is_complete());
}

TEST(WriteGather, RefusesWhatIsOutOfOrder) {
  WriteGather gather(plan());
  EXPECT_EQ(gather.accept(unsolicited(1, 8 * KiB, KiB)), Verdict::wrong_number);
  EXPECT_EQ(gather.accept(unsolicited(0, 9 * KiB, KiB)), Verdict::wrong_offset);
  EXPECT_EQ(gather.accept(unsolicited(0, 8 * KiB, 57 * KiB)), Verdict::too_much);
  EXPECT_EQ(gather.accept({500, 0, 8 * KiB, KiB, false}), Verdict::not_invited);
  EXPECT_EQ(gather.accept(unsolicited(0, 8 * KiB, 56 * KiB)), Verdict::wrong_end)
      << "a full burst that says that more follows";
}

TEST(WriteGather, RefusesInvitedDataThatBreaksItsBurst) {
  WriteGather::Plan invited = plan();
  invited.immediate = 0;
  invited.unsolicited_follows = false;
  WriteGather gather(invited);
  EXPECT_EQ(gather.accept(unsolicited(0, 0, KiB)), Verdict::not_invited);
  EXPECT_EQ(gather.accept({500, 0, 0, KiB, false}), Verdict::not_invited) << "no R2T is open";
  ASSERT_TRUE(gather.next_request());
  EXPECT_EQ(gather.accept({501, 0, 0, KiB, false}), Verdict::wrong_tag);
  EXPECT_EQ(gather.accept({500, 0, 0, 129 * KiB, true}), Verdict::too_much);
  EXPECT_EQ(gather.accept({500, 0, 0, 64 * KiB, true}), Verdict::wrong_end) << "too early";
  EXPECT_EQ(gather.accept({500, 0, 0, 128 * KiB, false}), Verdict::wrong_end) << "missing";
}

TEST(WriteGather, IsCompleteAtOnceWhenTheCommandBroughtEverything) {
  WriteGather gather({.expected = 4 * KiB, .wanted = 4 * KiB, .immediate = 4 * KiB});
  EXPECT_TRUE(gather.is_complete());
  EXPECT_FALSE(gather.can_request());
}

TEST(WriteGather, SwallowsTheBurstOfACommandThatWantsNoneOfIt) {
  // Goal: a refused command keeps the stream in step, and asks for nothing.
  WriteGather::Plan refused = plan();
  refused.wanted = 0;
  WriteGather gather(refused);
  EXPECT_FALSE(gather.is_complete()) << "the announced burst is still on its way";
  EXPECT_EQ(gather.accept(unsolicited(0, 8 * KiB, 56 * KiB, true)), Verdict::fits);
  EXPECT_TRUE(gather.is_complete());
  EXPECT_FALSE(gather.can_request());
}

TEST(WriteGather, AsksOnlyForWhatTheCommandTakes) {
  // The peer expects to send 10,000 bytes to a command of 8192.
  WriteGather gather({.expected = 10'000, .wanted = 8192, .tag_base = 7});
  EXPECT_EQ(gather.next_request(), (Request{7, 0, 0, 8192}));
  EXPECT_EQ(gather.accept({7, 0, 0, 8192, true}), Verdict::fits);
  EXPECT_TRUE(gather.is_complete());
}

}  // namespace
}  // namespace holdfast::target
