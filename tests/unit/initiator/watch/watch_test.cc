#include "initiator/watch/watch.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <vector>

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Writes down what a watch reports at once.
class Listener final : public WatchListener {
 public:
  std::vector<PathEvent> opened;
  std::vector<PathEvent> ended;
  std::vector<PathEvent> explained;

 private:
  void event_opened(const PathEvent& event) override { opened.push_back(event); }
  void event_ended(const PathEvent& event) override { ended.push_back(event); }
  void event_explained(const PathEvent& event) override { explained.push_back(event); }
};

/// A watch and a clock in our hands. The loop is punctual unless a test says that it is not: time
/// passes in `pass`, which ticks whenever a tick is due, and jumps in `stop_ourselves`.
class WatchTest : public testing::Test {
 protected:
  static constexpr Instant start{seconds(1000)};

  void SetUp() override { make(WatchOptions{}); }
  void make(const WatchOptions& options) {
    watch_.emplace(options, start);
    watch_->set_listener(&listener_);
  }

  void pass(Duration time) {
    const Instant until = now_ + time;
    while (watch_->tick_due() && *watch_->tick_due() <= until) {
      now_ = *watch_->tick_due();
      watch_->tick(now_);
    }
    now_ = until;
  }
  /// Our own process does nothing for `time`; the tick comes when it is over.
  void stop_ourselves(Duration time) {
    now_ += time;
    if (watch_->tick_due() && *watch_->tick_due() <= now_) watch_->tick(now_);
  }

  std::uint32_t begin(std::uint64_t lba = 0, std::uint32_t file = 0) {
    return watch_->begin(OperationKind::write, lba, 4096, file, now_, now_);
  }
  void end(std::uint32_t slot, int error = 0) { watch_->end(slot, error, now_); }

  /// Completes `count` operations, each of which takes `each`, one after the other.
  void run(int count, Duration each) {
    for (int i = 0; i < count; ++i) {
      const std::uint32_t slot = begin();
      pass(each);
      end(slot);
    }
  }

  std::uint64_t count(EventKind kind) const { return watch_->event_count(kind); }

  Instant now_ = start;
  Listener listener_;
  std::optional<Watch> watch_;
};

/// Says how often it was asked, and writes down of what.
class Witness final : public WatchWitness {
 public:
  std::vector<EpisodeView> asked;
  std::string blame = "backend";

 private:
  Testimony testify(const PathEvent&, const EpisodeView& episode) override {
    asked.push_back(episode);
    Testimony testimony;
    testimony.blame = blame;
    testimony.peer = "answers";
    testimony.evidence = "asked " + std::to_string(asked.size()) + " times";
    testimony.more = "its log";
    return testimony;
  }
};

TEST_F(WatchTest, AWitnessIsHeardWhenAStallBeginsEverySecondAndWhenItEnds) {
  Witness witness;
  watch_->set_witness(&witness);
  const std::uint32_t slot = begin();
  pass(milliseconds(1500));
  ASSERT_EQ(listener_.opened.size(), 1U);
  EXPECT_EQ(listener_.opened[0].evidence, "asked 1 times");
  EXPECT_EQ(listener_.opened[0].blame, "backend");
  EXPECT_EQ(listener_.opened[0].peer, "answers");
  pass(seconds(9));
  ASSERT_EQ(listener_.opened.size(), 2U) << "it has become a hang";
  EXPECT_EQ(listener_.opened[1].evidence, "asked 10 times");
  EXPECT_EQ(listener_.explained.size(), 0U) << "the reason stayed the same";
  end(slot, ECANCELED);
  ASSERT_EQ(listener_.ended.size(), 1U);
  EXPECT_EQ(listener_.ended[0].evidence, "asked 11 times; given up by us, unanswered");
  EXPECT_EQ(listener_.ended[0].more, "its log");
  EXPECT_TRUE(witness.asked.back().over);
  EXPECT_FALSE(witness.asked.back().succeeded);
}

TEST_F(WatchTest, AReasonThatChangesIsToldAtOnce) {
  Witness witness;
  watch_->set_witness(&witness);
  const std::uint32_t slot = begin();
  pass(milliseconds(1500));
  witness.blame = "network";
  pass(seconds(1));
  ASSERT_EQ(listener_.explained.size(), 1U);
  EXPECT_EQ(listener_.explained[0].blame, "network");
  EXPECT_EQ(watch_->open_episode()->blame, "network");
  end(slot);
  EXPECT_TRUE(witness.asked.back().succeeded);
  EXPECT_EQ(watch_->open_episode(), nullptr);
}

