// Task management that tells the truth: a response comes when the commands that it speaks of can no
// longer touch the medium.

#include <gtest/gtest.h>

#include <string>

#include "target/session/task_management.h"
#include "tests/support/raw_initiator.h"
#include "tests/support/test_target.h"

namespace holdfast::target {
namespace {

using namespace std::chrono_literals;
using iscsi::TaskManagementFunction;
using iscsi::TaskManagementResponseCode;

class TaskManagementTest : public testing::Test {
 protected:
  static constexpr const char* only_invited = "InitialR2T=Yes;ImmediateData=No;";

  static iscsi::TaskManagementRequestBhs request(RawInitiator& initiator,
                                                 TaskManagementFunction function) {
    iscsi::TaskManagementRequestBhs header;
    header.flags = static_cast<std::uint8_t>(iscsi::final_bit | static_cast<int>(function));
    header.initiator_task_tag = 0xabcd;
    header.cmd_sn = initiator.cmd_sn;
    return header;
  }

  static void send_abort(RawInitiator& initiator, std::uint32_t tag, std::uint32_t ref_cmd_sn) {
    auto header = request(initiator, TaskManagementFunction::abort_task);
    header.referenced_task_tag = tag;
    header.ref_cmd_sn = ref_cmd_sn;
    initiator.send(header);
  }

  static TaskManagementResponseCode response(RawInitiator& initiator) {
    const auto header = initiator.receive_as<iscsi::TaskManagementResponseBhs>();
    EXPECT_EQ(header.initiator_task_tag, 0xabcdU);
    return header.response;
  }

  static TaskManagementResponseCode ask(RawInitiator& initiator, TaskManagementFunction function) {
    initiator.send(request(initiator, function));
    return response(initiator);
  }

