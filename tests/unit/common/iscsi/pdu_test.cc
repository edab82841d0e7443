#include "common/iscsi/pdu.h"

#include <gtest/gtest.h>

namespace holdfast::iscsi {
namespace {

std::uint8_t at(const HeaderBytes& bytes, std::size_t offset) {
  return std::to_integer<std::uint8_t>(bytes[offset]);
}

TEST(Pdu, LoginRequestHasItsFieldsWhereThePageHasThem) {
  LoginRequestBhs login;
  login.flags = LoginFlags::make(true, false, LoginStage::operational_negotiation,
                                 LoginStage::full_feature_phase);
  login.data_segment_bytes = 0x010203;
  login.isid = {0x40, 1, 2, 3, 4, 5};
  login.tsih = 0x0607;
  login.initiator_task_tag = 0x08090a0b;
  login.cid = 0x0c0d;
  login.cmd_sn = 0x0e0f1011;
  const HeaderBytes bytes = to_bytes(login);
  EXPECT_EQ(at(bytes, 0), 0x43);  // immediate
  EXPECT_EQ(at(bytes, 1), 0x87);
  EXPECT_EQ(at(bytes, 5), 1);
  EXPECT_EQ(at(bytes, 7), 3);
  EXPECT_EQ(at(bytes, 8), 0x40);
  EXPECT_EQ(at(bytes, 14), 6);
  EXPECT_EQ(at(bytes, 19), 0x0b);
  EXPECT_EQ(at(bytes, 20), 0x0c);
  EXPECT_EQ(at(bytes, 27), 0x11);

  const LoginRequestBhs back = from_bytes<LoginRequestBhs>(bytes);
  EXPECT_TRUE(back.opcode.immediate());
  EXPECT_EQ(back.flags.current_stage(), LoginStage::operational_negotiation);
  EXPECT_EQ(back.flags.next_stage(), LoginStage::full_feature_phase);
  EXPECT_EQ(back.data_segment_bytes, 0x010203u);
  EXPECT_EQ(back.cmd_sn, 0x0e0f1011u);
}

TEST(Pdu, AnyFirstByteIsAnOpcodeThatCanBeAsked) {
  for (int byte = 0; byte < 256; ++byte) {
    HeaderBytes bytes{};
    bytes[0] = static_cast<std::byte>(byte);
    const GenericBhs header = from_bytes<GenericBhs>(bytes);
    EXPECT_EQ(static_cast<int>(header.opcode.opcode()), byte & 0x3f);
    EXPECT_EQ(header.opcode.immediate(), (byte & 0x40) != 0);
    EXPECT_EQ(header.opcode.byte(), byte);
  }
}

TEST(Pdu, OneHeaderCanBeSeenAsAnother) {
  DataOutBhs data;
  data.buffer_offset = 4096;
  data.target_transfer_tag = 7;
  const GenericBhs generic = as<GenericBhs>(data);
  EXPECT_EQ(generic.opcode.opcode(), Opcode::data_out);
  EXPECT_EQ(as<DataOutBhs>(generic).buffer_offset, 4096u);
}

TEST(Pdu, LoginStatusIsClassAndDetail) {
  LoginResponseBhs response;
  response.status = static_cast<std::uint16_t>(LoginStatus::session_does_not_exist);
  const HeaderBytes bytes = to_bytes(response);
  EXPECT_EQ(at(bytes, 36), 0x02);
  EXPECT_EQ(at(bytes, 37), 0x0a);
  EXPECT_EQ(from_bytes<LoginResponseBhs>(bytes).login_status(),
            LoginStatus::session_does_not_exist);
}

}  // namespace
}  // namespace holdfast::iscsi
