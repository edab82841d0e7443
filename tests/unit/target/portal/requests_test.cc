// The full feature phase's requests but for data and task management, on the wire: numbers, pings,
// text, logout, and what is refused.

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "target/session/command_set.h"
#include "tests/support/raw_initiator.h"
#include "tests/support/test_target.h"

namespace holdfast::target {
namespace {

using namespace std::chrono_literals;
using iscsi::Opcode;
using iscsi::RejectReason;

class RequestsTest : public testing::Test {
 protected:
  /// A Reject for that reason, with `header` in it.
  template <iscsi::Bhs T>
  void expect_reject(RawInitiator& initiator, RejectReason reason, const T& header) {
    const auto reject = initiator.receive_as<iscsi::RejectBhs>();
    EXPECT_EQ(reject.reason, reason);
    ASSERT_EQ(initiator.data().size(), iscsi::bhs_bytes);
    EXPECT_EQ(std::memcmp(initiator.data().data(), &header, iscsi::bhs_bytes), 0)
        << "the refused header comes back";
  }

  iscsi::NopOutBhs ping(RawInitiator& initiator, std::uint32_t tag) {
    iscsi::NopOutBhs request;
    request.opcode = {Opcode::nop_out, true};
    request.initiator_task_tag = tag;
    request.cmd_sn = initiator.cmd_sn;
    return request;
  }

  static void send_with_ahs(RawInitiator& initiator, iscsi::ScsiCommandBhs& command,
                            const std::vector<std::uint8_t>& ahs) {
    command.ahs_words = static_cast<std::uint8_t>(ahs.size() / 4);
    initiator.send_bytes({reinterpret_cast<const char*>(&command), sizeof command});
    initiator.send_bytes({reinterpret_cast<const char*>(ahs.data()), ahs.size()});
  }
  void expect_reject_with_ahs(RawInitiator& initiator, iscsi::ScsiCommandBhs command,
                              const std::vector<std::uint8_t>& ahs, RejectReason reason) {
    send_with_ahs(initiator, command, ahs);
    expect_reject(initiator, reason, command);
  }
  /// The header of WRITE SAME(32); LBA and NUMBER OF LOGICAL BLOCKS come in its AHS.
  static iscsi::ScsiCommandBhs write_same_32(RawInitiator& initiator, std::uint32_t tag) {
    return initiator.command(tag, {0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0, 0x0d},
                             iscsi::final_bit | iscsi::ScsiCommandBhs::write_bit, 512);
  }
  static std::vector<std::uint8_t> rest_of_write_same(std::uint8_t lba, std::uint8_t blocks) {
    std::vector<std::uint8_t> ahs{0, 17, 1, 0};
    ahs.resize(20);
    ahs[4 + 3] = lba;
    ahs[4 + 15] = blocks;
    return ahs;
  }

