#include "target/session/discovery.h"

#include <gtest/gtest.h>

#include "tests/unit/target/session/login_fixture.h"

namespace holdfast::target {
namespace {

using iscsi::Opcode;

class Discovery : public ConversationTest {
 protected:
  void SetUp() override {
    ConversationTest::SetUp();
    session_.caller.initiator_name = "iqn.x:i";
    session_.caller.local = *SocketAddress::parse("127.0.0.1", 3260);
    session_.exp_cmd_sn = 5;
    session_.max_cmd_sn = 12;
    session_.stat_sn = 100;
    session_.cid = 1;
  }
  void serve() {
    ::shutdown(peer_.get(), SHUT_WR);
    loop_->run(serve_discovery(*loop_, ours_.get(), reception_, session_));
  }

  LoginOutcome session_;
};

TEST_F(Discovery, SendTargetsPingAndLogoutAreAnsweredInOrder) {
  iscsi::TextRequestBhs text;
  text.initiator_task_tag = 1;
  text.cmd_sn = 5;
  write_pdu(text, text_of("SendTargets=All"));
  iscsi::NopOutBhs ping;
  ping.opcode = iscsi::OpcodeByte(Opcode::nop_out, true);
  ping.initiator_task_tag = 2;
  ping.cmd_sn = 6;
  write_pdu(ping, "echo");
  iscsi::LogoutRequestBhs logout;
  logout.opcode = Opcode::logout_request;
  logout.initiator_task_tag = 3;
  logout.cmd_sn = 6;
  write_pdu(logout);
  write_bytes("not read any more");
  serve();

  const std::vector<ReceivedPdu> pdus = answers();
  ASSERT_EQ(pdus.size(), 3u);
  const auto targets = pdus[0].as<iscsi::TextResponseBhs>();
  EXPECT_EQ(targets.opcode.opcode(), Opcode::text_response);
  EXPECT_EQ(targets.initiator_task_tag, 1u);
  EXPECT_EQ(targets.stat_sn, 100u);
  EXPECT_EQ(targets.exp_cmd_sn, 6u);
  EXPECT_EQ(targets.max_cmd_sn, 13u);
  EXPECT_TRUE(pdus[0].data.starts_with("TargetName=iqn.2026-01.org.example:a"));
  const auto pong = pdus[1].as<iscsi::NopInBhs>();
  EXPECT_EQ(pong.opcode.opcode(), Opcode::nop_in);
  EXPECT_EQ(pong.initiator_task_tag, 2u);
  EXPECT_EQ(pong.stat_sn, 101u);
  EXPECT_EQ(pdus[1].data, "echo");
  const auto goodbye = pdus[2].as<iscsi::LogoutResponseBhs>();
  EXPECT_EQ(goodbye.opcode.opcode(), Opcode::logout_response);
  EXPECT_EQ(goodbye.response, iscsi::LogoutResponseCode::closed);
  EXPECT_EQ(goodbye.exp_cmd_sn, 7u);
}

TEST_F(Discovery, CommandsHaveNoPlaceInIt) {
  iscsi::ScsiCommandBhs command;
  command.cmd_sn = 5;
  command.cdb[0] = 0x12;
  write_pdu(command);
  serve();
  const std::vector<ReceivedPdu> pdus = answers();
  ASSERT_EQ(pdus.size(), 1u);
  const auto reject = pdus[0].as<iscsi::RejectBhs>();
  EXPECT_EQ(reject.opcode.opcode(), Opcode::reject);
  EXPECT_EQ(reject.reason, iscsi::RejectReason::command_not_supported);
  ASSERT_EQ(pdus[0].data.size(), iscsi::bhs_bytes);
  EXPECT_EQ(pdus[0].data[32], 0x12);
}

TEST_F(Discovery, ANumberOutsideTheWindowIsIgnored) {
  iscsi::TextRequestBhs text;
  text.cmd_sn = 99;
  write_pdu(text, text_of("SendTargets=All"));
  serve();
  EXPECT_TRUE(answers().empty());
}

TEST_F(Discovery, AnOversizedSegmentIsRejectedAndEndsIt) {
  iscsi::TextRequestBhs text;
  text.cmd_sn = 5;
  write_pdu(text, std::string(8193, 'x'));
  serve();
  const std::vector<ReceivedPdu> pdus = answers();
  ASSERT_EQ(pdus.size(), 1u);
  EXPECT_EQ(pdus[0].as<iscsi::RejectBhs>().reason, iscsi::RejectReason::protocol_error);
}

TEST_F(Discovery, RecoveryLogoutsAreNotSupported) {
  iscsi::LogoutRequestBhs logout;
  logout.flags = iscsi::final_bit | 2;
  logout.cmd_sn = 5;
  write_pdu(logout);
  logout.flags = iscsi::final_bit | 1;
  logout.cid = 44;
  write_pdu(logout);
  logout.cid = 1;
  write_pdu(logout);
  serve();
  const std::vector<ReceivedPdu> pdus = answers();
  ASSERT_EQ(pdus.size(), 3u);
  EXPECT_EQ(pdus[0].as<iscsi::LogoutResponseBhs>().response,
            iscsi::LogoutResponseCode::recovery_not_supported);
  EXPECT_EQ(pdus[1].as<iscsi::LogoutResponseBhs>().response,
            iscsi::LogoutResponseCode::cid_not_found);
  EXPECT_EQ(pdus[2].as<iscsi::LogoutResponseBhs>().response, iscsi::LogoutResponseCode::closed);
}

}  // namespace
}  // namespace holdfast::target
