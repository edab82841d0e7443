// What a native session sends, and what it makes of a decent target's answers: fed by hand.

#include <gtest/gtest.h>

#include <map>

#include "tests/unit/initiator/device/native/hand_fed.h"

namespace holdfast::initiator {
namespace {

using iscsi::Opcode;
using Direction = NativeCommand::Direction;

class NativeSessionTest : public HandFed {
 protected:
  SentPdu expect_sent(Opcode opcode) {
    std::optional<SentPdu> pdu = next_sent();
    EXPECT_TRUE(pdu) << "nothing was sent; " << failure();
    if (!pdu) return {};
    EXPECT_EQ(pdu->header.opcode.opcode(), opcode) << iscsi::name_of(pdu->header.opcode.opcode());
    return *pdu;
  }
  void expect_quiet() {
    const std::optional<SentPdu> pdu = next_sent();
    EXPECT_FALSE(pdu) << iscsi::name_of(pdu->header.opcode.opcode());
  }
};

TEST_F(NativeSessionTest, AReadLandsInItsPieces) {
  begin();
  Command& one = read(3000);
  const auto sent = expect_sent(Opcode::scsi_command).as<iscsi::ScsiCommandBhs>();
  EXPECT_EQ(sent.flags, 0x80 | 0x40 | 1) << "final, a read, simple";
  EXPECT_EQ(sent.expected_data_transfer_length, 3000U);
  EXPECT_EQ(sent.cmd_sn, first_cmd_sn);
  EXPECT_EQ(sent.exp_stat_sn, first_stat_sn);
  say(data_in(one, 0, 0, false), std::string(2001, 'x'), false);
  settle();
  EXPECT_EQ(one.done_calls, 0);
  say(data_in(one, 1, 2001, true), std::string(999, 'y'));
  settle();
  EXPECT_EQ(one.done_calls, 1) << failure();
  EXPECT_EQ(one.memory, std::string(2001, 'x') + std::string(999, 'y'));
  EXPECT_EQ(one.command.moved, 3000U);
  EXPECT_EQ(one.command.answer.status, 0);
}

TEST_F(NativeSessionTest, BytesMayComeInAnyPortions) {
  begin();
  for (const std::size_t portion : {1U, 7U, 47U, 48U, 49U, 1000U}) {
    Command& one = read(2500);
    expect_sent(Opcode::scsi_command);
    std::string stream = bytes_of(data_in(one, 0, 0, false), std::string(1501, 'p'), false);
    stream += bytes_of(data_in(one, 1, 1501, false), std::string(999, 'q'), false);
    stream += bytes_of(response(one), {}, true);
    for (std::size_t at = 0; at < stream.size(); at += portion) {
      say(stream.substr(at, portion));
      if (portion > 40 || at % 100 < portion) settle();
    }
    settle();
    ASSERT_EQ(one.done_calls, 1) << portion << failure();
    EXPECT_EQ(one.memory, std::string(1501, 'p') + std::string(999, 'q')) << portion;
  }
}

TEST_F(NativeSessionTest, AWriteGoesAsTheKeysAllow) {
  // Goal: 1,024 bytes with the command, the rest of FirstBurstLength unasked, everything else as asked,
  // in PDUs of at most MaxRecvDataSegmentLength, and every byte once.
  begin();
  Command& one = write(10000);
  const SentPdu command = expect_sent(Opcode::scsi_command);
  EXPECT_EQ(command.header.flags, 0x20 | 1) << "not final: unsolicited data follows";
  EXPECT_EQ(command.data.size(), 1024U);
  std::string whole = command.data;
  for (std::uint32_t sn = 0; sn < 3; ++sn) {
    const SentPdu pdu = expect_sent(Opcode::data_out);
    const auto out = pdu.as<iscsi::DataOutBhs>();
    EXPECT_EQ(out.target_transfer_tag, iscsi::reserved_tag);
    EXPECT_EQ(out.data_sn, sn);
    EXPECT_EQ(out.buffer_offset, whole.size());
    EXPECT_EQ(out.flags, sn == 2 ? iscsi::final_bit : 0);
    whole += pdu.data;
  }
  EXPECT_EQ(whole.size(), 4096U);
  expect_quiet();
  say(r2t(one, 0, 4096, 3000), {}, false);
  say(r2t(one, 1, 7096, 2904), {}, false);
  const std::uint32_t pieces[] = {1024, 1024, 952, 1024, 1024, 856};
  for (std::size_t i = 0; i < std::size(pieces); ++i) {
    const SentPdu pdu = expect_sent(Opcode::data_out);
    const auto out = pdu.as<iscsi::DataOutBhs>();
    EXPECT_EQ(out.target_transfer_tag, i < 3 ? 50U : 51U);
    EXPECT_EQ(out.data_sn, i % 3);
    EXPECT_EQ(out.buffer_offset, whole.size());
    EXPECT_EQ(pdu.data.size(), pieces[i]);
    EXPECT_EQ(out.flags, i % 3 == 2 ? iscsi::final_bit : 0);
    whole += pdu.data;
  }
  EXPECT_TRUE(whole == one.memory);
  say(response(one));
  settle();
  EXPECT_EQ(one.done_calls, 1) << failure();
  EXPECT_EQ(one.command.moved, 10000U);
}

TEST_F(NativeSessionTest, WithoutImmediateDataAndWithInitialR2tAWriteSendsNothingUnasked) {
  parameters_.immediate_data = false;
  parameters_.initial_r2t = true;
  begin();
  Command& one = write(2000);
  const SentPdu command = expect_sent(Opcode::scsi_command);
  EXPECT_EQ(command.header.flags, 0x80 | 0x20 | 1);
  EXPECT_EQ(command.data, "");
  expect_quiet();
  say(r2t(one, 0, 0, 2000), {}, false);
  const std::string first = expect_sent(Opcode::data_out).data;
  const std::string second = expect_sent(Opcode::data_out).data;
  EXPECT_TRUE(first + second == one.memory);
}

TEST_F(NativeSessionTest, AWriteInManySmallPiecesIsSentAllTheSame) {
  // Goal: one sendmsg takes 1,024 pieces at most, and a PDU never more than one sendmsg.
  parameters_.peer_max_recv_data_segment_length = 16384;
  begin();
  Command& one = submit(Direction::write, 4096, 1);
  std::string whole = expect_sent(Opcode::scsi_command).data;
  while (whole.size() < 4096) {
    const SentPdu pdu = expect_sent(Opcode::data_out);
    ASSERT_FALSE(pdu.data.empty());
    EXPECT_EQ(pdu.as<iscsi::DataOutBhs>().buffer_offset, whole.size());
    whole += pdu.data;
  }
  EXPECT_TRUE(whole == one.memory);
}

TEST_F(NativeSessionTest, NoMoreCommandsThanTheWindowAdmits) {
  begin(2);
  for (int i = 0; i < 5; ++i) read(512);
  EXPECT_EQ(expect_sent(Opcode::scsi_command).as<iscsi::ScsiCommandBhs>().cmd_sn, first_cmd_sn);
  EXPECT_EQ(expect_sent(Opcode::scsi_command).as<iscsi::ScsiCommandBhs>().cmd_sn, first_cmd_sn + 1);
  expect_quiet();
  max_cmd_sn_ += 2;
  say(iscsi::NopInBhs{}, {}, false);  // A NOP-In that only tells of the window.
  EXPECT_EQ(expect_sent(Opcode::scsi_command).as<iscsi::ScsiCommandBhs>().cmd_sn, first_cmd_sn + 2);
  EXPECT_EQ(expect_sent(Opcode::scsi_command).as<iscsi::ScsiCommandBhs>().cmd_sn, first_cmd_sn + 3);
  expect_quiet();
  max_cmd_sn_ -= 3;  // What is older than what we know counts for nothing.
  say(iscsi::NopInBhs{}, {}, false);
  expect_quiet();
  EXPECT_EQ(failure(), "");
}

TEST_F(NativeSessionTest, AnswersMayComeInAnyOrderAndTagsAreNotUsedTwiceInARow) {
  begin();
  std::map<std::uint32_t, int> seen;
  for (int round = 0; round < 5; ++round) {
    Command& a = write(512);
    Command& b = write(512);
    expect_sent(Opcode::scsi_command);
    expect_sent(Opcode::scsi_command);
    EXPECT_EQ(++seen[a.command.initiator_task_tag], 1);
    EXPECT_EQ(++seen[b.command.initiator_task_tag], 1);
    max_cmd_sn_ += 2;
    say(response(b, 0x08));
    say(response(a));
    settle();
    EXPECT_EQ(a.done_calls + b.done_calls, 2) << failure();
    EXPECT_EQ(a.command.answer.status, 0);
    EXPECT_EQ(b.command.answer.status, 0x08);
  }
}

TEST_F(NativeSessionTest, SenseDataIsUnderstoodInBothFormats) {
  begin();
  std::string fixed(20, '\0');
  fixed[1] = 18;
  fixed[2] = 0x70;
  fixed[4] = 0x03;
  fixed[14] = 0x11;
  fixed[15] = 0x04;
  const std::string descriptor = std::string("\0\x08", 2) + std::string("\x72\x05\x21\x01\0\0\0\0", 8);
  Command& a = read(512);
  Command& b = read(512);
  settle();
  say(response(a, 2), fixed);
  say(response(b, 2), descriptor);
  settle();
  EXPECT_EQ(a.command.answer.sense_key, 3);
  EXPECT_EQ(a.command.answer.asc_ascq, 0x1104);
  EXPECT_EQ(b.command.answer.sense_key, 5);
  EXPECT_EQ(b.command.answer.asc_ascq, 0x2101);
}

TEST_F(NativeSessionTest, ResidualsSayHowMuchWasMoved) {
  begin();
  Command& one = read(4096);
  settle();
  iscsi::DataInBhs last = data_in(one, 0, 0, true);
  last.flags |= iscsi::DataInBhs::underflow_bit;
  last.residual_count = 4096 - 36;
  say(last, std::string(36, 'i'));
  settle();
  EXPECT_EQ(one.command.moved, 36U);
  Command& two = read(4096);
  settle();
  say(response(two));  // Not a byte came, and it does not even say so.
  settle();
  EXPECT_EQ(two.command.moved, 0U);
  EXPECT_EQ(failure(), "");
}

TEST_F(NativeSessionTest, DigestsGoAlongAndAreChecked) {
  parameters_.header_digest = parameters_.data_digest = true;
  begin();
  Command& one = read(1001);
  Command& two = write(1500);
  expect_sent(Opcode::scsi_command);
  const std::string first = expect_sent(Opcode::scsi_command).data;
  const std::string second = expect_sent(Opcode::data_out).data;
  EXPECT_TRUE(first + second == two.memory);
  say(data_in(one, 0, 0, true), std::string(1001, 'z'));
  settle();
  EXPECT_EQ(one.done_calls, 1) << failure();
  EXPECT_EQ(one.memory, std::string(1001, 'z'));
  std::string spoilt = bytes_of(response(two, 2), std::string(20, 's'), true);
  spoilt[60] ^= 1;
  say(spoilt);
  settle();
  EXPECT_NE(failure().find("data digest"), std::string::npos) << failure();
  EXPECT_TRUE(two.command.lost);
}

TEST_F(NativeSessionTest, AWrongHeaderDigestEndsTheSession) {
  parameters_.header_digest = true;
  begin();
  Command& one = read(512);
  settle();
  std::string spoilt = bytes_of(response(one), {}, true);
  spoilt[3] ^= 1;
  say(spoilt);
  settle();
  EXPECT_NE(failure().find("header digest"), std::string::npos) << failure();
}

TEST_F(NativeSessionTest, ThePeersPingIsAnsweredAndOursIsSent) {
  options_.ping_every = std::chrono::milliseconds(20);
  begin();
  iscsi::NopInBhs ping;
  ping.target_transfer_tag = 77;
  say(ping, {}, false);
  bool answered = false, pinged = false;
  for (int i = 0; i < 500 && !(answered && pinged); ++i) {
    const std::optional<SentPdu> pdu = next_sent();
    if (!pdu) continue;
    ASSERT_EQ(pdu->header.opcode.opcode(), Opcode::nop_out);
    EXPECT_TRUE(pdu->header.opcode.immediate());
    const auto out = pdu->as<iscsi::NopOutBhs>();
    EXPECT_EQ(out.cmd_sn, first_cmd_sn) << "an immediate one takes no CmdSN";
    if (out.target_transfer_tag == 77U) {
      EXPECT_EQ(out.initiator_task_tag, iscsi::reserved_tag);
      answered = true;
    } else {
      iscsi::NopInBhs pong;
      pong.initiator_task_tag = out.initiator_task_tag;
      say(pong);
      settle();
      pinged = true;
    }
  }
  EXPECT_TRUE(answered);
  EXPECT_TRUE(pinged);
  EXPECT_EQ(failure(), "");
  EXPECT_EQ(session_->negotiated().count("last_ping_us"), 1U);
}

TEST_F(NativeSessionTest, EvidenceTellsWhatIsOwedAndWhatIsInTheWay) {
  begin(2);
  Command& first = write(10000);
  read(512);
  read(512);
  settle();
  ConnectionEvidence evidence = session_->evidence();
  EXPECT_EQ(evidence.owed, 3U);
  EXPECT_EQ(evidence.waiting, 1U);
  EXPECT_TRUE(evidence.window_closed);
  ASSERT_TRUE(evidence.oldest);
  EXPECT_EQ(evidence.oldest->tag, first.command.initiator_task_tag);
  EXPECT_EQ(evidence.oldest->cmd_sn, first_cmd_sn);
  EXPECT_EQ(evidence.window->cmd_sn, first_cmd_sn + 2);
  EXPECT_EQ(evidence.window->max_cmd_sn, first_cmd_sn + 1);
  EXPECT_EQ(evidence.last_stat_sn, first_stat_sn - 1);
  EXPECT_EQ(evidence.data_out_bytes, 0U) << "nothing was asked for";
  EXPECT_TRUE(session_->ping());
  EXPECT_FALSE(session_->ping()) << "one at a time";
  EXPECT_EQ(session_->evidence().ping.asked, 1U);
  say(response(first));
  settle();
  EXPECT_EQ(session_->evidence().owed, 2U);
  EXPECT_EQ(session_->evidence().last_stat_sn, first_stat_sn);
}

TEST_F(NativeSessionTest, ATargetThatWantsUsToLeaveGetsItsLogout) {
  begin();
  Command& one = read(512);
  expect_sent(Opcode::scsi_command);
  iscsi::AsyncMessageBhs message;
  message.event = iscsi::AsyncEvent::logout_requested;
  message.parameter3 = std::uint16_t{10};
  say(message);
  const auto logout = expect_sent(Opcode::logout_request).as<iscsi::LogoutRequestBhs>();
  EXPECT_EQ(logout.reason(), iscsi::LogoutReason::close_session);
  say(data_in(one, 0, 0, true), std::string(512, 'l'));  // What it still answers counts.
  iscsi::LogoutResponseBhs goodbye;
  goodbye.initiator_task_tag = logout.initiator_task_tag;
  say(goodbye);
  settle();
  EXPECT_FALSE(one.command.lost);
  EXPECT_EQ(failure(), "the target asked to log out: it is about to end");
}

TEST_F(NativeSessionTest, ADroppedConnectionIsSaid) {
  begin();
  iscsi::AsyncMessageBhs message;
  message.event = iscsi::AsyncEvent::connection_dropped;
  say(message);
  settle();
  EXPECT_EQ(failure(), "the target said that it drops the connection");
}

TEST_F(NativeSessionTest, ATargetMayNegotiateAnew) {
  begin();
  iscsi::AsyncMessageBhs message;
  message.event = iscsi::AsyncEvent::negotiation_requested;
  say(message);
  const SentPdu text = expect_sent(Opcode::text_request);
  iscsi::TextResponseBhs answer;
  answer.initiator_task_tag = text.header.initiator_task_tag;
  say(answer, std::string("MaxRecvDataSegmentLength=512\0", 29));
  settle();
  EXPECT_EQ(failure(), "");
  write(600);
  EXPECT_EQ(expect_sent(Opcode::scsi_command).data.size(), 512U) << "from now on";
}

Task<void> reset_unit(NativeSession& session, std::optional<iscsi::TaskManagementResponseCode>& answer) {
  Result<iscsi::TaskManagementResponseCode> reply = co_await session.manage_tasks(
      iscsi::TaskManagementFunction::logical_unit_reset, 3, clock_now() + std::chrono::seconds(20));
  if (reply) answer = *reply;
}

TEST_F(NativeSessionTest, AUnitCanBeReset) {
  begin();
  // The tag is the first of those that are no command's, so the answer may wait in the socket already.
  iscsi::TaskManagementResponseBhs done;
  done.initiator_task_tag = std::uint32_t{0x4000'0000};
  done.response = iscsi::TaskManagementResponseCode::function_rejected;
  say(done);
  std::optional<iscsi::TaskManagementResponseCode> answer;
  loop_->run(reset_unit(*session_, answer));
  EXPECT_EQ(answer, iscsi::TaskManagementResponseCode::function_rejected) << failure();
  const auto sent = expect_sent(Opcode::task_management_request).as<iscsi::TaskManagementRequestBhs>();
  EXPECT_EQ(sent.function(), iscsi::TaskManagementFunction::logical_unit_reset);
  EXPECT_EQ(sent.lun[1], 3);
}

TEST_F(NativeSessionTest, TheEndOfTheConnectionGivesEverythingBack) {
  begin();
  Command& one = read(512);
  Command& two = write(9000);
  settle();
  target_.reset();
  settle();
  EXPECT_EQ(one.done_calls + two.done_calls, 2);
  EXPECT_TRUE(one.command.lost && two.command.lost);
  EXPECT_NE(failure(), "");
}

TEST_F(NativeSessionTest, AWriteThatIsRefusedBeforeItsDataWasSentIsDoneOnce) {
  begin();
  Command& one = write(10000);
  settle();
  say(r2t(one, 0, 4096, 3000), {}, false);
  say(response(one, 2), std::string(20, '\0'));
  settle();
  EXPECT_EQ(one.done_calls, 1) << failure();
  EXPECT_EQ(one.command.answer.status, 2);
  Command& two = write(512);
  settle();
  say(response(two));
  settle();
  EXPECT_EQ(two.done_calls, 1) << failure();
}

}  // namespace
}  // namespace holdfast::initiator
