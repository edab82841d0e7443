// The checker of histories: what it must let pass, and what it must find.

#include "tests/support/history/linearizability.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

namespace holdfast::testing_support {
namespace {

Verdict verdict_on(const char* text) {
  const Result<History> history = parse_history(text);
  EXPECT_TRUE(history) << history.error().message;
  return check(*history);
}
void expect_good(const char* text) {
  const Verdict verdict = verdict_on(text);
  EXPECT_TRUE(verdict.linearizable) << verdict.words << "\n" << text;
}
void expect_wrong(const char* text, const char* words) {
  const Verdict verdict = verdict_on(text);
  EXPECT_FALSE(verdict.linearizable) << text;
  EXPECT_EQ(verdict.words, words) << text;
}

TEST(Linearizability, WhatIsSideBySideMayComeInAnyOrder) {
  expect_good("");
  expect_good("1 1 2 read 0 = 0");
  expect_good("1 1 10 write 0 = 5\n2 2 3 read 0 = 0\n2 4 5 read 0 = 5");
  expect_good("1 1 10 write 0 = 5\n2 1 10 write 0 = 6\n3 11 12 read 0 = 5");
  expect_good("1 1 10 write 0 = 5\n2 1 10 write 0 = 6\n3 11 12 read 0 = 6");
  expect_good("1 1 10 swap 0 : 0 = 5\n2 1 10 swap 0 : 5 = 6\n3 1 10 swap 0 : 6 = 7\n3 11 12 read 0 = 7");
}

TEST(Linearizability, AStaleReadIsFound) {
  expect_wrong("1 1 2 write 0 = 5\n2 3 4 read 0 = 0", "nothing explains: 2 3 4 read 0 = 0");
  expect_wrong("1 1 10 write 0 = 5\n2 2 3 read 0 = 5\n3 4 5 read 0 = 0",
               "nothing explains: 3 4 5 read 0 = 0");
  expect_wrong("1 1 2 read 0 = 9", "nothing explains: 1 1 2 read 0 = 9");
}

TEST(Linearizability, ALostCompareAndWriteIsFound) {
  // Both found the same, and both wrote.
  expect_wrong("1 1 10 swap 0 : 0 = 5\n2 1 11 swap 0 : 0 = 6", "nothing explains: 2 1 11 swap 0 : 0 = 6");
  // It was answered, and is not there.
  expect_wrong("1 1 2 swap 0 : 0 = 5\n2 3 4 swap 0 : 0 = 6", "nothing explains: 2 3 4 swap 0 : 0 = 6");
  // It was told that it differs, where it does not.
  expect_wrong("1 1 2 swap 0 : 0 = 5 differs 0", "nothing explains: 1 1 2 swap 0 : 0 = 5 differs 0");
  expect_good("1 1 2 write 1 = 5\n1 3 4 swap 0 : 0 0 = 6 7 differs 1\n1 5 6 read 0 = 0 5");
  expect_wrong("1 1 2 write 0 = 5\n1 3 4 swap 0 : 0 0 = 6 7 differs 1",
               "nothing explains: 1 3 4 swap 0 : 0 0 = 6 7 differs 1");
  // It differs, and was done all the same.
  expect_wrong("1 1 2 swap 0 : 4 = 5 differs 0\n1 3 4 read 0 = 5", "nothing explains: 1 3 4 read 0 = 5");
}

TEST(Linearizability, ATornBlockIsFound) {
  expect_wrong("1 1 10 write 0 = 5\n2 1 10 read 0 = torn", "a torn block: 2 1 10 read 0 = torn");
}

TEST(Linearizability, HalfOfWhatIsAtomicIsFound) {
  expect_good("1 1 10 atomic 0 = 5 6\n2 2 3 read 0 = 0 0\n2 4 5 read 0 = 5 6");
  expect_wrong("1 1 10 atomic 0 = 5 6\n2 2 3 read 0 = 5 0", "nothing explains: 2 2 3 read 0 = 5 0");
  expect_wrong("1 1 10 swap 0 : 0 0 = 5 6\n2 2 3 read 0 = 0 6\n",
               "nothing explains: 2 2 3 read 0 = 0 6");
  // Two that cross must come one after the other, two plain writes need not.
  expect_wrong("1 1 10 atomic 0 = 5 6\n2 1 10 atomic 0 = 7 8\n3 11 12 read 0 = 5 8",
               "nothing explains: 3 11 12 read 0 = 5 8");
  expect_good("1 1 10 write 0 = 5 6\n2 1 10 write 0 = 7 8\n3 11 12 read 0 = 5 8");
}

TEST(Linearizability, WhatWasNeverAnsweredMayHaveBeenDoneOrNot) {
  expect_good("1 1 - write 0 = 5 open\n2 2 3 read 0 = 0");
  expect_good("1 1 - write 0 = 5 open\n2 2 3 read 0 = 5");
  expect_good("1 1 - write 0 = 5 open\n2 2 3 read 0 = 0\n2 4 5 read 0 = 5");
  expect_wrong("1 1 - write 0 = 5 open\n2 2 3 read 0 = 5\n2 4 5 read 0 = 0",
               "nothing explains: 2 4 5 read 0 = 0");
  // A daemon that was killed does nothing any more.
  expect_wrong("1 1 3 write 0 = 5 open\n2 4 5 read 0 = 0\n2 6 7 read 0 = 5",
               "nothing explains: 2 6 7 read 0 = 5");
  // A plain write may be there in part, what is atomic may not.
  expect_good("1 1 3 write 0 = 5 6 open\n2 4 5 read 0 = 5 0");
  expect_wrong("1 1 3 atomic 0 = 5 6 open\n2 4 5 read 0 = 5 0", "nothing explains: 2 4 5 read 0 = 5 0");
  expect_wrong("1 1 3 swap 0 : 0 0 = 5 6 open\n2 4 5 read 0 = 0 6",
               "nothing explains: 2 4 5 read 0 = 0 6");
  expect_wrong("1 1 3 swap 0 : 1 = 5 open\n2 4 5 read 0 = 5", "nothing explains: 2 4 5 read 0 = 5");
  expect_good("1 1 3 read 0 = 7 open");
}

TEST(Linearizability, AWriteAfterAFenceIsFound) {
  expect_good("1 1 2 write 0 = 5\n0 3 4 fence 1\n1 5 6 write 0 = 6 conflict\n1 7 8 read 0 = 5");
  expect_wrong("0 3 4 fence 1\n1 5 6 write 0 = 6",
               "let in, although fenced off since 4: 1 5 6 write 0 = 6");
  expect_wrong("0 3 4 fence 1\n1 5 6 swap 0 : 9 = 6 differs 0",
               "let in, although fenced off since 4: 1 5 6 swap 0 : 9 = 6 differs 0");
  // It was sent before, and landed after.
  expect_wrong("1 1 9 write 0 = 5 open\n0 2 4 fence 1\n2 5 6 read 0 = 0\n2 7 8 read 0 = 5",
               "nothing explains: 2 7 8 read 0 = 5");
  expect_good("1 1 9 write 0 = 5 open\n0 2 4 fence 1\n2 5 6 read 0 = 5\n2 7 8 read 0 = 5");
  // Sent after the fence and without an answer: nothing of it may be seen.
  expect_wrong("0 2 4 fence 1\n1 5 7 write 0 = 5 open\n2 8 9 read 0 = 5",
               "nothing explains: 2 8 9 read 0 = 5");
}

TEST(Linearizability, WhoRegistersAnewMayWrite) {
  expect_good("0 3 4 fence 1\n1 5 6 register\n1 7 8 write 0 = 6\n2 9 10 read 0 = 6");
  expect_good("0 3 4 fence 1\n1 5 9 register\n1 6 8 write 0 = 6\n2 9 10 read 0 = 6");
  // Which came first cannot be told.
  expect_good("0 3 5 fence 1\n1 4 6 register\n1 7 8 write 0 = 6");
  expect_good("0 3 5 fence 1\n1 4 6 register\n1 7 8 write 0 = 6 conflict");
}

TEST(Linearizability, ARefusalWithoutAReasonIsFound) {
  expect_good("1 5 6 write 0 = 6 conflict");
  expect_good("1 1 2 register\n0 3 9 fence 1\n1 5 6 write 0 = 6 conflict");
  expect_good("1 1 2 register\n0 3 4 fence 1 open\n1 5 6 write 0 = 6 conflict");
  expect_wrong("1 1 2 register\n1 5 6 write 0 = 6 conflict",
               "refused, although registered: 1 5 6 write 0 = 6 conflict");
  expect_wrong("0 1 2 fence 1\n1 3 4 register\n1 5 6 write 0 = 6 conflict",
               "refused, although registered: 1 5 6 write 0 = 6 conflict");
}

/// A medium that does right, with hosts whose commands lie over one another: what each does happens
/// at one moment between its invocation and its answer.
class RightMedium {
 public:
  explicit RightMedium(unsigned seed) : random_(seed) {}