TEST_F(WatchTest, WhatBecomesKnownAfterwardsAmendsTheLastEpisode) {
  Witness witness;
  watch_->set_witness(&witness);
  const std::uint32_t slot = begin();
  pass(milliseconds(1500));
  end(slot);
  run(20, milliseconds(1));
  Testimony later;
  later.blame = "network_in";
  watch_->amend_last_episode(later);
  ASSERT_EQ(watch_->events().size(), 1U);
  EXPECT_EQ(watch_->events()[0].blame, "network_in");
  ASSERT_EQ(listener_.explained.size(), 1U);
}

TEST_F(WatchTest, AStallIsToldWithinAQuarterOfASecondOfItsLimit) {
  // Goal: "reported at most 250 ms after its limit", whatever the limits and whenever the operation was due.
  for (int offset = 0; offset < 50; ++offset) {
    SCOPED_TRACE(offset);
    listener_ = {};
    now_ = start;
    make(WatchOptions{});
    run(1, milliseconds(offset));
    begin();
    const Instant sent = now_;
    std::vector<Duration> told_after;
    while (told_after.size() < 2 && now_ < sent + seconds(12)) {
      pass(milliseconds(1));
      while (told_after.size() < listener_.opened.size()) told_after.push_back(now_ - sent);
    }
    ASSERT_EQ(told_after.size(), 2U);
    EXPECT_LE(told_after[0], milliseconds(1250));
    EXPECT_LE(told_after[1], milliseconds(10'250));
  }
}

TEST_F(WatchTest, ASteadyRunHasNoEvents) {
  run(1000, milliseconds(5));
  watch_->finish(now_);
  EXPECT_TRUE(watch_->events().empty());
  EXPECT_EQ(watch_->latency(OperationKind::write).count(), 1000U);
  EXPECT_EQ(watch_->latency(OperationKind::write).max(), milliseconds(5));
  EXPECT_EQ(watch_->latency_of_all().count(), 1000U);
}

TEST_F(WatchTest, TicksOnlyWhileSomethingIsInFlight) {
  EXPECT_FALSE(watch_->tick_due());
  const std::uint32_t slot = begin();
  EXPECT_TRUE(watch_->tick_due());
  end(slot);
  pass(seconds(1));
  EXPECT_FALSE(watch_->tick_due());
}

TEST_F(WatchTest, ManyOperationsHeldUpByOneStopAreOneStall) {
  // Goal: one event per episode. Method: 32 in flight, the peer stops for 3 s, then answers all.
  run(100, milliseconds(1));
  std::vector<std::uint32_t> slots;
  for (int i = 0; i < 32; ++i) slots.push_back(begin(static_cast<std::uint64_t>(8 * i)));
  pass(seconds(3));
  for (std::uint32_t slot : slots) {
    pass(milliseconds(1));
    end(slot);
  }
  run(100, milliseconds(1));
  watch_->finish(now_);
  ASSERT_EQ(watch_->events().size(), 1U);
  const PathEvent event = watch_->events()[0];
  EXPECT_EQ(event.kind, EventKind::stall);
  EXPECT_EQ(event.at, milliseconds(100));
  EXPECT_GE(event.lasted, seconds(3));
  EXPECT_LE(event.lasted, milliseconds(3040));
  EXPECT_EQ(event.loop_late, Duration(0));
  EXPECT_EQ(event.operation.kind, OperationKind::write);
  EXPECT_EQ(event.operation.lba, 0U) << "the oldest one";
  EXPECT_FALSE(event.open);
}

TEST_F(WatchTest, ABacklogOfOurOwnIsNoStallWhileThePeerAnswers) {
  // Goal: an open loop beyond what the path can do has old operations and no stall. Method: one at a
  // time, each due five seconds before it is sent, each answered within a millisecond.
  for (int i = 0; i < 1000; ++i) {
    const std::uint32_t slot =
        watch_->begin(OperationKind::write, 0, 4096, 0, std::max(start, now_ - seconds(5)), now_);
    pass(milliseconds(10));
    end(slot);
  }
  watch_->finish(now_);
  EXPECT_TRUE(watch_->events().empty()) << to_string(watch_->events()[0].kind);
  EXPECT_LE(watch_->worst_gap(), milliseconds(10));
  EXPECT_EQ(watch_->latency(OperationKind::write).max(), milliseconds(5010)) << "the age counts all the same";
}

TEST_F(WatchTest, AStallIsReportedWhenItPassesTheLimitAndAgainWhenItEnds) {
  const std::uint32_t file = watch_->name_file("etc/passwd");
  const std::uint32_t slot = begin(77, file);
  pass(milliseconds(999));
  EXPECT_TRUE(listener_.opened.empty());
  pass(milliseconds(52));  // A tick later at most.
  ASSERT_EQ(listener_.opened.size(), 1U);
  EXPECT_EQ(listener_.opened[0].kind, EventKind::stall);
  EXPECT_TRUE(listener_.opened[0].open);
  EXPECT_EQ(listener_.opened[0].operation.lba, 77U);
  EXPECT_EQ(listener_.opened[0].operation.bytes, 4096U);
  EXPECT_EQ(listener_.opened[0].operation.file, "etc/passwd");
  EXPECT_GE(listener_.opened[0].operation.age, seconds(1));
  EXPECT_TRUE(listener_.ended.empty());
  pass(seconds(1));
  ASSERT_EQ(watch_->events().size(), 1U) << "an open one is among the events already";
  EXPECT_TRUE(watch_->events()[0].open);
  end(slot);
  ASSERT_EQ(listener_.ended.size(), 1U);
  EXPECT_EQ(listener_.ended[0].lasted, milliseconds(2051));
  EXPECT_EQ(listener_.opened.size(), 1U);
}

TEST_F(WatchTest, AStallBecomesAHangAndNamesEverythingInFlight) {
  const std::uint32_t file = watch_->name_file("big");
  begin(1, file);
  pass(seconds(2));
  begin(2);
  pass(milliseconds(8100));
  ASSERT_EQ(listener_.opened.size(), 2U);
  EXPECT_EQ(listener_.opened[0].kind, EventKind::stall);
  const PathEvent& hang = listener_.opened[1];
  EXPECT_EQ(hang.kind, EventKind::hang);
  EXPECT_GE(hang.lasted, seconds(10));
  ASSERT_EQ(hang.in_flight.size(), 2U);
  EXPECT_EQ(hang.in_flight[0].lba, 1U);
  EXPECT_EQ(hang.in_flight[0].file, "big");
  EXPECT_GE(hang.in_flight[0].age, seconds(10));
  EXPECT_EQ(hang.in_flight[1].lba, 2U);
  EXPECT_GE(hang.in_flight[1].age, seconds(8));
  EXPECT_LT(hang.in_flight[1].age, seconds(9));
  watch_->finish(now_);
  ASSERT_EQ(watch_->events().size(), 1U);
  EXPECT_EQ(watch_->events()[0].kind, EventKind::hang);
  EXPECT_EQ(count(EventKind::hang), 1U);
  EXPECT_EQ(count(EventKind::stall), 0U) << "an episode counts once";
}

TEST_F(WatchTest, AnEpisodeThatIsOpenAtTheEndIsAHang) {
  begin(5);
  pass(seconds(2));
  watch_->finish(now_);
  ASSERT_EQ(watch_->events().size(), 1U);
  EXPECT_EQ(watch_->events()[0].kind, EventKind::hang);
  EXPECT_EQ(watch_->events()[0].lasted, seconds(2));
  EXPECT_EQ(watch_->events()[0].in_flight.size(), 1U);
  EXPECT_FALSE(watch_->events()[0].evidence.empty());
}

TEST_F(WatchTest, WhatIsYoungAtTheEndIsNoEvent) {
  begin();
  pass(milliseconds(300));
  watch_->finish(now_);
  EXPECT_TRUE(watch_->events().empty());
}

TEST_F(WatchTest, AnOperationThatEveryOtherOvertakesIsAStall) {
  // Goal: an operation that the peer has lost shows although others complete all the time.
  const std::uint32_t lost = begin(4711);
  for (int i = 0; i < 200; ++i) {
    const std::uint32_t other = begin();
    pass(milliseconds(10));
    end(other);
  }
  ASSERT_EQ(listener_.opened.size(), 1U);
  EXPECT_EQ(listener_.opened[0].operation.lba, 4711U);
  end(lost);
  ASSERT_EQ(watch_->events().size(), 1U);
  EXPECT_EQ(watch_->events()[0].kind, EventKind::stall);
  EXPECT_EQ(watch_->events()[0].lasted, seconds(2));
}

TEST_F(WatchTest, ALongQueueThatMovesIsNoStall) {
  // Goal: depth alone is not the path's fault. Method: 64 in flight, answered in order, each 50 ms
  // after the one before, so that each is older than three seconds when it completes.
  std::vector<std::uint32_t> queue;
  for (int i = 0; i < 64; ++i) queue.push_back(begin());
  for (int i = 0; i < 200; ++i) {
    pass(milliseconds(50));
    end(queue.front());
    queue.erase(queue.begin());
    queue.push_back(begin());
  }
  EXPECT_TRUE(watch_->events().empty());
  EXPECT_GE(watch_->latency(OperationKind::write).max(), seconds(3));
}

TEST_F(WatchTest, AHiccupIsAGapFarFromTheUsual) {
  run(100, milliseconds(2));
  const Duration at = now_ - start;
  run(1, milliseconds(300));
  run(100, milliseconds(2));
  ASSERT_EQ(watch_->events().size(), 1U);
  const PathEvent event = watch_->events()[0];
  EXPECT_EQ(event.kind, EventKind::hiccup);
  EXPECT_EQ(event.at, at);
  EXPECT_EQ(event.lasted, milliseconds(300));
  EXPECT_TRUE(listener_.opened.empty()) << "it is known only when it is over";
  EXPECT_EQ(listener_.ended.size(), 1U);
}

TEST_F(WatchTest, AGapShortOfTenMediansIsNoHiccupOnASlowPath) {
  run(100, milliseconds(50));
  run(1, milliseconds(400));
  EXPECT_EQ(count(EventKind::hiccup), 0U);
  run(1, milliseconds(600));
  EXPECT_EQ(count(EventKind::hiccup), 1U);
}

TEST_F(WatchTest, NothingInFlightIsNoGap) {
  run(100, milliseconds(1));
  pass(seconds(30));
  run(100, milliseconds(1));
  watch_->finish(now_);
  EXPECT_TRUE(watch_->events().empty());
}

TEST_F(WatchTest, OurOwnPauseIsNotThePeersStall) {
  // Goal: our process is stopped for 3 s while the peer has long answered.
  run(100, milliseconds(1));
  const std::uint32_t slot = begin();
  pass(milliseconds(60));
  stop_ourselves(seconds(3));
  end(slot);
  run(100, milliseconds(1));
  watch_->finish(now_);
  ASSERT_EQ(watch_->events().size(), 1U);
  const PathEvent event = watch_->events()[0];
  EXPECT_EQ(event.kind, EventKind::local_pause);
  EXPECT_EQ(event.blame, "local");
  EXPECT_GE(event.lasted, milliseconds(2900));
  EXPECT_LE(event.lasted, seconds(3));
  EXPECT_LT(watch_->worst_gap(), milliseconds(150));
  EXPECT_LT(watch_->latency(OperationKind::write).max(), milliseconds(150));
}

TEST_F(WatchTest, OurOwnPauseIsSeenByTheCompletionThatComesBeforeTheTick) {
  const std::uint32_t slot = begin();
  now_ += seconds(3);  // No tick: the loop hands completions out before timers.
  end(slot);
  watch_->tick(now_);
  ASSERT_EQ(watch_->events().size(), 1U);
  EXPECT_EQ(watch_->events()[0].kind, EventKind::local_pause);
}

TEST_F(WatchTest, OurOwnPauseInsideAPeersStallIsTakenOffItAndShown) {
  const std::uint32_t slot = begin();
  pass(seconds(2));
  stop_ourselves(seconds(5));
  pass(seconds(1));
  end(slot);
  const std::vector<PathEvent> events = watch_->events();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, EventKind::local_pause);
  EXPECT_EQ(events[1].kind, EventKind::stall);
  EXPECT_GE(events[1].lasted, milliseconds(3000));
  EXPECT_LE(events[1].lasted, milliseconds(3100));
  EXPECT_GE(events[1].loop_late, milliseconds(4900));
}

TEST_F(WatchTest, APauseOfOursWithinTheToleranceIsTakenOffWithoutAnEvent) {
  const std::uint32_t slot = begin();
  for (int i = 0; i < 20; ++i) {
    pass(milliseconds(50));
    stop_ourselves(milliseconds(140));
  }
  end(slot);
  EXPECT_EQ(count(EventKind::local_pause), 0U);
  EXPECT_GT(watch_->worst_lateness(), milliseconds(80));
  EXPECT_LT(watch_->latency(OperationKind::write).max(), seconds(3));
}

TEST_F(WatchTest, AgeCountsFromWhenItWasDue) {
  const std::uint32_t slot =
      watch_->begin(OperationKind::read, 0, 512, 0, now_ - milliseconds(400), now_);
  pass(milliseconds(100));
  end(slot);
  EXPECT_EQ(watch_->latency(OperationKind::read).max(), milliseconds(500));
}

TEST_F(WatchTest, AFailureIsNoProgressAndNoLatency) {
  const std::uint32_t failing = begin();
  const std::uint32_t other = begin();
  pass(milliseconds(1500));
  end(failing, EIO);
  EXPECT_EQ(watch_->errors(), 1U);
  EXPECT_EQ(watch_->latency(OperationKind::write).count(), 0U);
  ASSERT_EQ(watch_->events().size(), 1U);
  EXPECT_TRUE(watch_->events()[0].open) << "nothing succeeded yet";
  end(other);
  EXPECT_FALSE(watch_->events()[0].open);
  EXPECT_EQ(watch_->events()[0].kind, EventKind::stall);
}

TEST_F(WatchTest, AStallThatOnlyAnErrorEndsIsAHang) {
  const std::uint32_t slot = begin();
  pass(seconds(3));
  end(slot, ECONNRESET);
  ASSERT_EQ(watch_->events().size(), 1U);
  EXPECT_EQ(watch_->events()[0].kind, EventKind::hang);
  EXPECT_EQ(watch_->events()[0].lasted, seconds(3));
}

TEST_F(WatchTest, WhatWeGiveUpOurselvesIsNeitherAnErrorNorALatency) {
  const std::uint32_t slot = begin();
  pass(milliseconds(100));
  end(slot, ECANCELED);
  watch_->finish(now_);
  EXPECT_EQ(watch_->errors(), 0U);
  EXPECT_EQ(watch_->latency(OperationKind::write).count(), 0U);
  EXPECT_TRUE(watch_->events().empty());
}

TEST_F(WatchTest, AnOutageNamesWhatWasInFlight) {
  const std::uint32_t slot = begin(9);
  pass(milliseconds(100));
  watch_->outage("the target closed the connection", now_);
  end(slot, ECONNRESET);
  watch_->finish(now_);
  ASSERT_EQ(watch_->events().size(), 1U);
  EXPECT_EQ(watch_->events()[0].kind, EventKind::outage);
  EXPECT_EQ(watch_->events()[0].evidence, "the target closed the connection");
  ASSERT_EQ(watch_->events()[0].in_flight.size(), 1U);
  EXPECT_EQ(watch_->events()[0].in_flight[0].lba, 9U);
}

TEST_F(WatchTest, TheOldestIsTheOneThatWasDueFirstWhateverCameFirst) {
  begin(1);
  pass(milliseconds(10));
  const std::uint32_t late = watch_->begin(OperationKind::write, 2, 512, 0, start - milliseconds(1), now_);
  begin(3);
  std::vector<InFlightOperation> all = watch_->in_flight();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].lba, 2U);
  EXPECT_EQ(all[1].lba, 1U);
  EXPECT_EQ(all[2].lba, 3U);
  end(late);
  EXPECT_EQ(watch_->in_flight()[0].lba, 1U);
}

