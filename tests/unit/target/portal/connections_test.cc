// Sessions of several connections: how they join, take their turns, fail and end.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

#include "target/session/command_set.h"
#include "target/session/session.h"
#include "tests/support/raw_initiator.h"
#include "tests/support/test_target.h"

namespace holdfast::target {
namespace {

using namespace std::chrono_literals;
using iscsi::AsyncEvent;
using iscsi::LogoutReason;
using iscsi::LogoutResponseCode;

constexpr auto a_while = 100ms;

TargetConfig with_connections(std::uint32_t connections) {
  TargetConfig config;
  config.offered.max_connections = connections;
  return config;
}

class ConnectionsTest : public testing::Test {
 protected:
  static constexpr const char* several = "MaxConnections=8;InitialR2T=Yes;ImmediateData=No;";

  ConnectionsTest() {
    first_ = std::make_unique<RawInitiator>(target_.port(), RawInitiator::Login{.keys = several});
    first_->clear_unit_attention();
  }

  std::unique_ptr<RawInitiator> join(std::uint16_t cid) {
    RawInitiator::Login login{.keys = "MaxRecvDataSegmentLength=262144;", .tsih = first_->tsih, .cid = cid};
    login.cmd_sn = cmd_sn();
    return std::make_unique<RawInitiator>(target_.port(), login);
  }
  std::unique_ptr<RawInitiator> join_second() { return join(1); }

  /// The next CmdSN of the session.
  std::uint32_t cmd_sn() const { return first_->cmd_sn; }
  /// A command with the session's next CmdSN, to be sent on any connection.
  iscsi::ScsiCommandBhs unit_ready(std::uint32_t tag) { return first_->test_unit_ready(tag); }

  iscsi::LogoutRequestBhs logout(LogoutReason reason, std::uint16_t cid) {
    iscsi::LogoutRequestBhs request;
    request.flags = static_cast<std::uint8_t>(iscsi::final_bit | static_cast<int>(reason));
    request.initiator_task_tag = 0x10601;
    request.cid = cid;
    request.cmd_sn = cmd_sn();
    return request;
  }

  void hang_reads() { target_.inject({.kind = Fault::Kind::stick, .operation = StoreOperation::read}); }

  /// Takes a unit attention, and says which.
  std::string additional_sense(RawInitiator& initiator, std::uint32_t tag) {
    initiator.send(unit_ready(tag));
    const auto response = initiator.receive_as<iscsi::ScsiResponseBhs>();
    if (response.status != 2 || initiator.data().size() < 16) return "status " + std::to_string(response.status);
    return initiator.data().substr(2 + 12, 2);
  }