  History run(int events) {
    constexpr int hosts = 8;
    std::array<std::int64_t, hosts> free_at{};
    for (int i = 0; i < events; ++i) {
      now_ += 10;
      const auto host = static_cast<std::size_t>(below(hosts));
      Event event;
      event.host = static_cast<int>(host);
      event.invoked = std::max(free_at[host], now_ - below(60)) + 1;
      now_ = std::max(now_, event.invoked);
      event.answered = now_ + 1 + below(60);
      free_at[host] = event.answered;
      act(event);
      history_.push_back(std::move(event));
    }
    return std::move(history_);
  }

 private:
  std::int64_t below(std::int64_t limit) { return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(limit)); }

  void act(Event& event) {
    constexpr Event::Kind kinds[] = {Event::Kind::read, Event::Kind::write, Event::Kind::write_atomic,
                                     Event::Kind::compare_and_write};
    event.kind = kinds[below(4)];
    const std::int64_t blocks = 1 + below(3);
    event.first = static_cast<std::uint32_t>(below(static_cast<std::int64_t>(medium_.size()) - blocks + 1));
    BlockValue* at = medium_.data() + event.first;
    if (event.kind == Event::Kind::read) {
      event.values.assign(at, at + blocks);
      return;
    }
    for (std::int64_t i = 0; i < blocks; ++i) event.values.push_back(++last_);
    if (event.kind == Event::Kind::compare_and_write) {
      event.expected.assign(at, at + blocks);
      if (below(2) == 0) {
        event.differs_at = static_cast<std::uint32_t>(below(blocks));
        event.expected[event.differs_at] += 1;
        event.result = Event::Result::miscompare;
        return;
      }
    }
    const bool lost = below(10) == 0;
    if (lost) event.result = Event::Result::open;
    if (!lost || below(2) == 0) std::copy(event.values.begin(), event.values.end(), at);
  }

