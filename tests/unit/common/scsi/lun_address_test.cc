#include "common/scsi/lun_address.h"

#include <gtest/gtest.h>

namespace holdfast::scsi {
namespace {

TEST(LunAddress, IsPeripheralUpTo255AndFlatAbove) {
  EXPECT_EQ(encode_lun(0), (LunAddress{0, 0}));
  EXPECT_EQ(encode_lun(255), (LunAddress{0, 255}));
  EXPECT_EQ(encode_lun(256), (LunAddress{0x41, 0x00}));
  EXPECT_EQ(encode_lun(16'383), (LunAddress{0x7f, 0xff}));
}

TEST(LunAddress, EveryNumberComesBack) {
  for (std::uint32_t number = 0; number < lun_numbers; ++number)
    ASSERT_EQ(decode_lun(encode_lun(number)), number);
}

TEST(LunAddress, FlatSpaceReachesTheLowNumbersToo) {
  EXPECT_EQ(decode_lun(LunAddress{0x40, 0x05}), 5u);
}

TEST(LunAddress, OtherAddressesNameNothing) {
  EXPECT_FALSE(decode_lun(LunAddress{0x01, 0x00}));              // another bus
  EXPECT_FALSE(decode_lun(LunAddress{0x80, 0x00}));              // logical unit addressing
  EXPECT_FALSE(decode_lun(LunAddress{0xc1, 0x01}));              // the REPORT LUNS well known unit
  EXPECT_FALSE(decode_lun(LunAddress{0x00, 0x01, 0x00, 0x01}));  // a second level
  EXPECT_FALSE(decode_lun(LunAddress{0, 0, 0, 0, 0, 0, 0, 1}));
}

}  // namespace
}  // namespace holdfast::scsi
