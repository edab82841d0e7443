// What is particular to a loop with several threads: what goes where, and that turns exclude each other.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/runtime/event.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "common/runtime/scope.h"
#include "common/runtime/task.h"
#include "common/runtime/timer.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;

class ThreadsTest : public testing::TestWithParam<unsigned> {
 protected:
  void SetUp() override {
    LoopOptions options;
    options.submission_entries = 8;
    options.threads = GetParam();
    Result<std::unique_ptr<Loop>> created = Loop::create(options);
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
  }
  std::unique_ptr<Loop> loop_;
};

struct Pair {
  Pair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
    ours = Fd(ends[0]);
    theirs = Fd(ends[1]);
  }
  Fd ours, theirs;
};

Task<void> note_thread(Loop& loop, unsigned thread, std::set<std::thread::id>& ids) {
  co_await loop.move_to(thread);
  EXPECT_EQ(loop.thread(), thread);
  EXPECT_EQ(&Loop::current(), &loop);
  ids.insert(std::this_thread::get_id());
  co_await sleep_for(loop, milliseconds(1));
  EXPECT_EQ(loop.thread(), thread) << "its timer expired elsewhere";
  char byte = 'x';
  Pair pair;
  co_await loop.perform(Operation::write(pair.ours.get(), &byte, 1, 0));
  const std::int32_t got = co_await loop.perform(Operation::recv(pair.theirs.get(), &byte, 1));
  EXPECT_EQ(got, 1);
  EXPECT_EQ(loop.thread(), thread) << "its operation completed elsewhere";
  ids.insert(std::this_thread::get_id());
}

Task<void> visit_all(Loop& loop, std::set<std::thread::id>& ids) {
  for (unsigned thread = 0; thread < loop.threads(); ++thread) {
    co_await note_thread(loop, thread, ids);
  }
}

TEST_P(ThreadsTest, WhatMovesToAThreadStaysThere) {
  std::set<std::thread::id> ids;
  loop_->run(visit_all(*loop_, ids));
  EXPECT_EQ(ids.size(), GetParam());
  EXPECT_EQ(ids.count(std::this_thread::get_id()), 1u);
  EXPECT_EQ(loop_->thread(), 0u);
}

TEST_P(ThreadsTest, ItRunsAgainAfterItHasRun) {
  for (int i = 0; i < 20; ++i) {
    std::set<std::thread::id> ids;
    loop_->run(visit_all(*loop_, ids));
    EXPECT_EQ(ids.size(), GetParam());
  }
}

/// Sends a byte to and fro, and counts in a variable that all share and nothing guards.
Task<void> play(Loop& loop, unsigned thread, int fd, int rounds, bool serves, long& counted) {
  co_await loop.move_to(thread);
  char byte = 'x';
  if (serves) co_await loop.perform(Operation::write(fd, &byte, 1, 0));
  for (int i = 0; i < rounds; ++i) {
    const std::int32_t got = co_await loop.perform(Operation::recv(fd, &byte, 1));
    EXPECT_EQ(got, 1);
    ++counted;
    co_await loop.perform(Operation::write(fd, &byte, 1, 0));
  }
}

Task<void> play_across_threads(Loop& loop, int pairs, int rounds, long& counted) {
  std::vector<Pair> all(static_cast<std::size_t>(pairs));
  Scope scope;
  for (int i = 0; i < pairs; ++i) {
    const unsigned here = static_cast<unsigned>(i) % loop.threads();
    const Pair& pair = all[static_cast<std::size_t>(i)];
    scope.spawn(play(loop, here, pair.ours.get(), rounds, true, counted));
    scope.spawn(play(loop, (here + 1) % loop.threads(), pair.theirs.get(), rounds, false, counted));
  }
  co_await scope.join();
}

TEST_P(ThreadsTest, TurnsExcludeEachOther) {
  long counted = 0;
  loop_->run(play_across_threads(*loop_, 12, 500, counted));
  EXPECT_EQ(counted, 12 * 2 * 500);
  EXPECT_EQ(loop_->operations_in_flight(), 0u);
}

/// Receives for as long as bytes come, always by the thread that it was made on.
class Homely final : public Completion {
 public:
  Homely(Loop& loop, int fd) : loop_(loop), fd_(fd), home_(loop.thread()) { stay_on(home_); }
  ~Homely() = default;
  void receive() { loop_.submit(Operation::recv(fd_, &byte_, 1), *this); }

  int came = 0;
  std::int32_t ended = 1;
  Event over;

 private:
  void complete(std::int32_t result, bool) override {
    EXPECT_EQ(loop_.thread(), home_);
    if (result == 1) {
      ++came;
      return;
    }
    ended = result;
    over.set();
  }
  Loop& loop_;
  int fd_;
  unsigned home_;
  char byte_ = 0;
};

/// Every step in a turn of another thread than the last.
Task<void> start_and_cancel_from_elsewhere(Loop& loop, Homely& homely, int peer) {
  unsigned next = 0;
  for (int i = 0; i < 50; ++i) {
    co_await loop.move_to(++next % loop.threads());
    homely.receive();
    co_await loop.move_to(++next % loop.threads());
    char byte = 'x';
    co_await loop.perform(Operation::write(peer, &byte, 1, 0));
    while (homely.came <= i) co_await sleep_for(loop, std::chrono::microseconds(50));
  }
  co_await loop.move_to(++next % loop.threads());
  homely.receive();
  co_await loop.move_to(++next % loop.threads());
  loop.cancel(homely);
  co_await homely.over.wait();
}

Task<void> make_homely(Loop& loop, int& came, std::int32_t& ended) {
  Pair pair;
  co_await loop.move_to(loop.threads() - 1);
  Homely homely(loop, pair.ours.get());
  co_await start_and_cancel_from_elsewhere(loop, homely, pair.theirs.get());
  came = homely.came;
  ended = homely.ended;
}

