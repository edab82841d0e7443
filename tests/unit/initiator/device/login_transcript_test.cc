#include "initiator/device/login_transcript.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "common/iscsi/framing.h"
#include "common/iscsi/pdu.h"

namespace holdfast::initiator {
namespace {

using Keys = std::map<std::string, std::string>;

void append_response(std::vector<std::byte>& bytes, std::string_view text) {
  iscsi::LoginResponseBhs header;
  header.data_segment_bytes = static_cast<std::uint32_t>(text.size());
  const auto* raw = reinterpret_cast<const std::byte*>(&header);
  bytes.insert(bytes.end(), raw, raw + sizeof header);
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  bytes.insert(bytes.end(), data, data + text.size());
  bytes.resize(bytes.size() + iscsi::padding_of(static_cast<std::uint32_t>(text.size())));
}

std::string_view text(const char* literal, std::size_t bytes) { return {literal, bytes - 1}; }

TEST(LoginTranscript, GathersTheKeysOfEveryResponse) {
  std::vector<std::byte> bytes;
  constexpr char first[] = "TargetPortalGroupTag=1\0AuthMethod=None\0";
  constexpr char second[] = "MaxBurstLength=262144\0InitialR2T=No\0";
  append_response(bytes, text(first, sizeof first));
  append_response(bytes, text(second, sizeof second));
  EXPECT_EQ(read_login_transcript(bytes), (Keys{{"TargetPortalGroupTag", "1"},
                                                {"AuthMethod", "None"},
                                                {"MaxBurstLength", "262144"},
                                                {"InitialR2T", "No"}}));
}

TEST(LoginTranscript, JoinsAPairThatTwoResponsesShare) {
  std::vector<std::byte> bytes;
  append_response(bytes, "MaxBurst");
  constexpr char rest[] = "Length=512\0";
  append_response(bytes, text(rest, sizeof rest));
  EXPECT_EQ(read_login_transcript(bytes), (Keys{{"MaxBurstLength", "512"}}));
}

TEST(LoginTranscript, LeavesOutWhatAuthenticationSaid) {
  std::vector<std::byte> bytes;
  constexpr char secret[] = "CHAP_A=5\0CHAP_C=0xabcdef\0A=b\0";
  append_response(bytes, text(secret, sizeof secret));
  EXPECT_EQ(read_login_transcript(bytes), (Keys{{"A", "b"}}));
}

TEST(LoginTranscript, TheSessionIsThatOfTheLastResponse) {
  EXPECT_FALSE(login_identity({}));
  std::vector<std::byte> bytes;
  append_response(bytes, "");
  iscsi::LoginResponseBhs last;
  last.isid = {0x80, 0x12, 0x34, 0x56, 0x00, 0x01};
  last.tsih = 7;
  const auto* raw = reinterpret_cast<const std::byte*>(&last);
  bytes.insert(bytes.end(), raw, raw + sizeof last);
  const std::optional<LoginIdentity> identity = login_identity(bytes);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->isid, "801234560001");
  EXPECT_EQ(identity->tsih, 7u);
  const auto record = session_record(bytes, "iqn.2026-11.example:us", "192.0.2.7:3260");
  EXPECT_EQ(record.at("InitiatorName"), "iqn.2026-11.example:us");
  EXPECT_EQ(record.at("ISID"), identity->isid);
  EXPECT_EQ(record.at("TSIH"), std::to_string(identity->tsih));
  EXPECT_EQ(record.at("portal"), "192.0.2.7:3260");
}

TEST(LoginTranscript, StopsAtWhatIsDamagedOrCutOff) {
  std::vector<std::byte> bytes;
  constexpr char good[] = "A=b\0";
  append_response(bytes, text(good, sizeof good));
  const std::size_t whole = bytes.size();
  constexpr char other[] = "C=d\0";
  append_response(bytes, text(other, sizeof other));
  for (std::size_t cut = whole; cut < bytes.size(); ++cut)
    EXPECT_EQ(read_login_transcript(std::span(bytes).first(cut)), (Keys{{"A", "b"}})) << cut;
  bytes[whole] = std::byte{0x20};  // No login response any more.
  EXPECT_EQ(read_login_transcript(bytes), (Keys{{"A", "b"}}));
  EXPECT_EQ(read_login_transcript({}), Keys{});
  EXPECT_EQ(read_login_transcript(std::vector<std::byte>(48, std::byte{0xff})), Keys{});
}

}  // namespace
}  // namespace holdfast::initiator
