// Data of READs and WRITEs on the wire.

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "tests/support/raw_initiator.h"
#include "tests/support/test_target.h"

namespace holdfast::target {
namespace {

using namespace std::chrono_literals;
using iscsi::DataInBhs;
using iscsi::ScsiResponseBhs;

constexpr std::uint8_t good = 0, check_condition = 2, task_set_full = 0x28;

/// Bytes that differ from block to block.
std::string pattern(std::size_t bytes, int seed) {
  std::string data(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i)
    data[i] = static_cast<char>(i * 31 + i / 512 * 7 + static_cast<std::size_t>(seed));
  return data;
}

/// Sense key, ASC and ASCQ from a SCSI Response's data segment.
struct SenseCode {
  int key, code, qualifier;
  bool operator==(const SenseCode&) const = default;
};
std::ostream& operator<<(std::ostream& out, const SenseCode& sense) {
  return out << std::hex << sense.key << '/' << sense.code << '/' << sense.qualifier;
}
SenseCode sense_in(const std::string& segment) {
  if (segment.size() < 2 + 14) return {-1, -1, -1};
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(segment[2 + i]); };
  return {byte(2) & 0xf, byte(12), byte(13)};
}

/// Everything unsolicited is off.
constexpr const char* only_invited =
    "InitialR2T=Yes;ImmediateData=No;MaxBurstLength=65536;MaxOutstandingR2T=8;";

TargetConfig config_with(std::uint32_t r2ts) {
  TargetConfig config;
  config.offered.max_outstanding_r2t = r2ts;
  return config;
}

class DataTest : public testing::Test {
 protected:
  DataTest() : target_({.config = config_with(8)}) {}

  std::unique_ptr<RawInitiator> log_in(const std::string& keys = "", std::uint8_t isid_tail = 1) {
    auto initiator = std::make_unique<RawInitiator>(
        target_.port(), RawInitiator::Login{.keys = keys, .isid_tail = isid_tail});
    initiator->clear_unit_attention();
    return initiator;
  }

  iscsi::DataOutBhs unsolicited(std::uint32_t tag, std::uint32_t sn, std::uint32_t offset,
                                bool final) {
    iscsi::DataOutBhs header;
    header.flags = final ? iscsi::final_bit : 0;
    header.initiator_task_tag = tag;
    header.data_sn = sn;
    header.buffer_offset = offset;
    return header;
  }

  /// A write and a read go through.
  static void initiator_works(RawInitiator& initiator) {
    const std::string data = pattern(128 * 512, 5);
    auto command = initiator.write10(1000, 0, 128);
    initiator.send(command);
    for (std::size_t sent = 0; sent < data.size();) {
      const auto r2t = initiator.receive_as<iscsi::R2tBhs>();
      initiator.answer(r2t, data.substr(r2t.buffer_offset, r2t.desired_data_transfer_length));
      sent += r2t.desired_data_transfer_length;
    }
    EXPECT_EQ(initiator.finish(1000), good);
    EXPECT_EQ(initiator.read(1001, 0, 128), data);
  }