TEST_F(WatchTest, AFilesNameOutlivesItsTableWhileItsOperationIsInFlight) {
  const std::uint32_t slot = begin(0, watch_->name_file("kept"));
  for (int i = 0; i < 100'000; ++i) watch_->name_file("other");
  EXPECT_EQ(watch_->in_flight()[0].file, "kept");
  end(slot);
}

TEST_F(WatchTest, EventsAreBoundedAndCountedAllTheSame) {
  WatchOptions options;
  options.events_max = 3;
  make(options);
  run(100, milliseconds(1));
  for (int i = 0; i < 5; ++i) {
    run(1, milliseconds(200));
    run(20, milliseconds(1));
  }
  EXPECT_EQ(watch_->events().size(), 3U);
  EXPECT_EQ(watch_->events_dropped(), 2U);
  EXPECT_EQ(count(EventKind::hiccup), 5U);
}

TEST_F(WatchTest, TheTimelineHasEveryMoment) {
  run(300, milliseconds(5));  // 1.5 s
  const std::uint32_t slot = begin();
  pass(milliseconds(3000));
  end(slot);
  watch_->finish(now_);
  const std::vector<TimelineRow>& rows = watch_->timeline().rows();
  ASSERT_EQ(rows.size(), 226U) << "4.5 s in rows of 20 ms, and the one that the end has begun";
  std::uint64_t operations = 0;
  for (std::size_t i = 0; i < 76; ++i) operations += rows[i].operations;
  EXPECT_EQ(operations, 300U);
  EXPECT_EQ(rows[100].operations, 0U);
  EXPECT_EQ(rows[100].in_flight, 1U);
  EXPECT_EQ(rows[100].gap_max, milliseconds(520)) << "as it stood at the row's end, whenever we looked";
  EXPECT_EQ(rows[224].gap_max, milliseconds(3000));
  EXPECT_EQ(rows[225].operations, 1U);
  EXPECT_EQ(rows[225].bytes_written, 4096U);
  EXPECT_EQ(rows[225].gap_max, seconds(3));
  EXPECT_EQ(rows[225].latency_p50, seconds(3));
}

}  // namespace
}  // namespace holdfast::initiator