  TestTarget target_{{.config = with_connections(3)}};
  std::unique_ptr<RawInitiator> first_;
};

constexpr std::string_view some_commands_cleared = "\x47\x7f";

TEST_F(ConnectionsTest, CommandsAreAnsweredWhereTheyCame) {
  const auto second = join_second();
  EXPECT_EQ(second->tsih, first_->tsih);
  EXPECT_EQ(second->exp_cmd_sn, cmd_sn()) << "the login shows the session's window";
  const std::uint32_t first_stat_sn = first_->stat_sn;
  const std::uint32_t second_stat_sn = second->stat_sn;
  for (std::uint32_t tag = 1; tag <= 4; ++tag) {
    RawInitiator& one = tag % 2 == 0 ? *first_ : *second;
    one.send(unit_ready(tag));
    EXPECT_EQ(one.finish(tag), 0);
  }
  EXPECT_EQ(first_->stat_sn, first_stat_sn + 2) << "each connection counts for itself";
  EXPECT_EQ(second->stat_sn, second_stat_sn + 2);
  EXPECT_EQ(second->exp_cmd_sn, first_->exp_cmd_sn - 1) << "one was answered after" << "and all of them show one window";
}

TEST_F(ConnectionsTest, DataGoesByTheConnectionOfItsCommand) {
  const auto second = join_second();
  second->send(first_->write10(1, 7, 8));
  const auto r2t = second->receive_as<iscsi::R2tBhs>();
  iscsi::DataOutBhs stray;
  stray.flags = iscsi::final_bit;
  stray.initiator_task_tag = r2t.initiator_task_tag;
  stray.target_transfer_tag = r2t.target_transfer_tag;
  first_->send(stray, std::string(4096, 'x'));
  EXPECT_EQ(first_->receive_as<iscsi::RejectBhs>().reason, iscsi::RejectReason::protocol_error);
  second->answer(r2t, std::string(4096, 'd'));
  EXPECT_EQ(second->finish(1), 0);
  EXPECT_EQ(first_->read(2, 7, 8), std::string(4096, 'd'));
}

TEST_F(ConnectionsTest, CommandsWaitForTheirTurnAcrossConnections) {
  const auto second = join_second();
  const auto third = join(2);
  const auto earliest = unit_ready(1);
  const auto middle = unit_ready(2);
  third->send(unit_ready(3));
  second->send(middle);
  EXPECT_FALSE(third->receive_if_any(a_while));
  EXPECT_FALSE(second->receive_if_any(a_while));
  first_->send(earliest);
  EXPECT_EQ(first_->finish(1), 0);
  EXPECT_EQ(second->finish(2), 0);
  EXPECT_EQ(third->finish(3), 0);
}

TEST_F(ConnectionsTest, ACommandThatNobodyCanBringEndsTheSession) {
  const auto second = join_second();
  unit_ready(1);  // Its CmdSN is never sent.
  second->send(unit_ready(2));
  EXPECT_FALSE(second->receive_if_any(a_while)) << "the other connection may bring it";
  first_->send(unit_ready(3));
  EXPECT_TRUE(first_->is_closed());
  EXPECT_TRUE(second->is_closed());
}

TEST_F(ConnectionsTest, ACommandThatALostConnectionOwedEndsTheSession) {
  const auto second = join_second();
  unit_ready(1);
  second->send(unit_ready(2));
  EXPECT_FALSE(second->receive_if_any(a_while));
  first_->close();
  EXPECT_TRUE(second->is_closed());
}

TEST_F(ConnectionsTest, AnAbortedCmdSnLetsTheOthersOn) {
  const auto second = join_second();
  const auto never_sent = unit_ready(1);
  second->send(unit_ready(2));
  EXPECT_FALSE(second->receive_if_any(a_while));
  iscsi::TaskManagementRequestBhs abort;
  abort.flags = static_cast<std::uint8_t>(iscsi::final_bit | static_cast<int>(iscsi::TaskManagementFunction::abort_task));
  abort.initiator_task_tag = 9;
  abort.referenced_task_tag = 1;
  abort.ref_cmd_sn = never_sent.cmd_sn;
  abort.cmd_sn = cmd_sn();
  first_->send(abort);
  EXPECT_EQ(first_->receive_as<iscsi::TaskManagementResponseBhs>().response,
            iscsi::TaskManagementResponseCode::function_complete);
  EXPECT_EQ(second->finish(2), 0);
}

TEST_F(ConnectionsTest, ATaskIsAbortedFromAnotherConnection) {
  const auto second = join_second();
  hang_reads();
  first_->send(first_->read10(1, 0, 8));
  target_.wait_for_hanging(1);
  iscsi::TaskManagementRequestBhs abort;
  abort.flags = static_cast<std::uint8_t>(iscsi::final_bit | static_cast<int>(iscsi::TaskManagementFunction::abort_task));
  abort.initiator_task_tag = 9;
  abort.referenced_task_tag = 1;
  abort.cmd_sn = cmd_sn();
  second->send(abort);
  EXPECT_FALSE(second->receive_if_any(a_while)) << "it may still touch the medium";
  target_.heal();
  EXPECT_EQ(second->receive_as<iscsi::TaskManagementResponseBhs>().response,
            iscsi::TaskManagementResponseCode::function_complete);
  EXPECT_FALSE(first_->receive_if_any(a_while)) << "an aborted command has no answer";
}

TEST_F(ConnectionsTest, AResetWaitsForTheCommandsThatWereSentBeforeIt) {
  const auto second = join_second();
  const auto before = unit_ready(1);
  iscsi::TaskManagementRequestBhs reset;
  reset.flags =
      static_cast<std::uint8_t>(iscsi::final_bit | static_cast<int>(iscsi::TaskManagementFunction::logical_unit_reset));
  reset.initiator_task_tag = 9;
  reset.cmd_sn = cmd_sn();
  second->send(reset);
  EXPECT_FALSE(second->receive_if_any(a_while));
  first_->send(before);
  EXPECT_EQ(second->receive_as<iscsi::TaskManagementResponseBhs>().response,
            iscsi::TaskManagementResponseCode::function_complete);
}

TEST_F(ConnectionsTest, ALostConnectionEndsItsCommandsAndNothingElse) {
  const auto second = join_second();
  hang_reads();
  second->send(first_->read10(1, 0, 8));
  target_.wait_for_hanging(1);
  second->close();
  const auto told = first_->receive_as<iscsi::AsyncMessageBhs>();
  EXPECT_EQ(told.event, AsyncEvent::connection_dropped);
  EXPECT_EQ(told.parameter1, 1u) << "its CID";
  EXPECT_EQ(told.parameter2, 2u) << "Time2Wait";
  EXPECT_EQ(told.parameter3, 0u) << "Time2Retain";
  first_->send(unit_ready(2));
  EXPECT_FALSE(first_->receive_if_any(a_while)) << "what came by the lost connection may still touch the medium";
  target_.heal();
  const auto response = first_->receive_as<iscsi::ScsiResponseBhs>();
  EXPECT_EQ(response.status, 2);
  EXPECT_EQ(first_->data().substr(2 + 12, 2), some_commands_cleared);
  first_->send(unit_ready(3));
  EXPECT_EQ(first_->finish(3), 0) << "told once";
}

TEST_F(ConnectionsTest, AConnectionThatIsLoggedInAnewTakesTheOldOnesPlace) {
  const auto second = join_second();
  hang_reads();
  second->send(first_->read10(1, 0, 8));
  target_.wait_for_hanging(1);
  const auto anew = join_second();
  EXPECT_TRUE(second->is_closed());
  anew->send(unit_ready(2));
  EXPECT_FALSE(anew->receive_if_any(a_while)) << "the old one's command may still touch the medium";
  target_.heal();
  anew->receive_as<iscsi::ScsiResponseBhs>();
  EXPECT_EQ(anew->data().substr(2 + 12, 2), some_commands_cleared);
  first_->send(unit_ready(3));
  EXPECT_EQ(first_->finish(3), 0);
}

TEST(ConnectionReinstatement, WorksForTheOnlyConnectionOfASession) {
  TestTarget target;
  RawInitiator before(target.port(), {});
  before.clear_unit_attention();
  RawInitiator after(target.port(), {.keys = "MaxRecvDataSegmentLength=262144;",
                                     .cmd_sn = before.cmd_sn, .tsih = before.tsih});
  EXPECT_EQ(after.tsih, before.tsih);
  EXPECT_TRUE(before.is_closed());
  after.send(after.test_unit_ready(1));
  EXPECT_EQ(after.finish(1), 0) << "it is the same session: no unit attention of a new one";
  EXPECT_THROW(RawInitiator(target.port(), {.keys = "MaxRecvDataSegmentLength=512;", .tsih = before.tsih, .cid = 1}),
               std::runtime_error)
      << "MaxConnections is 1";
}

TEST_F(ConnectionsTest, NoMoreConnectionsJoinThanWereAgreedOn) {
  const auto second = join_second();
  const auto third = join(2);
  try {
    join(3);
    FAIL() << "a fourth connection was let in";
  } catch (const std::runtime_error& refused) {
    EXPECT_STREQ(refused.what(), "the login was answered with status 518");  // 0206h
  }
  third->close();
  EXPECT_EQ(first_->receive_as<iscsi::AsyncMessageBhs>().event, AsyncEvent::connection_dropped);
  const auto instead = join(3);
  instead->send(unit_ready(1));
  EXPECT_EQ(instead->finish(1), 0);
}

TEST_F(ConnectionsTest, NobodyJoinsASessionThatIsNotHis) {
  const auto refused = [this](RawInitiator::Login login) {
    try {
      RawInitiator(target_.port(), login);
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
    return std::string("let in");
  };
  const std::string no_such_session = "the login was answered with status 522";  // 020ah
  const auto no_keys = "MaxRecvDataSegmentLength=512;";
  const auto tsih = first_->tsih;
  const auto wrong_tsih = static_cast<std::uint16_t>(tsih + 1);
  EXPECT_EQ(refused({.keys = no_keys, .tsih = wrong_tsih, .cid = 1}), no_such_session);
  EXPECT_EQ(refused({.keys = no_keys, .isid_tail = 2, .tsih = tsih, .cid = 1}), no_such_session);
  EXPECT_EQ(refused({.initiator = "iqn.2026-11.example:other", .keys = no_keys, .tsih = tsih, .cid = 1}),
            no_such_session);
  first_->send(unit_ready(1));
  EXPECT_EQ(first_->finish(1), 0);
}

TEST_F(ConnectionsTest, WhatTheLeadingLoginSettledIsNotSettledAgain) {
  RawInitiator second(target_.port(), {.keys = "MaxBurstLength=512;InitialR2T=No;MaxRecvDataSegmentLength=512;",
                                       .cmd_sn = cmd_sn(), .tsih = first_->tsih, .cid = 1});
  std::string answers = second.data();
  std::replace(answers.begin(), answers.end(), '\0', ';');
  EXPECT_NE(answers.find("MaxBurstLength=Irrelevant;"), std::string::npos) << answers;
  EXPECT_NE(answers.find("InitialR2T=Irrelevant;"), std::string::npos) << answers;
  second.send(first_->read10(1, 0, 2));
  EXPECT_EQ(second.receive_as<iscsi::DataInBhs>().data_segment_bytes, 512u) << "its own MaxRecvDataSegmentLength";
}

TEST_F(ConnectionsTest, ALogoutOfOneConnectionLeavesTheOthers) {
  const auto second = join_second();
  hang_reads();
  second->send(first_->read10(1, 0, 8));
  target_.wait_for_hanging(1);
  first_->send(logout(LogoutReason::close_connection, 1));
  EXPECT_TRUE(second->is_closed());
  EXPECT_FALSE(first_->receive_if_any(a_while)) << "its command may still touch the medium";
  target_.heal();
  EXPECT_EQ(first_->receive_as<iscsi::LogoutResponseBhs>().response, LogoutResponseCode::closed);
  EXPECT_EQ(additional_sense(*first_, 2), some_commands_cleared);
  first_->send(logout(LogoutReason::close_connection, 1));
  EXPECT_EQ(first_->receive_as<iscsi::LogoutResponseBhs>().response, LogoutResponseCode::cid_not_found);
  first_->send(logout(LogoutReason::remove_connection_for_recovery, 0));
  EXPECT_EQ(first_->receive_as<iscsi::LogoutResponseBhs>().response, LogoutResponseCode::recovery_not_supported);
}

TEST_F(ConnectionsTest, AConnectionLogsItselfOut) {
  const auto second = join_second();
  second->send(logout(LogoutReason::close_connection, 1));
  EXPECT_EQ(second->receive_as<iscsi::LogoutResponseBhs>().response, LogoutResponseCode::closed);
  EXPECT_TRUE(second->is_closed());
  first_->send(unit_ready(1));
  EXPECT_EQ(first_->finish(1), 0) << "no message and no unit attention: it was asked for, and had no commands";
  first_->send(logout(LogoutReason::close_connection, 0));
  EXPECT_EQ(first_->receive_as<iscsi::LogoutResponseBhs>().response, LogoutResponseCode::closed);
  EXPECT_TRUE(first_->is_closed());
}

TEST_F(ConnectionsTest, ALogoutOfTheSessionWaitsForEveryConnection) {
  const auto second = join_second();
  hang_reads();
  first_->send(first_->read10(1, 0, 8));
  target_.wait_for_hanging(1);
  second->send(logout(LogoutReason::close_session, 1));
  EXPECT_TRUE(first_->is_closed());
  EXPECT_FALSE(second->receive_if_any(a_while));
  target_.heal();
  EXPECT_EQ(second->receive_as<iscsi::LogoutResponseBhs>().response, LogoutResponseCode::closed);
  EXPECT_TRUE(second->is_closed());
}

TEST_F(ConnectionsTest, TheLeadingConnectionMayGoFirst) {
  const auto second = join_second();
  first_->close();
  EXPECT_EQ(second->receive_as<iscsi::AsyncMessageBhs>().event, AsyncEvent::connection_dropped);
  second->send(unit_ready(1));
  EXPECT_EQ(second->finish(1), 0);
}

TEST_F(ConnectionsTest, EveryConnectionIsAskedForItsLogout) {
  const auto second = join_second();
  target_.drain();
  EXPECT_EQ(first_->receive_as<iscsi::AsyncMessageBhs>().event, AsyncEvent::logout_requested);
  EXPECT_EQ(second->receive_as<iscsi::AsyncMessageBhs>().event, AsyncEvent::logout_requested);
  second->send(logout(LogoutReason::close_session, 0));
  EXPECT_EQ(second->receive_as<iscsi::LogoutResponseBhs>().response, LogoutResponseCode::closed);
  EXPECT_TRUE(first_->is_closed());
}

TEST_F(ConnectionsTest, AResetTakesAllConnectionsWithIt) {
  const auto second = join_second();
  iscsi::TaskManagementRequestBhs reset;
  reset.flags =
      static_cast<std::uint8_t>(iscsi::final_bit | static_cast<int>(iscsi::TaskManagementFunction::target_cold_reset));
  reset.initiator_task_tag = 9;
  reset.cmd_sn = cmd_sn();
  second->send(reset);
  EXPECT_EQ(second->receive_as<iscsi::TaskManagementResponseBhs>().response,
            iscsi::TaskManagementResponseCode::function_complete);
  EXPECT_TRUE(second->is_closed());
  EXPECT_TRUE(first_->is_closed());
}

TEST_F(ConnectionsTest, AllAreOnTheThreadOfTheFirst) {
  // The initiator may act on one connection on what it was told by another.
  const auto second = join(1);
  const auto third = join(2);
  third->send(unit_ready(100));
  third->receive();
  std::set<unsigned> threads;
  std::size_t connections = 0;
  target_.call([&] {
    target_.server().sessions().for_each([&](std::uint16_t, const Session& session) {
      for (const std::unique_ptr<Connection>& connection : session.connections()) {
        ++connections;
        threads.insert(connection->thread());
      }
    });
  });
  EXPECT_EQ(connections, 3u);
  EXPECT_EQ(threads.size(), 1u);
}

TEST_F(ConnectionsTest, ConnectionsComeAndGoUnderLoad) {
  // Goal: nothing is left of a connection however often one is lost, reinstated or logged out while
  // commands run on the others. The target's end checks that nothing is in flight.
  target_.inject({.kind = Fault::Kind::delay, .operation = StoreOperation::read, .delay = 2ms});
  for (int round = 0; round < 60; ++round) {
    const auto second = join_second();
    second->send(first_->read10(100, 0, 8));
    second->send(first_->read10(101, 8, 8));
    first_->send(first_->read10(102, 0, 8));
    if (round % 3 == 0) {
      second->reset();
    } else if (round % 3 == 1) {
      first_->send(logout(LogoutReason::close_connection, 1));
    } else {
      const auto anew = join_second();
      anew->send(unit_ready(103));
      while (anew->receive().header.initiator_task_tag != 103) {
      }
    }
    bool answered = false;
    while (!answered) {
      const auto pdu = first_->receive();
      answered = pdu.header.initiator_task_tag == 102;
    }
    while (first_->receive_if_any(5ms)) {
    }
  }
  std::string data;
  first_->send(first_->read10(104, 0, 8));
  if (first_->finish(104, &data) != 0) {
    first_->send(first_->read10(105, 0, 8));
    EXPECT_EQ(first_->finish(105, &data), 0);
  }
}

}  // namespace
}  // namespace holdfast::target
