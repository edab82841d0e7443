// How sessions begin, live beside each other and end.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>

#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "common/iscsi/framing.h"
#include "tests/support/raw_initiator.h"
#include "tests/support/test_target.h"

namespace holdfast::target {
namespace {

using namespace std::chrono_literals;

TEST(SessionLifetime, ANewLoginOfTheSameInitiatorPortTakesTheSessionOver) {
  // As Linux does after a lost connection: the same ISID, TSIH 0, and CmdSN going on.
  TestTarget target;
  RawInitiator before(target.port(), {});
  before.clear_unit_attention();
  RawInitiator after(target.port(), {.cmd_sn = 0x64});
  EXPECT_NE(after.tsih, before.tsih);
  EXPECT_EQ(after.exp_cmd_sn, 0x64u);
  EXPECT_TRUE(before.is_closed());
  after.clear_unit_attention();
  after.read(1, 0, 8);
}

TEST(SessionLifetime, OtherPortsOfTheSameInitiatorStay) {
  TestTarget target;
  RawInitiator one(target.port(), {.isid_tail = 1});
  RawInitiator two(target.port(), {.isid_tail = 2});
  one.clear_unit_attention();
  two.clear_unit_attention();
  one.read(1, 0, 8);
}

TEST(SessionLifetime, TheOldSessionsCommandsLeaveTheMediumBeforeTheNewOnesStart) {
  TestTarget target;
  target.inject({.kind = Fault::Kind::stick, .operation = StoreOperation::write, .times = 1});
  const char* invited = "InitialR2T=Yes;ImmediateData=No;";
  RawInitiator before(target.port(), {.keys = invited});
  before.clear_unit_attention();
  before.send(before.write10(1, 0, 1));
  before.answer(before.receive_as<iscsi::R2tBhs>(), std::string(512, 'o'));
  target.wait_for_hanging(1);

  RawInitiator after(target.port(), {.keys = invited});
  after.send(after.test_unit_ready(1));
  EXPECT_FALSE(after.receive_if_any(100ms)) << "the old WRITE may still land";
  iscsi::NopOutBhs ping;
  ping.opcode = {iscsi::Opcode::nop_out, true};
  ping.initiator_task_tag = 9;
  after.send(ping);
  after.receive_as<iscsi::NopInBhs>();  // It waits for a store, and is not dead.
  RawInitiator last(target.port(), {.keys = invited});
  EXPECT_TRUE(after.is_closed()) << "taken over in its turn, while it waited";
  last.send(last.test_unit_ready(1));
  EXPECT_FALSE(last.receive_if_any(100ms));
  target.heal();
  last.finish(1);
  last.send(last.write10(2, 0, 1));
  last.answer(last.receive_as<iscsi::R2tBhs>(), std::string(512, 'n'));
  EXPECT_EQ(last.finish(2), 0);
  EXPECT_EQ(last.read(3, 0, 1), std::string(512, 'n')) << "the newer WRITE is the last word";
}

TEST(SessionLifetime, MaxSessionsCountsSessionsButNotWhatTheyReplace) {
  TargetConfig config;
  config.max_sessions = 1;
  TestTarget target({.config = config});
  RawInitiator first(target.port(), {});
  EXPECT_THROW(RawInitiator(target.port(), {.isid_tail = 2}), std::runtime_error);
  RawInitiator again(target.port(), {});
  again.clear_unit_attention();
}

TEST(SessionLifetime, EndsHoweverThePeerGoes) {
  // Goal: nothing is left of a session whose peer vanishes at any point. Method: leave by closing
  // and by reset, between commands, in mid-write and with a hanging store; the target's end checks
  // that nothing is in flight.
  TestTarget target;
  for (bool reset : {false, true}) {
    for (int moment = 0; moment < 4; ++moment) {
      RawInitiator initiator(target.port(), {.keys = "InitialR2T=Yes;ImmediateData=No;"});
      initiator.clear_unit_attention();
      if (moment == 1) {
        initiator.send(initiator.write10(1, 0, 512));
        const auto r2t = initiator.receive_as<iscsi::R2tBhs>();
        iscsi::DataOutBhs header;
        header.initiator_task_tag = 1;
        header.target_transfer_tag = r2t.target_transfer_tag;
        header.data_segment_bytes = 8192;
        initiator.send_bytes({reinterpret_cast<const char*>(&header), sizeof header});
        initiator.send_bytes(std::string(100, 'x'));
      } else if (moment == 2) {
        target.inject({.kind = Fault::Kind::stick, .operation = StoreOperation::read});
        for (std::uint32_t tag = 0; tag < 8; ++tag) initiator.send(initiator.read10(tag, 0, 64));
        target.wait_for_hanging(8);
      } else if (moment == 3) {
        initiator.send_bytes(std::string(20, '\x01'));
      }
      if (reset)
        initiator.reset();
      else
        initiator.close();
      if (moment == 2) {
        std::this_thread::sleep_for(20ms);
        target.heal();
      }
    }
  }
}

TEST(SessionLifetime, APeerThatStopsReadingHoldsBackOnlyItself) {
  // Goal: a bound in memory, and no harm to others. Method: one session asks for far more than any
  // buffer holds and reads nothing; another works; then the first reads all that it asked for.
  TestTarget target;
  RawInitiator deaf(target.port(), {.isid_tail = 1});
  RawInitiator other(target.port(), {.isid_tail = 2});
  deaf.clear_unit_attention();
  other.clear_unit_attention();
  constexpr std::uint16_t blocks = 2048;
  std::uint32_t sent = 0;
  for (; deaf.cmd_sn != deaf.max_cmd_sn + 1; ++sent) deaf.send(deaf.read10(sent, 0, blocks));
  for (int round = 0; round < 20; ++round) EXPECT_EQ(other.read(1, 0, 64).size(), 64u * 512);
  for (std::uint32_t tag = 0; tag < sent; ++tag) {
    std::string data;
    EXPECT_EQ(deaf.finish(tag, &data), 0);
    EXPECT_EQ(data.size(), blocks * 512u);
  }
}

TEST(SessionLifetime, APingerThatDoesNotReadIsMadeToWait) {
  // Its pings are not answered without end into our memory: when enough answers wait for it,
  // nothing more is read, and its own sends stop.
  TestTarget target;
  RawInitiator deaf(target.port(), {});
  iscsi::NopOutBhs ping;
  ping.opcode = {iscsi::Opcode::nop_out, true};
  ping.initiator_task_tag = 1;
  const std::string data(8192, 'p');
  std::atomic<std::uint32_t> sent = 0;
  std::thread sender([&] {
    for (; sent < 20'000; ++sent) deaf.send(ping, data);
  });
  std::uint32_t before = 1;
  while (before != sent) {  // until it comes no further
    before = sent;
    std::this_thread::sleep_for(300ms);
  }
  EXPECT_LT(sent, 20'000u) << "160 MB of answers cannot all be waiting";
  RawInitiator other(target.port(), {.isid_tail = 2});
  other.clear_unit_attention();
  other.read(1, 0, 8);
  for (std::uint32_t i = 0; i < 20'000; ++i) deaf.receive_as<iscsi::NopInBhs>();
  sender.join();
}

TEST(SessionLifetime, SilentPeersArePingedAndDroppedWithoutAnAnswer) {
  TargetConfig config;
  config.nop_interval = 1;
  config.nop_timeout = 1;
  TestTarget target({.config = config});
  RawInitiator answers(target.port(), {.isid_tail = 1});
  RawInitiator silent(target.port(), {.isid_tail = 2});
  answers.clear_unit_attention();
  for (int round = 0; round < 2; ++round) {
    const auto ping = answers.receive_as<iscsi::NopInBhs>();
    EXPECT_EQ(ping.initiator_task_tag, iscsi::reserved_tag);
    EXPECT_NE(ping.target_transfer_tag, iscsi::reserved_tag);
    EXPECT_EQ(ping.stat_sn, answers.stat_sn + 1) << "it shows the next number and takes none";
    iscsi::NopOutBhs pong;
    pong.opcode = {iscsi::Opcode::nop_out, true};
    pong.target_transfer_tag = ping.target_transfer_tag;
    pong.cmd_sn = answers.cmd_sn;
    answers.send(pong);
  }
  EXPECT_TRUE(silent.is_closed()) << "it was pinged and did not answer";
  answers.read(1, 0, 8);
}

TEST(SessionLifetime, DrainingAsksForLogoutAndServesUntilThen) {
  TestTarget target;
  RawInitiator initiator(target.port(), {});
  initiator.clear_unit_attention();
  target.drain();
  const auto asked = initiator.receive_as<iscsi::AsyncMessageBhs>();
  EXPECT_EQ(asked.event, iscsi::AsyncEvent::logout_requested);
  EXPECT_EQ(asked.parameter3, 3u) << "the seconds that it has";
  EXPECT_EQ(asked.stat_sn, initiator.stat_sn + 1) << "it takes a StatSN";
  initiator.read(1, 0, 8);
  iscsi::LogoutRequestBhs logout;
  logout.cmd_sn = initiator.cmd_sn;
  const auto begin = std::chrono::steady_clock::now();
  initiator.send(logout);
  EXPECT_EQ(initiator.receive_as<iscsi::LogoutResponseBhs>().response, iscsi::LogoutResponseCode::closed);
  EXPECT_TRUE(initiator.is_closed());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 8s) << "a peer that does not close has 4 s, and not all that draining may take";
}

TEST(SessionLifetime, DrainingEndsTheSessionsThatDoNotLogOut) {
  TestTarget target;
  target.inject({.kind = Fault::Kind::delay, .operation = StoreOperation::read, .delay = 3500ms});
  RawInitiator busy(target.port(), {.keys = "DefaultTime2Wait=7;", .isid_tail = 1});
  RawInitiator idle(target.port(), {.isid_tail = 2});
  RawInitiator half_open(target.port());
  busy.clear_unit_attention();
  target.drain();
  EXPECT_TRUE(half_open.is_closed());
  EXPECT_THROW(RawInitiator(target.port(), {.isid_tail = 3}), std::runtime_error);
  EXPECT_EQ(busy.receive_as<iscsi::AsyncMessageBhs>().event, iscsi::AsyncEvent::logout_requested);
  EXPECT_EQ(idle.receive_as<iscsi::AsyncMessageBhs>().event, iscsi::AsyncEvent::logout_requested);
  busy.send(busy.read10(1, 0, 8));
  const auto dropped = idle.receive_as<iscsi::AsyncMessageBhs>();
  EXPECT_EQ(dropped.event, iscsi::AsyncEvent::all_connections_dropped);
  EXPECT_TRUE(idle.is_closed());
  EXPECT_EQ(busy.finish(1), 0) << "what was under way is answered";
  const auto farewell = busy.receive_as<iscsi::AsyncMessageBhs>();
  EXPECT_EQ(farewell.event, iscsi::AsyncEvent::all_connections_dropped);
  EXPECT_EQ(farewell.parameter2, 7u) << "Time2Wait as negotiated";
  EXPECT_EQ(farewell.parameter3, 0u) << "Time2Retain";
  EXPECT_TRUE(busy.is_closed());
}

TEST(SessionLifetime, AThousandConnectionsAreNoticedByNobody) {
  TestTarget target;
  RawInitiator established(target.port(), {});
  established.clear_unit_attention();
  std::vector<std::unique_ptr<RawInitiator>> crowd;
  for (int i = 0; i < 1000; ++i) {
    crowd.push_back(std::make_unique<RawInitiator>(target.port()));
    if (i % 100 == 0) established.read(1, 0, 64);
  }
  RawInitiator newcomer(target.port(), {.isid_tail = 2});
  newcomer.clear_unit_attention();
  EXPECT_TRUE(crowd.front()->is_closed()) << "who sat longest in the doorway went for the others";
}

TEST(SessionLifetime, BentPdusHarmNobodyElse) {
  // Goal: no bytes in the full feature phase end anything but their own session. Method: good PDUs
  // with random bits turned over; between them, another session works.
  constexpr std::uint32_t seed = 20'261'122;
  std::mt19937 random(seed);
  TestTarget target;
  RawInitiator neighbour(target.port(), {.isid_tail = 1});
  neighbour.clear_unit_attention();
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE("seed " + std::to_string(seed) + ", round " + std::to_string(round));
    RawInitiator bent(target.port(), {.isid_tail = 2});
    try {
      for (int i = 0; i < 8; ++i) {
        iscsi::GenericBhs header;
        std::string data;
        switch (random() % 5) {
          case 0: header = iscsi::as<iscsi::GenericBhs>(bent.read10(random() % 4, 0, 8)); break;
          case 1:
            header = iscsi::as<iscsi::GenericBhs>(bent.write10(random() % 4, 0, 8));
            data = std::string(random() % 4096, 'w');
            break;
          case 2:
            header = iscsi::as<iscsi::GenericBhs>(iscsi::DataOutBhs{});
            header.initiator_task_tag = random() % 4;
            data = std::string(random() % 4096, 'd');
            break;
          case 3: header = iscsi::as<iscsi::GenericBhs>(iscsi::TaskManagementRequestBhs{}); break;
          default: header = iscsi::as<iscsi::GenericBhs>(iscsi::TextRequestBhs{}); break;
        }
        header.data_segment_bytes = static_cast<std::uint32_t>(data.size());
        iscsi::HeaderBytes bytes = iscsi::to_bytes(header);
        for (std::uint32_t bits = random() % 4; bits > 0; --bits)
          bytes[random() % bytes.size()] ^= std::byte(1U << random() % 8);
        bent.send_bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        bent.send_bytes(data + std::string(iscsi::padding_of(header.data_segment_bytes), '\0'));
      }
    } catch (const std::runtime_error&) {
      // It was closed: an answer like any other.
    }
    if (round % 30 == 0) neighbour.read(1, 0, 8);
  }
  neighbour.read(1, 0, 8);
}

}  // namespace
}  // namespace holdfast::target