  TestTarget target_{TestTarget::Options{.config = {}, .thin = true}};
};

TEST_F(RequestsTest, ACdbOf32BytesGoesOnInAnAhs) {
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  auto same = write_same_32(initiator, 7);
  send_with_ahs(initiator, same, rest_of_write_same(2, 3));
  const std::string block(512, 's');
  initiator.answer(initiator.receive_as<iscsi::R2tBhs>(), block);
  EXPECT_EQ(initiator.finish(7), 0);
  EXPECT_EQ(initiator.read(8, 1, 5),
            std::string(512, '\0') + block + block + block + std::string(512, '\0'));
}

TEST_F(RequestsTest, ACdbThatIsNotAsLongAsItSaysFailsAndTheSessionGoesOn) {
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  constexpr std::uint8_t check_condition = 2;
  auto cut = write_same_32(initiator, 1);
  initiator.send(cut);  // nothing follows the header
  EXPECT_EQ(initiator.finish(1), check_condition);
  auto shorter = write_same_32(initiator, 2);
  send_with_ahs(initiator, shorter, {0, 13, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1});
  EXPECT_EQ(initiator.finish(2), check_condition);
  auto longest = write_same_32(initiator, 3);
  std::vector<std::uint8_t> ahs(1020, 0xff);
  ahs[0] = 1017 >> 8;
  ahs[1] = 1017 & 0xff;
  ahs[2] = 1;
  send_with_ahs(initiator, longest, ahs);
  EXPECT_EQ(initiator.finish(3), check_condition);
  EXPECT_EQ(initiator.read(4, 0, 1), std::string(512, '\0'));
}

TEST_F(RequestsTest, AnAhsThatLiesIsRefused) {
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  // A CDB that the header has room for.
  expect_reject_with_ahs(initiator, initiator.read10(1, 0, 1), {0, 5, 1, 0, 'X', 'X', 'X', 'X'},
                         RejectReason::protocol_error);
  expect_reject_with_ahs(initiator, write_same_32(initiator, 2), {0, 21, 1, 0, 0, 0, 0, 0},
                         RejectReason::invalid_pdu_field);
  expect_reject_with_ahs(initiator, write_same_32(initiator, 3), {0, 1, 1, 0},
                         RejectReason::invalid_pdu_field);
  std::vector<std::uint8_t> twice = rest_of_write_same(0, 1);
  twice.insert(twice.end(), twice.begin(), twice.begin() + 20);
  expect_reject_with_ahs(initiator, write_same_32(initiator, 4), twice, RejectReason::protocol_error);
  EXPECT_EQ(initiator.read(5, 0, 1), std::string(512, '\0'));
}

TEST_F(RequestsTest, PingsAreAnsweredWithTheirData) {
  RawInitiator initiator(target_.port(), {});
  initiator.send(ping(initiator, 77), "are you there?");
  const auto response = initiator.receive_as<iscsi::NopInBhs>();
  EXPECT_EQ(response.initiator_task_tag, 77u);
  EXPECT_EQ(response.target_transfer_tag, iscsi::reserved_tag);
  EXPECT_EQ(initiator.data(), "are you there?");
}

TEST_F(RequestsTest, PingDataIsCutToWhatTheInitiatorTakes) {
  RawInitiator initiator(target_.port(), {.keys = "MaxRecvDataSegmentLength=512;"});
  initiator.send(ping(initiator, 1), std::string(5000, 'p'));
  initiator.receive_as<iscsi::NopInBhs>();
  EXPECT_EQ(initiator.data(), std::string(512, 'p'));
}

TEST_F(RequestsTest, PingsThatWantNoAnswerGetNone) {
  RawInitiator initiator(target_.port(), {});
  initiator.send(ping(initiator, iscsi::reserved_tag));
  initiator.send(ping(initiator, 5));
  EXPECT_EQ(initiator.receive_as<iscsi::NopInBhs>().initiator_task_tag, 5u);
}

TEST_F(RequestsTest, EveryResponseTakesTheNextStatSn) {
  RawInitiator initiator(target_.port(), {});
  initiator.send(ping(initiator, 1));
  const std::uint32_t first = initiator.receive_as<iscsi::NopInBhs>().stat_sn;
  initiator.send(ping(initiator, 2));
  EXPECT_EQ(initiator.receive_as<iscsi::NopInBhs>().stat_sn, first + 1);
  initiator.clear_unit_attention();
  EXPECT_EQ(initiator.stat_sn, first + 2);
  initiator.send(initiator.read10(3, 0, 1));
  EXPECT_EQ(initiator.receive_as<iscsi::DataInBhs>().stat_sn, first + 3);
}

TEST_F(RequestsTest, CommandsOutsideTheWindowAndDuplicatesAreIgnored) {
  RawInitiator initiator(target_.port(), {.cmd_sn = 0xffff'fffe});
  initiator.clear_unit_attention();
  auto beyond = initiator.test_unit_ready(1);
  beyond.cmd_sn = initiator.max_cmd_sn + 1;
  initiator.send(beyond);
  auto duplicate = initiator.test_unit_ready(2);
  duplicate.cmd_sn = 0xffff'fffe;
  initiator.send(duplicate);
  initiator.cmd_sn = 0xffff'ffff;
  for (std::uint32_t tag = 3; tag < 6; ++tag) {
    initiator.send(initiator.test_unit_ready(tag));
    EXPECT_EQ(initiator.finish(tag), 0);
  }
  EXPECT_EQ(initiator.exp_cmd_sn, 2u);
}

TEST_F(RequestsTest, ASkippedCmdSnEndsTheSession) {
  // On the one connection that there is, the missing command can never come.
  RawInitiator initiator(target_.port(), {});
  ++initiator.cmd_sn;
  initiator.send(initiator.test_unit_ready(1));
  EXPECT_TRUE(initiator.is_closed());
}

TEST_F(RequestsTest, ATagInUseIsRefused) {
  target_.inject({.kind = Fault::Kind::stick, .operation = StoreOperation::read});
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  initiator.send(initiator.read10(9, 0, 1));
  const auto again = initiator.read10(9, 8, 1);
  initiator.send(again);
  auto as_sent = again;
  expect_reject(initiator, RejectReason::protocol_error, as_sent);
  target_.heal();
  EXPECT_EQ(initiator.finish(9), 0) << "the first of the two is unharmed";
}

TEST_F(RequestsTest, WhatErrorRecoveryLevelZeroLacksIsRefused) {
  RawInitiator initiator(target_.port(), {});
  iscsi::SnackRequestBhs snack;
  initiator.send(snack);
  expect_reject(initiator, RejectReason::snack_reject, snack);
  initiator.clear_unit_attention();
}

TEST_F(RequestsTest, ALoginInTheFullFeaturePhaseIsRefused) {
  RawInitiator initiator(target_.port(), {});
  const iscsi::LoginRequestBhs login;
  initiator.send(login);
  expect_reject(initiator, RejectReason::protocol_error, login);
  initiator.clear_unit_attention();
}

TEST_F(RequestsTest, CommandsThatWeCannotCarryAreRefusedAndTakeTheirCmdSn) {
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  auto both_ways = initiator.read10(1, 0, 1);
  both_ways.flags |= iscsi::ScsiCommandBhs::write_bit;
  initiator.send(both_ways);
  expect_reject(initiator, RejectReason::command_not_supported, both_ways);
  expect_reject_with_ahs(initiator, initiator.read10(1, 0, 1), {0, 5, 2, 0, 0, 0, 2, 0},
                         RejectReason::command_not_supported);
  auto no_tag = initiator.test_unit_ready(iscsi::reserved_tag);
  initiator.send(no_tag);
  expect_reject(initiator, RejectReason::protocol_error, no_tag);
  auto unfinished = initiator.test_unit_ready(2);
  unfinished.flags = 0;
  initiator.send(unfinished);
  expect_reject(initiator, RejectReason::protocol_error, unfinished);
  initiator.read(3, 0, 1);
}

TEST_F(RequestsTest, AnUnknownOpcodeIsRefusedAndTheConnectionClosed) {
  RawInitiator initiator(target_.port(), {});
  iscsi::GenericBhs unknown;
  unknown.opcode = {static_cast<Opcode>(0x1e), false};
  initiator.send_bytes({reinterpret_cast<const char*>(&unknown), sizeof unknown});
  EXPECT_EQ(initiator.receive().opcode(), Opcode::reject);
  EXPECT_TRUE(initiator.is_closed());
}

TEST_F(RequestsTest, ASegmentBeyondOurLimitIsRefusedAndTheConnectionClosed) {
  RawInitiator initiator(target_.port(), {});
  iscsi::NopOutBhs huge = ping(initiator, 1);
  huge.data_segment_bytes = 0xff'ffff;
  initiator.send_bytes({reinterpret_cast<const char*>(&huge), sizeof huge});
  EXPECT_EQ(initiator.receive().opcode(), Opcode::reject);
  EXPECT_TRUE(initiator.is_closed());
}

TEST_F(RequestsTest, ImmediateCommandsAreBounded) {
  target_.inject({.kind = Fault::Kind::stick, .operation = StoreOperation::read});
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  constexpr std::uint32_t most = CommandSet::immediate_commands_max;
  for (std::uint32_t tag = 0; tag <= most; ++tag) {
    auto command = initiator.read10(tag, 0, 1);
    --initiator.cmd_sn;
    command.opcode = {Opcode::scsi_command, true};
    initiator.send(command);
  }
  const auto reject = initiator.receive_as<iscsi::RejectBhs>();
  EXPECT_EQ(reject.reason, RejectReason::too_many_immediate_commands);
  target_.heal();
  for (std::uint32_t tag = 0; tag < most; ++tag) EXPECT_EQ(initiator.finish(tag), 0);
}

TEST_F(RequestsTest, TextRequestsAreAnsweredInANormalSession) {
  RawInitiator initiator(target_.port(), {});
  iscsi::TextRequestBhs request;
  request.opcode = {Opcode::text_request, true};
  request.initiator_task_tag = 4;
  request.cmd_sn = initiator.cmd_sn;
  initiator.send(request, std::string("SendTargets=\0", 13));
  const auto response = initiator.receive_as<iscsi::TextResponseBhs>();
  EXPECT_EQ(response.initiator_task_tag, 4u);
  EXPECT_NE(initiator.data().find("TargetName=iqn.2026-11.example.raw:disk"), std::string::npos);
}

TEST_F(RequestsTest, LogoutIsAnsweredAndThenTheConnectionCloses) {
  RawInitiator initiator(target_.port(), {});
  iscsi::LogoutRequestBhs request;
  request.initiator_task_tag = 6;
  request.cmd_sn = initiator.cmd_sn;
  initiator.send(request);
  const auto response = initiator.receive_as<iscsi::LogoutResponseBhs>();
  EXPECT_EQ(response.response, iscsi::LogoutResponseCode::closed);
  EXPECT_EQ(response.initiator_task_tag, 6u);
  EXPECT_TRUE(initiator.is_closed());
}

TEST_F(RequestsTest, LogoutOfWhatIsNotThereIsToldSo) {
  RawInitiator initiator(target_.port(), {});
  iscsi::LogoutRequestBhs request;
  request.flags = iscsi::final_bit | static_cast<int>(iscsi::LogoutReason::close_connection);
  request.cid = 99;
  initiator.send(request);
  EXPECT_EQ(initiator.receive_as<iscsi::LogoutResponseBhs>().response,
            iscsi::LogoutResponseCode::cid_not_found);
  request.flags =
      iscsi::final_bit | static_cast<int>(iscsi::LogoutReason::remove_connection_for_recovery);
  initiator.send(request);
  EXPECT_EQ(initiator.receive_as<iscsi::LogoutResponseBhs>().response,
            iscsi::LogoutResponseCode::recovery_not_supported);
  request.flags = iscsi::final_bit | 0x7f;
  initiator.send(request);
  expect_reject(initiator, RejectReason::invalid_pdu_field, request);
  initiator.clear_unit_attention();
}

TEST_F(RequestsTest, LogoutDuringCommandsAbortsThemFirst) {
  target_.inject({.kind = Fault::Kind::stick, .operation = StoreOperation::read});
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  initiator.send(initiator.read10(1, 0, 1));
  target_.wait_for_hanging(1);
  iscsi::LogoutRequestBhs request;
  request.cmd_sn = initiator.cmd_sn;
  initiator.send(request);
  EXPECT_FALSE(initiator.receive_if_any(100ms)) << "the command may still touch the medium";
  target_.heal();
  EXPECT_EQ(initiator.receive_as<iscsi::LogoutResponseBhs>().response,
            iscsi::LogoutResponseCode::closed);
}

TEST_F(RequestsTest, ABusyStoreIsNoDeadTarget) {
  // Goal: pings are answered while every command hangs and the window is closed.
  constexpr std::uint32_t window = 128;  // QueuedCommands where nothing is said
  target_.inject({.kind = Fault::Kind::stick, .operation = StoreOperation::read});
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  std::uint32_t sent = 0;
  for (;; ++sent) {
    while (initiator.cmd_sn == initiator.max_cmd_sn + 1) {
      initiator.send(ping(initiator, 1'000'000));
      initiator.receive_as<iscsi::NopInBhs>();
      if (sent == window) break;
    }
    if (sent == window) break;
    initiator.send(initiator.read10(sent, 8 * sent, 8));
  }
  target_.wait_for_hanging(window);
  EXPECT_EQ(initiator.max_cmd_sn + 1, initiator.exp_cmd_sn) << "the window is closed";
  for (std::uint32_t i = 0; i < 10; ++i) {
    initiator.send(ping(initiator, 2'000'000 + i), "still there?");
    EXPECT_EQ(initiator.receive_as<iscsi::NopInBhs>().initiator_task_tag, 2'000'000 + i);
  }
  target_.heal();
  for (std::uint32_t i = 0; i < window; ++i) initiator.receive_as<iscsi::DataInBhs>();
  EXPECT_EQ(initiator.max_cmd_sn + 1 - initiator.exp_cmd_sn, window) << "and wide open again";
}

}  // namespace
}  // namespace holdfast::target
