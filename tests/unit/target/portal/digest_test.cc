// Digests on the wire, both ways, right and wrong.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/support/raw_initiator.h"
#include "tests/support/test_target.h"

namespace holdfast::target {
namespace {

using namespace std::chrono_literals;
using iscsi::Digests;

constexpr std::uint8_t good = 0;
constexpr std::uint8_t check_condition = 2;

/// Bytes that differ from block to block.
std::string pattern(std::size_t bytes, int seed) {
  std::string data(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) data[i] = static_cast<char>(i * 31 + i / 512 * 7 + static_cast<std::size_t>(seed));
  return data;
}

class DigestTest : public testing::Test {
 protected:
  std::unique_ptr<RawInitiator> log_in(Digests digests, const std::string& more = "", std::uint8_t isid_tail = 1) {
    RawInitiator::Login login;
    login.isid_tail = isid_tail;
    login.keys = std::string("HeaderDigest=") + (digests.header ? "CRC32C" : "None") +
                 ";DataDigest=" + (digests.data ? "CRC32C" : "None") + ";" + more;
    auto initiator = std::make_unique<RawInitiator>(target_.port(), login);
    initiator->use_digests(digests);
    initiator->clear_unit_attention();
    return initiator;
  }

  TestTarget target_;
};

TEST_F(DigestTest, EveryCombinationCarriesDataBothWays) {
  std::uint8_t isid_tail = 1;
  for (const Digests digests : {Digests{true, false}, Digests{false, true}, Digests{true, true}}) {
    const auto initiator = log_in(digests, "InitialR2T=No;ImmediateData=Yes;MaxRecvDataSegmentLength=4096;", ++isid_tail);
    const std::string data = pattern(64 * 512, isid_tail);
    iscsi::ScsiCommandBhs command = initiator->write10(7, 100, 64);
    initiator->send(command, data);
    EXPECT_EQ(initiator->finish(7), good);
    EXPECT_EQ(initiator->read(8, 100, 64), data) << "in Data-Ins of 4096 bytes, each with its digest";
    iscsi::NopOutBhs ping;
    ping.initiator_task_tag = 9;
    ping.cmd_sn = initiator->cmd_sn++;
    initiator->send(ping, "odd");
    initiator->receive_as<iscsi::NopInBhs>();
    EXPECT_EQ(initiator->data(), "odd") << "a segment with padding";
  }
}

TEST_F(DigestTest, AWrongHeaderDigestEndsTheConnection) {
  const auto initiator = log_in({true, true});
  initiator->spoil_header_digest();
  initiator->send(initiator->test_unit_ready(7));
  EXPECT_TRUE(initiator->is_closed());
  EXPECT_EQ(log_in({true, true}, "", 2)->read(8, 0, 1).size(), 512u) << "nobody else noticed";
}

TEST_F(DigestTest, SpoiledImmediateDataFailsItsCommandAndTouchesNothing) {
  const auto initiator = log_in({false, true}, "ImmediateData=Yes;");
  initiator->spoil_data_digest();
  initiator->send(initiator->write10(7, 5, 8), pattern(8 * 512, 1));
  const auto reject = initiator->receive_as<iscsi::RejectBhs>();
  EXPECT_EQ(reject.reason, iscsi::RejectReason::data_digest_error);
  std::string sense;
  const auto response = initiator->receive_as<iscsi::ScsiResponseBhs>();
  EXPECT_EQ(response.status, check_condition);
  sense = initiator->data();
  ASSERT_GE(sense.size(), 16u);
  EXPECT_EQ(sense[2 + 2] & 0xf, 0x0b) << "ABORTED COMMAND";
  EXPECT_EQ(sense[2 + 12], 0x47) << "PROTOCOL SERVICE CRC ERROR";
  EXPECT_EQ(sense[2 + 13], 0x05);
  EXPECT_EQ(initiator->read(8, 5, 8), std::string(8 * 512, '\0'));
  initiator->send(initiator->write10(9, 5, 8), pattern(8 * 512, 1));
  EXPECT_EQ(initiator->finish(9), good) << "sent again";
}

TEST_F(DigestTest, ASpoiledDataOutFailsItsCommandOnceAllItsDataIsHere) {
  const auto initiator = log_in({true, true}, "InitialR2T=Yes;ImmediateData=No;MaxBurstLength=4096;");
  initiator->send(initiator->write10(7, 5, 16));  // two bursts
  const auto r2t = initiator->receive_as<iscsi::R2tBhs>();
  EXPECT_EQ(r2t.desired_data_transfer_length, 4096u);
  const std::string burst = pattern(4096, 1);
  iscsi::DataOutBhs first;
  first.initiator_task_tag = 7;
  first.target_transfer_tag = r2t.target_transfer_tag;
  initiator->spoil_data_digest();
  initiator->send(first, std::string_view(burst).substr(0, 2048));
  EXPECT_EQ(initiator->receive_as<iscsi::RejectBhs>().reason, iscsi::RejectReason::data_digest_error);
  EXPECT_FALSE(initiator->receive_if_any(100ms)) << "the burst is not over";
  iscsi::DataOutBhs second = first;
  second.flags = iscsi::final_bit;
  second.data_sn = 1;
  second.buffer_offset = 2048;
  initiator->send(second, std::string_view(burst).substr(2048));
  EXPECT_EQ(initiator->receive_as<iscsi::ScsiResponseBhs>().status, check_condition) << "and no R2T for the second burst";
  EXPECT_EQ(initiator->read(8, 5, 16), std::string(16 * 512, '\0'));
}

TEST_F(DigestTest, ASpoiledPingIsRejectedAndTheSessionGoesOn) {
  const auto initiator = log_in({false, true});
  iscsi::NopOutBhs ping;
  ping.initiator_task_tag = 9;
  ping.cmd_sn = initiator->cmd_sn++;
  initiator->spoil_data_digest();
  initiator->send(ping, "data");
  EXPECT_EQ(initiator->receive_as<iscsi::RejectBhs>().reason, iscsi::RejectReason::data_digest_error);
  EXPECT_EQ(initiator->read(8, 0, 1).size(), 512u);
}

TargetConfig with_digests_alone() {
  TargetConfig config;
  config.header_digest = {.none = false, .crc32c = true};
  return config;
}

TEST(DigestRequired, ATargetThatWantsDigestsTakesNobodyWithout) {
  TestTarget target({.config = with_digests_alone()});
  RawInitiator::Login login;
  login.keys = "HeaderDigest=None;";
  EXPECT_THROW(RawInitiator(target.port(), login), std::runtime_error);
  login.keys = "HeaderDigest=None,CRC32C;";
  RawInitiator initiator(target.port(), login);
  initiator.use_digests({.header = true, .data = false});
  initiator.clear_unit_attention();
  EXPECT_EQ(initiator.read(8, 0, 1).size(), 512u);
}

}  // namespace
}  // namespace holdfast::target
