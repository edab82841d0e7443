// What is kept of commands' times: by the unit, of each; by the flight recorder, of the slow ones, and
// of those that are still stuck, with the stage in which they are.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "common/iscsi/clock_ping.h"
#include "target/session/flight_recorder.h"
#include "target/session/session.h"
#include "tests/support/raw_initiator.h"
#include "tests/support/test_target.h"

namespace holdfast::target {
namespace {

using namespace std::chrono_literals;

class StagesTest : public testing::Test {
 protected:
  static constexpr Duration limit = 50ms;

  StagesTest() { set_limit(limit); }

  void set_limit(Duration to) {
    target_.call([&] { target_.server().recorder().set_limit(to); });
  }
  UnitStatistics::OfKind statistics(CommandKind kind) {
    UnitStatistics::OfKind copy;
    target_.call([&] {
      const UnitStatistics::OfKind* of = target_.unit(0).statistics().of(kind);
      if (of != nullptr) copy = *of;
    });
    return copy;
  }
  std::uint64_t in_flight() {
    std::uint64_t count = 0;
    target_.call([&] { count = target_.unit(0).statistics().in_flight(); });
    return count;
  }
  std::vector<SlowCommand> slow() {
    std::vector<SlowCommand> all;
    target_.call([&] {
      const auto& commands = target_.server().recorder().commands();
      all.assign(commands.begin(), commands.end());
    });
    return all;
  }
  std::vector<SlowCommand> stuck() {
    std::vector<SlowCommand> all;
    target_.call([&] {
      target_.server().sessions().visit_from(0, [&](std::uint16_t, const Session& session) {
        for (const auto& connection : session.connections())
          for (SlowCommand& one : connection->stages().stuck()) all.push_back(std::move(one));
        return true;
      });
    });
    return all;
  }
  /// Asks until as many are stuck in that stage.
  std::vector<SlowCommand> wait_for_stuck(std::size_t count, CommandStage stage) {
    for (int attempt = 0; attempt < 4000; ++attempt) {
      std::vector<SlowCommand> all = stuck();
      if (all.size() == count && all.front().stage == stage) return all;
      std::this_thread::sleep_for(5ms);
    }
    ADD_FAILURE() << "nothing is stuck in that stage";
    return {};
  }

  /// The target has noticed that the connections are gone.
  void wait_until_nobody_is_served() {
    for (int attempt = 0; attempt < 4000; ++attempt) {
      bool running = false;
      target_.call([&] {
        target_.server().sessions().for_each([&](std::uint16_t, const Session& session) {
          for (const std::unique_ptr<Connection>& connection : session.connections()) running |= connection->is_running();
        });
      });
      if (!running) return;
      std::this_thread::sleep_for(5ms);
    }
    ADD_FAILURE() << "somebody is served still";
  }

