#include "target/portal/echo_book.h"

#include <gtest/gtest.h>

#include <vector>

namespace holdfast::target {
namespace {

using namespace std::chrono_literals;

std::span<const std::byte> bytes_of(const EchoDatagram& datagram) {
  return std::as_bytes(std::span(&datagram, 1));
}

EchoDatagram asked(std::uint64_t run, std::uint64_t sequence) {
  EchoDatagram datagram;
  datagram.run = run;
  datagram.sequence = sequence;
  return datagram;
}

TEST(EchoBook, AnswersWithItsCountAndNothingElseChanged) {
  EchoBook book{Instant{}};
  for (std::uint64_t sequence : {1u, 2u, 5u}) {
    const auto answer = book.answer(bytes_of(asked(77, sequence)));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->run, 77u);
    EXPECT_EQ(answer->sequence, sequence);
    EXPECT_EQ(answer->received, sequence == 5 ? 3 : sequence);
  }
  EXPECT_EQ(book.answer(bytes_of(asked(78, 1)))->received, 1u) << "every run is counted by itself";
}

TEST(EchoBook, AnswersNothingThatIsNoQuestion) {
  EchoBook book{Instant{}};
  const auto answer = book.answer(bytes_of(asked(1, 1)));
  ASSERT_TRUE(answer);
  EXPECT_FALSE(book.answer(bytes_of(*answer))) << "an answer: two echoes would not stop";
  EXPECT_FALSE(book.answer({}));
  const EchoDatagram question = asked(1, 2);
  EXPECT_FALSE(book.answer(bytes_of(question).first(31)));
  const std::vector<std::byte> longer(33);
  EXPECT_FALSE(book.answer(longer));
  EchoDatagram other = question;
  other.magic = 1;
  EXPECT_FALSE(book.answer(bytes_of(other)));
}

TEST(EchoBook, TheRunThatWasSilentLongestIsForgotten) {
  EchoBook book{Instant{}};
  for (std::uint64_t run = 0; run < EchoBook::runs_max; ++run) book.answer(bytes_of(asked(run, 1)));
  EXPECT_EQ(book.answer(bytes_of(asked(0, 2)))->received, 2u);
  EXPECT_EQ(book.answer(bytes_of(asked(1000, 1)))->received, 1u);
  EXPECT_EQ(book.answer(bytes_of(asked(0, 3)))->received, 3u);
  EXPECT_EQ(book.answer(bytes_of(asked(1, 2)))->received, 1u);
}

TEST(EchoBook, ABurstIsAllowedAndThenSoManyASecond) {
  EchoBook book{Instant{}};
  Instant now{};
  for (std::uint32_t i = 0; i < EchoBook::burst_max; ++i) EXPECT_FALSE(book.take_turn(now));
  std::uint32_t taken = 0;
  const Instant end = now + 10s;
  while (now < end) {
    const std::optional<Instant> later = book.take_turn(now);
    if (later) {
      EXPECT_GT(*later, now);
      now = *later;
    } else {
      ++taken;
    }
  }
  EXPECT_LE(taken, 10 * EchoBook::a_second + EchoBook::burst_max);
  EXPECT_GE(taken, 10 * EchoBook::a_second - EchoBook::burst_max);
}

TEST(EchoBook, AfterLongSilenceThereIsOneBurst) {
  EchoBook book{Instant{}};
  const Instant now = Instant{} + 24h;
  std::uint32_t taken = 0;
  while (!book.take_turn(now)) ++taken;
  EXPECT_EQ(taken, EchoBook::burst_max);
}

}  // namespace
}  // namespace holdfast::target