  TestTarget target_{{.config = {}, .units = 2}};
};

TEST_F(TaskManagementTest, AbortInMidWriteWritesNothingAndFreesTheTag) {
  RawInitiator initiator(target_.port(), {.keys = only_invited});
  initiator.clear_unit_attention();
  const auto write = initiator.write10(1, 0, 64);
  initiator.send(write);
  const auto r2t = initiator.receive_as<iscsi::R2tBhs>();
  send_abort(initiator, 1, write.cmd_sn);
  EXPECT_EQ(response(initiator), TaskManagementResponseCode::function_complete);
  initiator.answer(r2t, std::string(64 * 512, 'x'));  // It was under way already: no fault.
  EXPECT_EQ(initiator.read(1, 0, 64), std::string(64 * 512, '\0'));
}

TEST_F(TaskManagementTest, AbortInTheMiddleOfADataOutIsAnsweredAtOnce) {
  // The rest of the PDU lands in memory that is the aborted command's until then.
  RawInitiator initiator(target_.port(), {.keys = only_invited});
  RawInitiator other(target_.port(), {.isid_tail = 2});
  initiator.clear_unit_attention();
  other.clear_unit_attention();
  initiator.send(initiator.write10(1, 0, 512));
  const auto r2t = initiator.receive_as<iscsi::R2tBhs>();
  iscsi::DataOutBhs header;
  header.flags = iscsi::final_bit;
  header.initiator_task_tag = 1;
  header.target_transfer_tag = r2t.target_transfer_tag;
  header.data_segment_bytes = 8192;
  header.flags = 0;
  initiator.send_bytes({reinterpret_cast<const char*>(&header), sizeof header});
  initiator.send_bytes(std::string(5000, 'x'));
  // The reset comes from elsewhere, since this connection is inside a PDU.
  EXPECT_EQ(ask(other, TaskManagementFunction::logical_unit_reset),
            TaskManagementResponseCode::function_complete);
  initiator.send_bytes(std::string(3192, 'x'));
  iscsi::NopOutBhs ping;
  ping.opcode = {iscsi::Opcode::nop_out, true};
  ping.initiator_task_tag = 2;
  initiator.send(ping);
  EXPECT_EQ(initiator.receive_as<iscsi::NopInBhs>().initiator_task_tag, 2u);
}

TEST_F(TaskManagementTest, AbortOfWhatTheStoreCanLetGoOfIsAnsweredAtOnce) {
  target_.inject({.kind = Fault::Kind::hang});
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  const auto read = initiator.read10(7, 0, 8);
  initiator.send(read);
  target_.wait_for_hanging(1);
  send_abort(initiator, 7, read.cmd_sn);
  EXPECT_EQ(response(initiator), TaskManagementResponseCode::function_complete);
  initiator.send(initiator.write10(8, 0, 1), std::string(512, 'w'));
  target_.wait_for_hanging(1);
  EXPECT_EQ(ask(initiator, TaskManagementFunction::logical_unit_reset), TaskManagementResponseCode::function_complete);
  target_.heal();
}

TEST_F(TaskManagementTest, AbortOfAStickingReadIsAnsweredWhenTheStoreLetsGo) {
  target_.inject({.kind = Fault::Kind::stick, .operation = StoreOperation::read});
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  const auto read = initiator.read10(7, 0, 8);
  initiator.send(read);
  target_.wait_for_hanging(1);
  send_abort(initiator, 7, read.cmd_sn);
  EXPECT_FALSE(initiator.receive_if_any(100ms)) << "the store still has the command";
  target_.heal();
  EXPECT_EQ(response(initiator), TaskManagementResponseCode::function_complete);
  EXPECT_FALSE(initiator.receive_if_any(50ms)) << "an aborted command sends nothing";
}

TEST_F(TaskManagementTest, AbortOfWhatWasAnsweredSaysThatItDoesNotExist) {
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  const std::uint32_t cmd_sn = initiator.cmd_sn;
  initiator.read(7, 0, 8);
  send_abort(initiator, 7, cmd_sn);
  EXPECT_EQ(response(initiator), TaskManagementResponseCode::task_does_not_exist);
}

TEST_F(TaskManagementTest, AbortOfACommandThatNeverCameMakesItIgnored) {
  // RFC 7143 section 11.5.1: its CmdSN counts as received.
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  auto lost = initiator.test_unit_ready(1);
  auto header = request(initiator, TaskManagementFunction::abort_task);
  header.referenced_task_tag = 1;
  header.ref_cmd_sn = lost.cmd_sn;
  initiator.send(header);
  EXPECT_EQ(response(initiator), TaskManagementResponseCode::function_complete);
  initiator.send(lost);
  initiator.send(initiator.test_unit_ready(2));
  EXPECT_EQ(initiator.finish(2), 0) << "the answer to the second is the first that comes";
}

TEST_F(TaskManagementTest, AbortMustNameTheCommandsOwnUnit) {
  target_.inject({.kind = Fault::Kind::stick, .operation = StoreOperation::read});
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  const auto read = initiator.read10(7, 0, 8);
  initiator.send(read);
  target_.wait_for_hanging(1);
  auto header = request(initiator, TaskManagementFunction::abort_task);
  header.lun = {0, 1};
  header.referenced_task_tag = 7;
  header.ref_cmd_sn = read.cmd_sn;
  initiator.send(header);
  EXPECT_EQ(response(initiator), TaskManagementResponseCode::task_does_not_exist);
  target_.heal();
  EXPECT_EQ(initiator.finish(7), 0);
}

TEST_F(TaskManagementTest, ResetAbortsTheCommandsOfEverySessionAndTellsAll) {
  target_.inject({.kind = Fault::Kind::stick, .operation = StoreOperation::read});
  RawInitiator resetter(target_.port(), {.isid_tail = 1});
  RawInitiator bystander(target_.port(), {.isid_tail = 2});
  resetter.clear_unit_attention();
  bystander.clear_unit_attention();
  resetter.send(resetter.read10(1, 0, 8));
  bystander.send(bystander.read10(1, 0, 8));
  target_.wait_for_hanging(2);
  resetter.send(request(resetter, TaskManagementFunction::logical_unit_reset));
  EXPECT_FALSE(resetter.receive_if_any(100ms)) << "the store still has the commands";
  target_.heal();
  EXPECT_EQ(response(resetter), TaskManagementResponseCode::function_complete);
  for (RawInitiator* initiator : {&resetter, &bystander}) {
    initiator->send(initiator->test_unit_ready(2));
    EXPECT_EQ(initiator->finish(2), 2) << "a unit attention tells of the reset";
    ASSERT_GE(initiator->data().size(), 16u);
    EXPECT_EQ(initiator->data()[4] & 0xf, 6);
    EXPECT_EQ(initiator->data()[14], 0x29);
  }
  resetter.read(3, 0, 8);
}

TEST_F(TaskManagementTest, ResetLeavesOtherUnitsAlone) {
  target_.inject({.kind = Fault::Kind::stick, .operation = StoreOperation::read}, 1);
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  for (int attempt = 0; attempt < 2; ++attempt) {  // The first takes that unit's attention.
    auto read = initiator.read10(1, 0, 8);
    read.lun = {0, 1};
    initiator.send(read);
    if (attempt == 0) initiator.finish(1);
  }
  target_.wait_for_hanging(1, 1);
  EXPECT_EQ(ask(initiator, TaskManagementFunction::logical_unit_reset),
            TaskManagementResponseCode::function_complete);
  target_.heal();
  EXPECT_EQ(initiator.finish(1), 0);
}

TEST_F(TaskManagementTest, WhatCannotBeDoneIsToldSo) {
  RawInitiator initiator(target_.port(), {});
  auto header = request(initiator, TaskManagementFunction::logical_unit_reset);
  header.lun = {0, 9};
  initiator.send(header);
  EXPECT_EQ(response(initiator), TaskManagementResponseCode::lun_does_not_exist);
  header = request(initiator, TaskManagementFunction::abort_task_set);
  header.lun = {0, 9};
  initiator.send(header);
  EXPECT_EQ(response(initiator), TaskManagementResponseCode::lun_does_not_exist);
  EXPECT_EQ(ask(initiator, TaskManagementFunction::clear_aca),
            TaskManagementResponseCode::function_not_supported)
      << "there is no ACA condition here";
  EXPECT_EQ(ask(initiator, TaskManagementFunction::task_reassign),
            TaskManagementResponseCode::reassignment_not_supported);
}

TEST_F(TaskManagementTest, ATaskSetIsAbortedForItsOwnNexusAlone) {
  for (const auto function : {TaskManagementFunction::abort_task_set, TaskManagementFunction::clear_task_set}) {
    target_.inject({.kind = Fault::Kind::stick, .operation = StoreOperation::read});
    RawInitiator mine(target_.port(), {.isid_tail = 1});
    RawInitiator bystander(target_.port(), {.isid_tail = 2});
    mine.clear_unit_attention();
    bystander.clear_unit_attention();
    for (std::uint32_t tag = 1; tag <= 3; ++tag) mine.send(mine.read10(tag, 0, 8));
    bystander.send(bystander.read10(1, 0, 8));
    target_.wait_for_hanging(4);
    mine.send(request(mine, function));
    EXPECT_FALSE(mine.receive_if_any(100ms)) << "the store still has the commands";
    target_.heal();
    EXPECT_EQ(response(mine), TaskManagementResponseCode::function_complete);
    EXPECT_FALSE(mine.receive_if_any(50ms)) << "an aborted command is not answered";
    EXPECT_EQ(bystander.finish(1), 0) << "another nexus has a task set of its own";
    bystander.send(bystander.test_unit_ready(2));
    EXPECT_EQ(bystander.finish(2), 0) << "and nothing to be told";
    EXPECT_EQ(mine.read(4, 0, 8).size(), 4096U);
  }
}

TEST_F(TaskManagementTest, AWarmResetIsOneOfEveryUnit) {
  target_.inject({.kind = Fault::Kind::stick, .operation = StoreOperation::read}, 1);
  RawInitiator resetter(target_.port(), {.isid_tail = 1});
  RawInitiator bystander(target_.port(), {.isid_tail = 2});
  resetter.clear_unit_attention();
  bystander.clear_unit_attention();
  for (int attempt = 0; attempt < 2; ++attempt) {  // The first takes that unit's attention.
    auto read = bystander.read10(1, 0, 8);
    read.lun = {0, 1};
    bystander.send(read);
    if (attempt == 0) bystander.finish(1);
  }
  target_.wait_for_hanging(1, 1);
  resetter.send(request(resetter, TaskManagementFunction::target_warm_reset));
  EXPECT_FALSE(resetter.receive_if_any(100ms)) << "a unit's store still has a command";
  target_.heal();
  EXPECT_EQ(response(resetter), TaskManagementResponseCode::function_complete);
  bystander.send(bystander.test_unit_ready(2));
  EXPECT_EQ(bystander.finish(2), 2) << "a unit attention on the other unit tells of the reset";
}

TEST_F(TaskManagementTest, AColdResetEndsEverySession) {
  RawInitiator resetter(target_.port(), {.isid_tail = 1});
  RawInitiator bystander(target_.port(), {.isid_tail = 2});
  resetter.clear_unit_attention();
  EXPECT_EQ(ask(resetter, TaskManagementFunction::target_cold_reset), TaskManagementResponseCode::function_complete);
  EXPECT_TRUE(bystander.is_closed());
  EXPECT_TRUE(resetter.is_closed());
  RawInitiator again(target_.port(), {.isid_tail = 1});
  again.clear_unit_attention();
  EXPECT_EQ(again.read(1, 0, 8).size(), 4096U);
}

TEST_F(TaskManagementTest, FunctionsAtOnceAreBounded) {
  target_.inject({.kind = Fault::Kind::stick, .operation = StoreOperation::read});
  RawInitiator initiator(target_.port(), {});
  initiator.clear_unit_attention();
  const auto read = initiator.read10(7, 0, 8);
  initiator.send(read);
  target_.wait_for_hanging(1);
  constexpr std::size_t most = TaskManagement::functions_max;
  for (std::size_t i = 0; i <= most; ++i) send_abort(initiator, 7, read.cmd_sn);
  EXPECT_EQ(initiator.receive_as<iscsi::RejectBhs>().reason,
            iscsi::RejectReason::too_many_immediate_commands);
  target_.heal();
  for (std::size_t i = 0; i < most; ++i)
    EXPECT_EQ(response(initiator), TaskManagementResponseCode::function_complete);
}

}  // namespace
}  // namespace holdfast::target