  TestTarget target_;
};

TEST_F(DataTest, AReadsLastDataInCarriesItsStatus) {
  const auto initiator = log_in();
  initiator->send(initiator->read10(1, 0, 8));
  const auto header = initiator->receive_as<DataInBhs>();
  EXPECT_EQ(header.flags, iscsi::final_bit | DataInBhs::status_bit);
  EXPECT_EQ(header.status, good);
  EXPECT_EQ(header.data_sn, 0u);
  EXPECT_EQ(initiator->data(), std::string(4096, '\0'));
}

TEST_F(DataTest, AReadIsCutBySegmentAndBurst) {
  const auto initiator = log_in("MaxRecvDataSegmentLength=1024;MaxBurstLength=1536;"
                                "FirstBurstLength=1024;");
  initiator->send(initiator->read10(1, 0, 6));
  const std::uint32_t bytes[] = {1024, 512, 1024, 512};
  for (std::uint32_t i = 0; i < 4; ++i) {
    const auto header = initiator->receive_as<DataInBhs>();
    EXPECT_EQ(header.data_sn, i);
    EXPECT_EQ(initiator->data().size(), bytes[i]);
    EXPECT_EQ((header.flags & iscsi::final_bit) != 0, i % 2 == 1) << "the end of each burst";
    EXPECT_EQ((header.flags & DataInBhs::status_bit) != 0, i == 3);
  }
}

TEST_F(DataTest, AFailedReadIsToldInAResponseWithSense) {
  target_.inject({.kind = Fault::Kind::fail, .operation = StoreOperation::read});
  const auto initiator = log_in();
  initiator->send(initiator->read10(1, 0, 8));
  const auto response = initiator->receive_as<ScsiResponseBhs>();
  EXPECT_EQ(response.status, check_condition);
  EXPECT_EQ(response.flags, iscsi::final_bit | ScsiResponseBhs::underflow_bit);
  EXPECT_EQ(response.residual_count, 4096u);
  EXPECT_EQ(sense_in(initiator->data()).key, 3) << "MEDIUM ERROR";
}

TEST_F(DataTest, ResidualsSayWhatDidNotMove) {
  const auto initiator = log_in();
  auto more = initiator->read10(1, 0, 1);
  more.expected_data_transfer_length = 700;
  initiator->send(more);
  auto header = initiator->receive_as<DataInBhs>();
  EXPECT_NE(header.flags & DataInBhs::underflow_bit, 0);
  EXPECT_EQ(header.residual_count, 188u);
  auto less = initiator->read10(2, 0, 1);
  less.expected_data_transfer_length = 100;
  initiator->send(less);
  header = initiator->receive_as<DataInBhs>();
  EXPECT_NE(header.flags & DataInBhs::overflow_bit, 0);
  EXPECT_EQ(header.residual_count, 412u);
  EXPECT_EQ(initiator->data().size(), 100u);
}

TEST_F(DataTest, AWriteTakesImmediateUnsolicitedAndInvitedData) {
  const auto initiator = log_in("InitialR2T=No;ImmediateData=Yes;FirstBurstLength=65536;"
                                "MaxBurstLength=131072;MaxOutstandingR2T=1;");
  const std::string data = pattern(300 * 512, 1);
  auto command = initiator->write10(1, 100, 300);
  command.flags &= static_cast<std::uint8_t>(~iscsi::final_bit);
  initiator->send(command, data.substr(0, 10'000));
  initiator->send(unsolicited(1, 0, 10'000, false), data.substr(10'000, 20'000));
  initiator->send(unsolicited(1, 1, 30'000, true), data.substr(30'000, 35'536));
  const auto r2t = initiator->receive_as<iscsi::R2tBhs>();
  EXPECT_EQ(r2t.buffer_offset, 65'536u);
  EXPECT_EQ(r2t.desired_data_transfer_length, data.size() - 65'536);
  EXPECT_EQ(r2t.r2t_sn, 0u);
  initiator->answer(r2t, data.substr(65'536));
  EXPECT_EQ(initiator->finish(1), good);
  EXPECT_EQ(initiator->read(2, 100, 300), data);
}

TEST_F(DataTest, AWriteMayHaveSeveralRequestsOpen) {
  const auto initiator = log_in(only_invited);
  const std::string data = pattern(512 * 512, 2);
  initiator->send(initiator->write10(1, 0, 512));
  for (std::uint32_t i = 0; i < 4; ++i) {
    const auto r2t = initiator->receive_as<iscsi::R2tBhs>();
    EXPECT_EQ(r2t.r2t_sn, i);
    EXPECT_EQ(r2t.desired_data_transfer_length, 65'536u);
    initiator->answer(r2t, data.substr(r2t.buffer_offset, 65'536));
  }
  EXPECT_EQ(initiator->finish(1), good);
  EXPECT_EQ(initiator->read(2, 0, 512), data);
}

TEST_F(DataTest, ManyWritesAtOnceKeepTheirDataApart) {
  const auto initiator = log_in(only_invited);
  constexpr std::uint32_t commands = 16;
  for (std::uint32_t tag = 0; tag < commands; ++tag)
    initiator->send(initiator->write10(tag, 64 * tag, 64));
  std::vector<iscsi::R2tBhs> r2ts;
  for (std::uint32_t i = 0; i < commands; ++i)
    r2ts.push_back(initiator->receive_as<iscsi::R2tBhs>());
  for (auto r2t = r2ts.rbegin(); r2t != r2ts.rend(); ++r2t)  // Not in the order of the commands.
    initiator->answer(*r2t, pattern(64 * 512, static_cast<int>(r2t->initiator_task_tag)));
  for (std::uint32_t i = 0; i < commands; ++i)
    EXPECT_EQ(initiator->receive_as<ScsiResponseBhs>().status, good);
  for (std::uint32_t tag = 0; tag < commands; ++tag)
    EXPECT_EQ(initiator->read(100, 64 * tag, 64), pattern(64 * 512, static_cast<int>(tag))) << tag;
}

TEST_F(DataTest, AWriteThatIsRefusedStillSwallowsItsData) {
  const auto initiator = log_in("InitialR2T=No;ImmediateData=Yes;");
  auto command = initiator->write10(1, 0x7fff'ffff, 8);  // beyond the end
  command.flags &= static_cast<std::uint8_t>(~iscsi::final_bit);
  initiator->send(command, std::string(1000, 'x'));
  EXPECT_FALSE(initiator->receive_if_any(50ms)) << "not before the announced burst has ended";
  initiator->send(unsolicited(1, 0, 1000, true), std::string(3096, 'x'));
  const auto response = initiator->receive_as<ScsiResponseBhs>();
  EXPECT_EQ(response.status, check_condition);
  EXPECT_EQ(sense_in(initiator->data()), (SenseCode{5, 0x21, 0}));
  EXPECT_EQ(response.residual_count, 4096u);
  initiator->read(2, 0, 1);
}

TEST_F(DataTest, UnsolicitedDataAgainstTheAgreementFailsTheCommand) {
  const auto initiator = log_in(only_invited);
  initiator->send(initiator->write10(1, 0, 1), std::string(512, 'x'));
  EXPECT_EQ(initiator->finish(1), check_condition);
  EXPECT_EQ(sense_in(initiator->data()), (SenseCode{0xb, 0x0c, 0x0c}));
  EXPECT_EQ(initiator->read(2, 0, 1), std::string(512, '\0'));
}

TEST_F(DataTest, AWrongDataSnFailsTheCommandAndWritesNothing) {
  const auto initiator = log_in(only_invited);
  initiator->send(initiator->write10(1, 0, 2));
  const auto r2t = initiator->receive_as<iscsi::R2tBhs>();
  iscsi::DataOutBhs header;
  header.flags = iscsi::final_bit;
  header.initiator_task_tag = 1;
  header.target_transfer_tag = r2t.target_transfer_tag;
  header.data_sn = 27;
  initiator->send(header, std::string(1024, 'x'));
  EXPECT_EQ(initiator->finish(1), check_condition);
  EXPECT_EQ(sense_in(initiator->data()), (SenseCode{0xb, 0x47, 0x05}));
  initiator->send(header, std::string(1024, 'x'));  // for a command that is no more
  EXPECT_EQ(initiator->read(2, 0, 2), std::string(1024, '\0'));
}

TEST_F(DataTest, DataForNobodyIsSwallowed) {
  const auto initiator = log_in();
  initiator->send(unsolicited(4711, 0, 0, true), std::string(100'001, 'x'));
  initiator->read(1, 0, 1);
}

TEST_F(DataTest, ACommandOfTheLargestLengthMovesWhole) {
  const auto initiator = log_in(only_invited);
  constexpr std::uint16_t blocks = transfer_bytes_max / 512;
  const std::string data = pattern(transfer_bytes_max, 3);
  initiator->send(initiator->write10(1, 0, blocks));
  for (std::size_t sent = 0; sent < data.size();) {
    const auto r2t = initiator->receive_as<iscsi::R2tBhs>();
    initiator->answer(r2t, data.substr(r2t.buffer_offset, r2t.desired_data_transfer_length));
    sent += r2t.desired_data_transfer_length;
  }
  EXPECT_EQ(initiator->finish(1), good);
  EXPECT_EQ(initiator->read(2, 0, blocks), data);
}

TEST_F(DataTest, SilentWritersDoNotStarveOthersOfMemory) {
  // Goal: peers that hold all the memory that they can get, and do nothing, leave enough for a
  // third. Method: two sessions have R2Ts open for as many commands of 4 MiB as they are given
  // memory for.
  const auto silent1 = log_in(only_invited, 1);
  const auto silent2 = log_in(only_invited, 2);
  const auto worker = log_in(only_invited, 3);
  for (std::uint32_t tag = 0; tag < 12; ++tag) {
    silent1->send(silent1->write10(tag, 0, transfer_bytes_max / 512));
    silent2->send(silent2->write10(tag, 0, transfer_bytes_max / 512));
  }
  silent1->receive_as<iscsi::R2tBhs>();
  silent2->receive_as<iscsi::R2tBhs>();
  initiator_works(*worker);
  // One of the silent ones goes, and what it held is the worker's to use.
  silent1->reset();
  initiator_works(*worker);
}

TEST_F(DataTest, AFloodOfUnsolicitedDataIsAnsweredTaskSetFull) {
  // Goal: what peers may send unasked is bounded in memory, whatever their windows said. Method:
  // sessions announce first bursts of 256 KiB each, and send only the start of them.
  std::vector<std::unique_ptr<RawInitiator>> flood;
  bool refused = false;
  for (std::uint8_t session = 0; session < 12; ++session) {
    flood.push_back(log_in("InitialR2T=No;ImmediateData=Yes;FirstBurstLength=262144;"
                           "MaxBurstLength=262144;", session));
    RawInitiator& initiator = *flood.back();
    for (std::uint32_t tag = 0; tag < 14; ++tag) {
      auto command = initiator.write10(tag, 0, 512);
      command.flags &= static_cast<std::uint8_t>(~iscsi::final_bit);
      initiator.send(command, std::string(512, 'x'));
    }
    for (std::uint32_t tag = 0; tag < 14; ++tag)
      initiator.send(unsolicited(tag, 0, 512, true), std::string(512, 'y'));
    // Those that found memory ask for the rest; those that did not are refused, in step.
    for (std::uint32_t tag = 0; tag < 14; ++tag) {
      const RawInitiator::Pdu pdu = initiator.receive();
      if (pdu.opcode() != iscsi::Opcode::scsi_response) continue;
      EXPECT_EQ(pdu.as<ScsiResponseBhs>().status, task_set_full);
      refused = true;
    }
  }
  EXPECT_TRUE(refused);
  flood.clear();
  const auto later = log_in("", 99);
  initiator_works(*later);
}

}  // namespace
}  // namespace holdfast::target