  TestTarget target_;
};

TEST_F(StagesTest, AUnitCountsAndTimesItsCommandsByKind) {
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  initiator.read(2, 0, 8);
  initiator.send(initiator.write10(3, 0, 1), std::string(512, 'w'));
  EXPECT_EQ(initiator.finish(3), 0);
  initiator.send(initiator.read10(4, 0xffff'ff00, 1));
  EXPECT_NE(initiator.finish(4), 0);
  initiator.send(initiator.test_unit_ready(5));
  EXPECT_EQ(initiator.finish(5), 0);
  // It may have its answer before the kernel has told us so; a second one comes after that.
  initiator.send(initiator.test_unit_ready(6));
  EXPECT_EQ(initiator.finish(6), 0);

  const UnitStatistics::OfKind reads = statistics(CommandKind::read);
  EXPECT_EQ(reads.of(StageSpan::whole).count(), 1u);
  EXPECT_EQ(reads.of(StageSpan::store).count(), 1u);
  EXPECT_EQ(reads.bytes, 4096u);
  EXPECT_EQ(reads.failed, 0u);
  const UnitStatistics::OfKind writes = statistics(CommandKind::write);
  EXPECT_EQ(writes.of(StageSpan::whole).count(), 1u);
  EXPECT_EQ(writes.bytes, 512u);
  const UnitStatistics::OfKind others = statistics(CommandKind::other);
  EXPECT_GE(others.of(StageSpan::whole).count(), 3u);
  EXPECT_GE(others.failed, 2u) << "the unit attention, and the block that is not there";
  EXPECT_LE(in_flight(), 1u);
}

TEST_F(StagesTest, ASlowStoreShowsInItsStageAndInTheRecorder) {
  target_.inject({.kind = Fault::Kind::delay, .operation = StoreOperation::read, .delay = 200ms});
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  const auto command = initiator.read10(0x1234, 24, 8);
  initiator.send(command);
  EXPECT_EQ(initiator.finish(0x1234), 0);
  initiator.send(initiator.test_unit_ready(2));
  EXPECT_EQ(initiator.finish(2), 0);

  const UnitStatistics::OfKind reads = statistics(CommandKind::read);
  EXPECT_GE(reads.of(StageSpan::store).max(), 200ms);
  EXPECT_LT(reads.of(StageSpan::gather).max() + reads.of(StageSpan::wait).max(), reads.of(StageSpan::store).max());
  const std::vector<SlowCommand> all = slow();
  ASSERT_EQ(all.size(), 1u);
  const SlowCommand& one = all[0];
  EXPECT_EQ(one.stage, CommandStage::over);
  EXPECT_EQ(one.facts.tag, 0x1234u);
  EXPECT_EQ(one.facts.cmd_sn, command.cmd_sn);
  EXPECT_TRUE(std::ranges::equal(scsi::shown_bytes(one.facts.cdb), command.cdb));
  EXPECT_GE(one.facts.times.store_done - one.facts.times.store_started, 200ms);
  EXPECT_EQ(one.facts.stat_sn, initiator.stat_sn - 1);
  ASSERT_TRUE(one.tcp);
  EXPECT_TRUE(one.tcp->state.known);
  EXPECT_LT(one.tcp->at, one.facts.times.store_done) << "it was looked at when it was overdue, and not at its end";
  EXPECT_EQ(one.connection->initiator, "iqn.2026-11.example.raw:initiator");
  EXPECT_EQ(one.connection->tsih, initiator.tsih);
  EXPECT_TRUE(stuck().empty());
}

TEST_F(StagesTest, WhatIsStuckIsTold) {
  target_.inject({.kind = Fault::Kind::stick, .operation = StoreOperation::write});
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  initiator.send(initiator.write10(7, 8, 1), std::string(512, 'w'));
  target_.wait_for_hanging(1);
  const std::vector<SlowCommand> in_store = wait_for_stuck(1, CommandStage::store);
  ASSERT_EQ(in_store.size(), 1u);
  EXPECT_EQ(in_store[0].facts.tag, 7u);
  EXPECT_EQ(in_store[0].facts.data_out_received, 512u);
  ASSERT_TRUE(in_store[0].tcp);
  EXPECT_EQ(in_store[0].tcp->state.in_queue, 0u);
  EXPECT_TRUE(slow().empty()) << "it is not over";

  // An ordered one has to wait for the other.
  auto ordered = initiator.write10(8, 16, 1);
  ordered.flags = static_cast<std::uint8_t>((ordered.flags & ~iscsi::ScsiCommandBhs::attribute_mask) | 2);
  initiator.send(ordered, std::string(512, 'x'));
  for (int attempt = 0; attempt < 4000 && stuck().size() < 2; ++attempt) std::this_thread::sleep_for(5ms);
  std::vector<SlowCommand> both = stuck();
  ASSERT_EQ(both.size(), 2u);
  EXPECT_TRUE(both[0].stage == CommandStage::turn || both[1].stage == CommandStage::turn);
  target_.heal();
  EXPECT_EQ(initiator.finish(7), 0);
  EXPECT_EQ(initiator.finish(8), 0);
  initiator.send(initiator.test_unit_ready(9));
  EXPECT_EQ(initiator.finish(9), 0);
  EXPECT_EQ(slow().size(), 2u);
}

TEST_F(StagesTest, DataThatDoesNotComeIsTheStage) {
  RawInitiator initiator(target_.port(), {.keys = "InitialR2T=Yes;ImmediateData=No;"});
  initiator.clear_unit_attention();
  initiator.send(initiator.write10(7, 0, 8));
  const auto r2t = initiator.receive_as<iscsi::R2tBhs>();
  const std::vector<SlowCommand> waiting = wait_for_stuck(1, CommandStage::data);
  ASSERT_EQ(waiting.size(), 1u);
  EXPECT_EQ(waiting[0].facts.r2ts_sent, 1u);
  EXPECT_EQ(waiting[0].facts.r2ts_open, 1u);
  EXPECT_EQ(waiting[0].facts.data_out_received, 0u);
  EXPECT_EQ(waiting[0].facts.data_out_wanted, 4096u);
  initiator.answer(r2t, std::string(4096, 'w'));
  EXPECT_EQ(initiator.finish(7), 0);
  initiator.send(initiator.test_unit_ready(9));
  EXPECT_EQ(initiator.finish(9), 0);
  EXPECT_GE(statistics(CommandKind::write).of(StageSpan::gather).max(), limit);
}

TEST_F(StagesTest, WhatTheInitiatorDoesNotReadIsStuckInTheSending) {
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  // More than both sockets hold.
  for (std::uint32_t tag = 0; tag < 24; ++tag) initiator.send(initiator.read10(100 + tag, 0, 2048));
  for (int attempt = 0; attempt < 4000; ++attempt) {
    bool sending = false;
    for (const SlowCommand& one : stuck())
      if (one.stage == CommandStage::sending && one.tcp->state.out_queue > 0) sending = true;
    if (sending) break;
    ASSERT_LT(attempt, 3999) << "nothing is stuck in the sending";
    std::this_thread::sleep_for(5ms);
  }
  for (std::uint32_t tag = 0; tag < 24; ++tag) EXPECT_EQ(initiator.finish(100 + tag), 0);
}

TEST_F(StagesTest, AnswersThatWereOnTheirWayWhenTheConnectionEndedAreKept) {
  set_limit(1h);
  {
    RawInitiator initiator(target_.port(), {});
    initiator.clear_unit_attention();
    for (std::uint32_t tag = 0; tag < 24; ++tag) initiator.send(initiator.read10(100 + tag, 0, 2048));
    std::this_thread::sleep_for(300ms);
  }
  std::vector<SlowCommand> all;
  for (int attempt = 0; attempt < 4000 && all.empty(); ++attempt) {
    std::this_thread::sleep_for(5ms);
    all = slow();
  }
  ASSERT_FALSE(all.empty()) << "who was owed these answers is forgotten";
  const auto is = [](CommandStage stage) { return [stage](const SlowCommand& one) { return one.stage == stage; }; };
  EXPECT_TRUE(std::ranges::any_of(all, is(CommandStage::sending)) ||
              std::ranges::any_of(all, is(CommandStage::unacknowledged)));
  EXPECT_FALSE(std::ranges::any_of(all, is(CommandStage::over)));
}

TEST_F(StagesTest, WhatWasAbortedIsCountedAsThat) {
  target_.inject({.kind = Fault::Kind::stick, .operation = StoreOperation::read});
  {
    RawInitiator initiator(target_.port(), {});
    initiator.clear_unit_attention();
    initiator.send(initiator.read10(7, 0, 1));
    target_.wait_for_hanging(1);
    std::this_thread::sleep_for(limit);
  }
  wait_until_nobody_is_served();
  target_.heal();
  for (int attempt = 0; attempt < 4000 && in_flight() > 0; ++attempt) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(statistics(CommandKind::read).aborted, 1u);
  const std::vector<SlowCommand> all = slow();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_TRUE(all[0].facts.aborted);
  EXPECT_EQ(all[0].facts.times.sent, Instant{});
}

TEST_F(StagesTest, SilenceAndClockPingsAreRemembered) {
  {
    RawInitiator initiator(target_.port(), {});
    initiator.clear_unit_attention();
    iscsi::NopOutBhs nop;
    nop.opcode = {iscsi::Opcode::nop_out, true};
    nop.initiator_task_tag = 1;
    nop.cmd_sn = initiator.cmd_sn;
    const auto first = iscsi::encode({.number = 1, .sent = Instant(1000s)});
    initiator.send(nop, {reinterpret_cast<const char*>(first.data()), first.size()});
    initiator.receive_as<iscsi::NopInBhs>();
    EXPECT_EQ(initiator.data(), std::string(reinterpret_cast<const char*>(first.data()), first.size()));
    std::this_thread::sleep_for(2 * limit);
    const auto second = iscsi::encode(
        {.number = 2, .sent = Instant(1001s), .answered_number = 1, .answered = Instant(1000s + 1ms)});
    initiator.send(nop, {reinterpret_cast<const char*>(second.data()), second.size()});
    initiator.receive_as<iscsi::NopInBhs>();
  }
  std::shared_ptr<const ConnectionTrace> trace;
  for (int attempt = 0; attempt < 4000 && trace == nullptr; ++attempt) {
    std::this_thread::sleep_for(5ms);
    target_.call([&] {
      const auto& ended = target_.server().recorder().ended();
      if (!ended.empty()) trace = ended.front();
    });
  }
  ASSERT_NE(trace, nullptr) << "of a connection that ended, something is left";
  EXPECT_NE(trace->ended, Instant{});
  ASSERT_EQ(trace->clock.rounds().size(), 1u);
  EXPECT_EQ(trace->clock.rounds()[0].trip(), 1ms);
  EXPECT_EQ(trace->clock.open().size(), 1u);
  ASSERT_GE(trace->silences.size(), 1u);
  const ConnectionTrace::Silence& silence = trace->silences.back();
  EXPECT_GE(silence.to - silence.from, limit);
}

TEST_F(StagesTest, WithoutALimitNothingIsTimed) {
  set_limit(Duration(0));
  target_.inject({.kind = Fault::Kind::delay, .operation = StoreOperation::read, .delay = 100ms});
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  initiator.read(2, 0, 8);
  EXPECT_EQ(statistics(CommandKind::read).of(StageSpan::whole).count(), 0u);
  EXPECT_TRUE(slow().empty());
  // It can be turned on while commands run; those are told that begin from then on.
  initiator.send(initiator.read10(3, 0, 1));
  target_.wait_for_struck(2);
  set_limit(10ms);
  EXPECT_EQ(initiator.finish(3), 0);
  initiator.read(4, 0, 8);
  initiator.send(initiator.test_unit_ready(5));
  EXPECT_EQ(initiator.finish(5), 0);
  EXPECT_EQ(statistics(CommandKind::read).of(StageSpan::whole).count(), 1u);
  EXPECT_EQ(slow().size(), 1u);
}

TEST_F(StagesTest, APauseOfOurOwnIsToldFromASlowStore) {
  target_.inject({.kind = Fault::Kind::delay, .operation = StoreOperation::read, .delay = 20ms});
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  initiator.send(initiator.read10(7, 0, 1));
  target_.wait_for_struck(1);
  target_.call([] { std::this_thread::sleep_for(500ms); });
  EXPECT_EQ(initiator.finish(7), 0);
  initiator.send(initiator.test_unit_ready(9));
  EXPECT_EQ(initiator.finish(9), 0);
  const std::vector<SlowCommand> all = slow();
  ASSERT_GE(all.size(), 1u);
  Duration paused{};
  target_.call([&] {
    paused = target_.server().recorder().paused(all[0].facts.times.received, all[0].until);
  });
  EXPECT_GE(paused, 300ms) << "but for what passed before somebody was to look";
  EXPECT_LE(paused, all[0].until - all[0].facts.times.received);
}

TEST(FlightRecorder, KeepsTheLast) {
  const std::unique_ptr<Loop> loop = Loop::create().value();
  FlightRecorder recorder(*loop);
  for (std::uint32_t tag = 0; tag < 1000; ++tag) {
    SlowCommand command;
    command.facts.tag = tag;
    recorder.add(command);
    recorder.connection_ended(nullptr);
  }
  EXPECT_EQ(recorder.commands().size(), FlightRecorder::commands_max);
  EXPECT_EQ(recorder.commands().back().facts.tag, 999u);
  EXPECT_EQ(recorder.commands().back().serial, 1000u);
  EXPECT_EQ(recorder.commands_added(), 1000u);
  EXPECT_EQ(recorder.ended().size(), FlightRecorder::connections_max);
}

}  // namespace
}  // namespace holdfast::target
