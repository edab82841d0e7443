#include "initiator/fault/framing.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "common/iscsi/pdu.h"

namespace holdfast::initiator {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(std::string_view text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

template <iscsi::Bhs T>
Bytes pdu(T header, std::string_view data = {}, std::size_t digests = 0) {
  header.data_segment_bytes = static_cast<std::uint32_t>(data.size());
  const iscsi::HeaderBytes head = iscsi::to_bytes(header);
  Bytes all(head.begin(), head.end());
  const Bytes body = bytes_of(data);
  all.insert(all.end(), body.begin(), body.end());
  all.resize(all.size() + iscsi::padding_of(header.data_segment_bytes) + digests);
  return all;
}

iscsi::LoginResponseBhs final_login_response() {
  iscsi::LoginResponseBhs response;
  response.flags = iscsi::LoginFlags::make(true, false, iscsi::LoginStage::operational_negotiation,
                                           iscsi::LoginStage::full_feature_phase);
  return response;
}

void expect_message(const Found& found, MessageKind kind, std::uint64_t bytes) {
  ASSERT_EQ(found.what, Found::What::message);
  EXPECT_TRUE(found.message.is(kind)) << name_of(found.message.kind);
  EXPECT_EQ(found.message.bytes, bytes);
}

TEST(Framing, PdusAreToldByTheirHeaderAlone) {
  Framing framing;
  const Bytes login = pdu(iscsi::LoginRequestBhs{}, "InitiatorName=x");
  EXPECT_EQ(framing.look(Way::out, std::span(login).first(1)).what, Found::What::need_more);
  expect_message(framing.look(Way::out, std::span(login).first(48)), MessageKind::login_request, 48 + 16);
  iscsi::ScsiCommandBhs read;
  read.cdb[0] = 0x88;  // READ (16)
  const Found found = framing.look(Way::out, pdu(read));
  expect_message(found, MessageKind::read, 48);
  EXPECT_TRUE(found.message.is(MessageKind::request) && found.message.is(MessageKind::scsi_command));
}

TEST(Framing, ALoginDecidesWhereDigestsAre) {
  Framing framing;
  expect_message(framing.look(Way::out, pdu(iscsi::LoginRequestBhs{})), MessageKind::login_request, 48);
  const Bytes answer = pdu(final_login_response(), std::string_view("HeaderDigest=CRC32C\0DataDigest=CRC32C\0", 38));
  const Found half = framing.look(Way::in, std::span(answer).first(60));
  EXPECT_EQ(half.what, Found::What::need_more);
  EXPECT_EQ(half.bytes, answer.size());
  expect_message(framing.look(Way::in, answer), MessageKind::login_response, answer.size());
  const Found found = framing.look(Way::in, pdu(iscsi::DataInBhs{}, "12345"));
  expect_message(found, MessageKind::data_in, 48 + 4 + 8 + 4);
  EXPECT_EQ(found.message.header_digest.offset, 48u);
  EXPECT_EQ(found.message.data.offset, 52u);
  EXPECT_EQ(found.message.data_digest.offset, 60u);
  EXPECT_EQ(framing.look(Way::out, pdu(iscsi::NopOutBhs{})).message.data_digest.bytes, 0u);
}

TEST(Framing, WhatTakesAStatSnIsKnown) {
  Framing framing;
  framing.look(Way::out, pdu(iscsi::LoginRequestBhs{}));
  iscsi::DataInBhs with_status;
  with_status.flags = iscsi::DataInBhs::status_bit;
  iscsi::NopInBhs answer;
  answer.initiator_task_tag = 5;
  EXPECT_TRUE(framing.look(Way::in, pdu(iscsi::ScsiResponseBhs{})).message.takes_stat_sn);
  EXPECT_TRUE(framing.look(Way::in, pdu(with_status)).message.takes_stat_sn);
  EXPECT_TRUE(framing.look(Way::in, pdu(answer)).message.takes_stat_sn);
  EXPECT_FALSE(framing.look(Way::in, pdu(iscsi::DataInBhs{})).message.takes_stat_sn);
  EXPECT_FALSE(framing.look(Way::in, pdu(iscsi::R2tBhs{})).message.takes_stat_sn);
  EXPECT_FALSE(framing.look(Way::in, pdu(iscsi::NopInBhs{})).message.takes_stat_sn);
  EXPECT_FALSE(framing.look(Way::out, pdu(iscsi::NopOutBhs{})).message.takes_stat_sn);
}

Bytes from_hex(std::string_view hex) {
  Bytes bytes;
  std::string pair;
  for (const char digit : hex) {
    if (digit == ' ') continue;
    pair += digit;
    if (pair.size() < 2) continue;
    bytes.push_back(static_cast<std::byte>(std::stoul(pair, nullptr, 16)));
    pair.clear();
  }
  return bytes;
}

/// As far as transmission: greeting, client flags, NBD_OPT_GO and its answer.
void shake_hands(Framing& framing) {
  expect_message(framing.look(Way::in, from_hex("4e42444d41474943 49484156454f5054 0003")), MessageKind::message, 18);
  expect_message(framing.look(Way::out, from_hex("00000003")), MessageKind::message, 4);
  expect_message(framing.look(Way::out, from_hex("49484156454f5054 00000007 00000006")), MessageKind::message, 22);
  expect_message(framing.look(Way::in, from_hex("0003e889045565a9 00000007 00000001 00000000")), MessageKind::message, 20);
}

TEST(Framing, NbdRequestsAndRepliesAreTold) {
  Framing framing;
  shake_hands(framing);
  const Found read = framing.look(Way::out, from_hex("25609513 0000 0000 00000000000000aa 0000000000001000 00000200"));
  expect_message(read, MessageKind::read, 28);
  const Found write = framing.look(Way::out, from_hex("25609513 0000 0001 00000000000000ab 0000000000001000 00000200"));
  expect_message(write, MessageKind::write, 28 + 512);
  EXPECT_EQ(write.message.data.offset, 28u);
  expect_message(framing.look(Way::in, from_hex("67446698 00000000 00000000000000ab")), MessageKind::reply, 16);
  expect_message(framing.look(Way::in, from_hex("67446698 00000000 00000000000000aa")), MessageKind::reply, 16 + 512);
  expect_message(framing.look(Way::in, from_hex("668e33ef 0001 0001 00000000000000ac 00000208")), MessageKind::reply, 20 + 520);
}

TEST(Framing, ALostPlaceInNbdLeavesBytes) {
  Framing framing;
  shake_hands(framing);
  EXPECT_EQ(framing.look(Way::out, from_hex("deadbeef")).what, Found::What::bytes);
  EXPECT_EQ(framing.look(Way::out, from_hex("25609513")).what, Found::What::bytes);
}

TEST(Framing, RpcRecordsAreRequestsAndReplies) {
  Framing framing;
  const Bytes call = from_hex("80000028 00000001 00000000 00000002");
  expect_message(framing.look(Way::out, call), MessageKind::request, 4 + 40);
  expect_message(framing.look(Way::in, from_hex("80000018")), MessageKind::reply, 4 + 24);
}

TEST(Framing, WhatNobodyKnowsIsBytes) {
  Framing framing;
  EXPECT_EQ(framing.look(Way::out, bytes_of("GET / HTTP/1.1\r\n")).what, Found::What::bytes);
  EXPECT_EQ(framing.look(Way::in, bytes_of("HTTP/1.1 200")).what, Found::What::bytes);
  Framing other;
  EXPECT_EQ(other.look(Way::in, bytes_of("NB")).what, Found::What::need_more);
  EXPECT_EQ(other.look(Way::in, bytes_of("NBDMAXXX")).what, Found::What::bytes);
}

}  // namespace
}  // namespace holdfast::initiator