TEST_P(ThreadsTest, OperationsReachTheThreadThatTheirOwnerStaysOn) {
  int came = 0;
  std::int32_t ended = 1;
  loop_->run(make_homely(*loop_, came, ended));
  EXPECT_EQ(came, 50);
  EXPECT_EQ(ended, -ECANCELED);
}

/// Submits, cancels and starts anew in one turn elsewhere: the cancellation is for the first alone.
Task<void> cancel_and_start_anew(Loop& loop, int& got) {
  for (int i = 0; i < 200; ++i) {
    Pair pair;
    co_await loop.move_to(loop.threads() - 1);
    Homely first(loop, pair.ours.get());
    first.receive();
    co_await loop.move_to(0);
    char byte = 'x';
    co_await loop.perform(Operation::write(pair.theirs.get(), &byte, 1, 0));
    // By now it may have completed or not; where it has, this must not concern what follows.
    if (first.in_flight()) loop.cancel(first);
    while (first.in_flight()) co_await sleep_for(loop, std::chrono::microseconds(20));
    if (first.came == 0) {
      EXPECT_EQ(first.ended, -ECANCELED);
      ++got;
      continue;
    }
    first.receive();
    co_await loop.perform(Operation::write(pair.theirs.get(), &byte, 1, 0));
    while (first.in_flight()) co_await sleep_for(loop, std::chrono::microseconds(20));
    EXPECT_EQ(first.came, 2) << "the next operation was cancelled instead: " << first.ended;
    ++got;
  }
}

TEST_P(ThreadsTest, ACancellationIsForWhatWasInFlight) {
  int got = 0;
  loop_->run(cancel_and_start_anew(*loop_, got));
  EXPECT_EQ(got, 200);
}

class Alarm final : public Timer {
 public:
  explicit Alarm(Loop& loop) : Timer(loop) {}
  ~Alarm() = default;
  int rang = 0;
  unsigned rang_on = 0;

 private:
  void expire() override {
    ++rang;
    rang_on = loop().thread();
  }
};

Task<void> arm_and_disarm_across_threads(Loop& loop) {
  Alarm alarm(loop);
  const unsigned last = loop.threads() - 1;
  alarm.arm(clock_now() + std::chrono::hours(1));
  co_await loop.move_to(last);
  alarm.disarm();
  alarm.arm(clock_now() + milliseconds(30));
  co_await loop.move_to(0);
  alarm.arm(clock_now() + milliseconds(1));
  while (alarm.rang == 0) co_await sleep_for(loop, milliseconds(1));
  EXPECT_EQ(alarm.rang_on, 0u);
  co_await sleep_for(loop, milliseconds(40));
  EXPECT_EQ(alarm.rang, 1) << "it expired where it was no longer armed";
}

TEST_P(ThreadsTest, TimersAreDisarmedFromAnyThread) { loop_->run(arm_and_disarm_across_threads(*loop_)); }

/// Adds up memory that nobody else touches.
class Sum final : public Deferred {
 public:
  Sum(Loop& loop, int& unfinished, Event& all) : loop_(loop), unfinished_(unfinished), all_(all) {}
  ~Sum() = default;
  void start() {
    thread_ = loop_.thread();
    loop_.do_aside(*this);
  }
  long sum = 0;

 private:
  void aside() override {
    for (int i = 0; i < 1000; ++i) sum += i;
    did_ = std::this_thread::get_id();
  }
  void run() override {
    EXPECT_EQ(did_, std::this_thread::get_id());
    EXPECT_EQ(loop_.thread(), thread_);
    if (--unfinished_ == 0) all_.set();
  }
  Loop& loop_;
  int& unfinished_;
  Event& all_;
  unsigned thread_ = 0;
  std::thread::id did_;
};

Task<void> sum_aside(Loop& loop, std::vector<std::unique_ptr<Sum>>& sums) {
  int unfinished = 10 * static_cast<int>(loop.threads());
  Event all;
  for (unsigned thread = 0; thread < loop.threads(); ++thread) {
    co_await loop.move_to(thread);
    for (int i = 0; i < 10; ++i) {
      sums.push_back(std::make_unique<Sum>(loop, unfinished, all));
      sums.back()->start();
      EXPECT_TRUE(loop.threads() == 1 || sums.back()->sum == 0) << "it was done within the turn";
    }
  }
  co_await all.wait();
}

TEST_P(ThreadsTest, WorkAsideIsDoneByTheThreadThatAskedForIt) {
  std::vector<std::unique_ptr<Sum>> sums;
  loop_->run(sum_aside(*loop_, sums));
  EXPECT_EQ(sums.size(), 10 * GetParam());
  for (const std::unique_ptr<Sum>& sum : sums) EXPECT_EQ(sum->sum, 499'500);
}

Task<void> be_busy(Loop& loop) {
  co_await loop.move_to(loop.threads() - 1);
  const Instant until = clock_now() + milliseconds(30);
  while (clock_now() < until) {
  }
  co_await sleep_for(loop, Duration(1));
}

TEST_P(ThreadsTest, ALongTurnOfAnyThreadIsTold) {
  loop_->run(be_busy(*loop_));
  EXPECT_GE(loop_->take_longest_turn(), milliseconds(30));
  EXPECT_GE(loop_->processor_time(GetParam() - 1), milliseconds(1));
}

TEST_P(ThreadsTest, NothingIsLeftOfALoopThatNeverRan) {
  loop_.reset();
  SetUp();
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadsTest, testing::Values(1u, 2u, 4u, 16u), [](const auto& tried) {
  return "Of" + std::to_string(tried.param);
});

}  // namespace
}  // namespace holdfast