  std::mt19937_64 random_;
  std::array<BlockValue, 5> medium_{};
  BlockValue last_ = 0;
  std::int64_t now_ = 0;
  History history_;
};

TEST(Linearizability, LongHistoriesOfARightMediumPass) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    const Verdict verdict = check(RightMedium(seed).run(2000));
    EXPECT_TRUE(verdict.linearizable) << "seed " << seed << ": " << verdict.words;
    EXPECT_LT(verdict.configurations, 200'000u) << "seed " << seed;
  }
}

TEST(Linearizability, OneWrongAnswerInALongHistoryIsFound) {
  for (unsigned seed = 1; seed <= 8; ++seed) {
    History history = RightMedium(seed).run(600);
    // One read finds in its first block what was there long ago.
    const auto read = std::find_if(history.begin() + 400, history.end(), [](const Event& event) {
      return event.kind == Event::Kind::read && event.values[0] != 0;
    });
    ASSERT_NE(read, history.end());
    const auto old = std::find_if(history.begin(), history.end(), [&](const Event& event) {
      return event.kind == Event::Kind::write && event.first == read->first && event.result == Event::Result::good;
    });
    ASSERT_LT(old, history.begin() + 200);
    read->values[0] = old->values[0];
    const Verdict verdict = check(history);
    EXPECT_FALSE(verdict.linearizable) << "seed " << seed;
    EXPECT_TRUE(verdict.words.starts_with("nothing explains")) << verdict.words;
  }
}

TEST(Linearizability, ASearchWithoutEndIsGivenUp) {
  std::string text;
  for (int i = 1; i <= 40; ++i) text += std::to_string(i) + " 1 100 write 0 = " + std::to_string(i) + "\n";
  text += "50 101 102 read 0 = 77\n";
  const Result<History> history = parse_history(text);
  ASSERT_TRUE(history);
  const Verdict verdict = check(*history, 10'000);
  EXPECT_FALSE(verdict.linearizable);
  EXPECT_TRUE(verdict.words.starts_with("gave up at")) << verdict.words;
}

}  // namespace
}  // namespace holdfast::testing_support
