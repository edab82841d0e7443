// Whatever breaks the protocol ends the session with words that name it, and gives every command back.

#include <gtest/gtest.h>

#include "tests/unit/initiator/device/native/hand_fed.h"

namespace holdfast::initiator {
namespace {

class Violations : public HandFed {
 protected:
  void SetUp() override {
    HandFed::SetUp();
    begin();
    read_ = &read(2048);
    write_ = &write(10000);
    settle();
  }
  void expect_broken(const std::string& how) {
    settle();
    EXPECT_NE(failure().find("the target broke the iSCSI protocol: " + how), std::string::npos) << failure();
    settle();
    EXPECT_TRUE(read_->command.lost && write_->command.lost);
  }
  iscsi::DataInBhs data(std::uint32_t sn, std::uint32_t offset) { return data_in(*read_, sn, offset, false); }

  Command* read_ = nullptr;
  Command* write_ = nullptr;
};

TEST_F(Violations, DataForACommandThatThereIsNot) {
  iscsi::DataInBhs header = data(0, 0);
  header.initiator_task_tag = read_->command.initiator_task_tag + 0x1000;
  say(header, std::string(512, 'x'), false);
  expect_broken("data for a command that there is not");
}

TEST_F(Violations, ATagBeyondTheTable) {
  iscsi::DataInBhs header = data(0, 0);
  header.initiator_task_tag = std::uint32_t{0x0000'0fff};
  say(header, std::string(512, 'x'), false);
  expect_broken("data for a command that there is not");
}

TEST_F(Violations, DataForAWrite) {
  say(data_in(*write_, 0, 0, false), std::string(512, 'x'), false);
  expect_broken("data for a command that reads none");
}

TEST_F(Violations, ADataSnOutOfOrder) {
  say(data(1, 0), std::string(512, 'x'), false);
  expect_broken("a DataSN out of order");
}

TEST_F(Violations, ABufferOffsetOutOfOrder) {
  say(data(0, 512), std::string(512, 'x'), false);
  expect_broken("a Buffer Offset out of order");
}

TEST_F(Violations, MoreDataThanAskedFor) {
  say(data(0, 0), std::string(2000, 'x'), false);
  say(data(1, 2000), std::string(49, 'x'), false);
  expect_broken("more data than was asked for");
}

TEST_F(Violations, DataWithoutData) {
  say(data(0, 0), {}, false);
  expect_broken("a Data-In without data");
}

TEST_F(Violations, ASegmentLongerThanWeDeclared) {
  say(data(0, 0), std::string(8193, 'x'), false);
  expect_broken("a data segment longer than MaxRecvDataSegmentLength");
}

TEST_F(Violations, AnAnswerBeforeItsNeighbourIsNone) {
  ++stat_sn_;
  say(response(*read_));
  settle();
  EXPECT_EQ(failure(), "");
}

TEST_F(Violations, AStatSnFarOutOfOrder) {
  stat_sn_ += 1000;
  say(response(*read_));
  expect_broken("a StatSN out of order");
}

TEST_F(Violations, AStatusThatComesTwice) {
  say(response(*read_));
  say(response(*read_));
  settle();
  EXPECT_NE(failure().find("a response to a command that there is not"), std::string::npos) << failure();
  EXPECT_EQ(read_->done_calls, 1);
}

TEST_F(Violations, AnUnderflowOfMoreThanThereIs) {
  iscsi::ScsiResponseBhs header = response(*read_);
  header.flags |= iscsi::ScsiResponseBhs::underflow_bit;
  header.residual_count = std::uint32_t{2049};
  say(header);
  expect_broken("a residual count larger than what was asked for");
}

TEST_F(Violations, AnUnderflowAndAnOverflow) {
  iscsi::ScsiResponseBhs header = response(*read_);
  header.flags |= iscsi::ScsiResponseBhs::underflow_bit | iscsi::ScsiResponseBhs::overflow_bit;
  say(header);
  expect_broken("an underflow and an overflow at once");
}

TEST_F(Violations, R2ts) {
  struct Case {
    const char* words;
    std::uint32_t sn, offset, bytes;
    bool for_read = false;
  };
  const Case cases[] = {
      {"an R2T for a command that writes nothing", 0, 0, 512, true},
      {"an R2TSN out of order", 1, 4096, 512},
      {"an R2T for data that is not next", 0, 8192, 512},
      {"an R2T for data that is not next", 0, 0, 512},
      {"an R2T for no data", 0, 4096, 0},
      {"an R2T for more data than there is", 0, 4096, 5905},
      {"an R2T for more data than there is", 0, 4096, 0xffff'ffff},
  };
  for (const Case& one : cases) {
    TearDown();
    commands_.clear();
    SetUp();
    say(r2t(one.for_read ? *read_ : *write_, one.sn, one.offset, one.bytes), {}, false);
    expect_broken(one.words);
  }
}

TEST_F(Violations, AnR2tWithoutATag) {
  iscsi::R2tBhs header = r2t(*write_, 0, 4096, 512);
  header.target_transfer_tag = iscsi::reserved_tag;
  say(header, {}, false);
  expect_broken("an R2T without a tag");
}

TEST_F(Violations, MoreR2tsAtOnceThanWeAllowed) {
  std::string stream;
  for (std::uint32_t i = 0; i < 3; ++i) stream += bytes_of(r2t(*write_, i, 4096 + i * 512, 512), {}, false);
  say(stream);
  expect_broken("more R2Ts at once than MaxOutstandingR2T");
}

TEST_F(Violations, AnswersToWhatWasNotAsked) {
  iscsi::NopInBhs pong;
  pong.initiator_task_tag = std::uint32_t{5};
  say(pong);
  expect_broken("an answer to a ping that was not sent");
}

TEST_F(Violations, ATextThatWasNotAskedFor) {
  iscsi::TextResponseBhs text;
  text.initiator_task_tag = std::uint32_t{5};
  say(text, "TargetName=x");
  expect_broken("an answer to a question that was not asked");
}

TEST_F(Violations, ATaskManagementResponseThatWasNotAskedFor) {
  say(iscsi::TaskManagementResponseBhs{});
  expect_broken("an answer to a question that was not asked");
  TearDown();
  commands_.clear();
  SetUp();
  iscsi::TaskManagementResponseBhs without_tag;
  without_tag.initiator_task_tag = iscsi::reserved_tag;
  say(without_tag);
  expect_broken("an answer to a question that was not asked");
}

TEST_F(Violations, ALoginResponse) {
  say(iscsi::LoginResponseBhs{});
  expect_broken("a Login Response after the login");
}

TEST_F(Violations, WhatOnlyInitiatorsSend) {
  say(iscsi::ScsiCommandBhs{}, {}, false);
  expect_broken("an opcode that only the other side sends");
}

TEST_F(Violations, WhatNobodySends) {
  iscsi::GenericBhs header;
  header.opcode = static_cast<iscsi::Opcode>(0x3e);
  say(header);
  expect_broken("an unknown opcode");
}

TEST_F(Violations, PingsWithoutEnd) {
  std::string stream;
  iscsi::NopInBhs ping;
  ping.target_transfer_tag = std::uint32_t{1};
  for (int i = 0; i < 64; ++i) stream += bytes_of(ping, {}, false);
  // What is answered goes out as long as the socket has room for it.
  for (int round = 0; round < 10'000 && !session_->failed(); ++round) {
    say(stream);
    settle();
  }
  expect_broken("it asks for more answers than it reads");
}

TEST_F(Violations, ARejectNamesWhatWasRejected) {
  iscsi::RejectBhs reject;
  reject.reason = iscsi::RejectReason::invalid_pdu_field;
  const iscsi::HeaderBytes ours = iscsi::to_bytes(iscsi::DataOutBhs{});
  say(reject, std::string(reinterpret_cast<const char*>(ours.data()), ours.size()));
  settle();
  EXPECT_EQ(failure(), "the target rejected SCSI Data-Out with reason 09h");
}

}  // namespace
}  // namespace holdfast::initiator
