// INQUIRY data, VPD pages and READ CAPACITY data, byte by byte.

#include <gmock/gmock.h>

#include "common/scsi/geometry.h"
#include "common/scsi/identity.h"
#include "common/scsi/inquiry.h"
#include "common/scsi/vpd.h"
#include "tests/unit/common/scsi/bytes.h"

namespace holdfast::scsi {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

const std::string iqn = "iqn.2001-04.com.example:disk";

constexpr PortGroup one_group[] = {PortGroup{}};

Bytes page(std::uint8_t code, const Identity& identity,
           const Geometry& geometry = {.blocks = 100}) {
  const auto data =
      vpd_page(code, {.identity = identity,
                      .geometry = geometry,
                      .transfer_blocks_max = 8192,
                      .atomic_blocks_max = 4096,
                      .atomic_alignment_blocks = 8,
                      .target_port = 1,
                      .port_groups = one_group});
  EXPECT_TRUE(data) << "page " << int(code);
  return data ? bytes_of(*data) : Bytes{};
}

Identity identity(std::string scsi_id = "", std::string serial = "") {
  return make_identity(iqn, 1, 3, std::move(scsi_id), std::move(serial));
}

TEST(StandardInquiry, ClaimsSpc4AndNamesItsStandards) {
  const Bytes data = bytes_of(standard_inquiry(Identity{}, false));
  ASSERT_EQ(data.size(), 96u);
  EXPECT_THAT(slice(data, 0, 8), ElementsAre(0x00, 0x00, 0x06, 0x12, 91, 0x38, 0, 0x02));
  EXPECT_EQ(text(data, 8, 28), "HOLDFASTVIRTUAL-DISK    0.1 ");
  EXPECT_THAT(slice(data, 58, 8), ElementsAre(0x00, 0xa0, 0x04, 0x60, 0x04, 0xc0, 0x09, 0x60));
  EXPECT_THAT(slice(data, 66, 30), Each(0));
}

TEST(StandardInquiry, WithoutAUnitTheQualifierSaysSo) {
  EXPECT_EQ(bytes_of(standard_inquiry_of_no_unit())[0], 0x7f);
  EXPECT_EQ(bytes_of(standard_inquiry(Identity{}, true))[1], 0x80) << "RMB";
  EXPECT_THAT(bytes_of(supported_vpd_pages_of_no_unit()), ElementsAre(0x7f, 0, 0, 1, 0));
}

TEST(VpdPage, SupportedPagesAreListedInOrderAndExist) {
  const Bytes data = page(0x00, identity());
  EXPECT_THAT(data, ElementsAre(0, 0, 0, 12, 0x00, 0x80, 0x83, 0x85, 0x86, 0x87, 0x88, 0x8f, 0xb0,
                                0xb1, 0xb2, 0xb3));
  for (std::uint8_t code : slice(data, 4, 12)) {
    const Bytes listed = page(code, identity());
    EXPECT_EQ(listed[1], code);
    EXPECT_EQ((listed[2] << 8 | listed[3]) + 4u, listed.size());
  }
  EXPECT_FALSE(vpd_page(0x84, {.identity = identity(), .geometry = {.blocks = 1}}));
}

TEST(VpdPage, ExtendedInquiryPolicyPortsAndCopyAreAsLongAsTheySay) {
  EXPECT_EQ(page(0x86, identity()).size(), 64u);
  EXPECT_THAT(page(0x87, identity()), ElementsAre(0, 0x87, 0, 4, 0x3f, 0xff, 0, 0));
  const Bytes ports = page(0x88, identity());
  EXPECT_THAT(slice(ports, 4, 12), ElementsAre(0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 44));
  const Bytes copy = page(0x8f, identity());
  std::size_t at = 4;
  while (at < copy.size()) {  // descriptors of whole words follow one another to the end
    const std::size_t bytes = std::size_t{copy[at + 2]} << 8 | copy[at + 3];
    EXPECT_EQ(bytes % 4, 0u);
    at += 4 + bytes;
  }
  EXPECT_EQ(at, copy.size());
}

TEST(VpdPage, SerialNumberIsTheConfiguredOneOrTheScsiId) {
  EXPECT_EQ(text(page(0x80, identity("a", "serial 7")), 4, 8), "serial 7");
  EXPECT_EQ(text(page(0x80, identity("a")), 4, 1), "a");
  EXPECT_EQ(page(0x80, identity()).size(), 4u + 32);
}

TEST(VpdPage, DeviceIdentificationHasItsDesignatorsByteForByte) {
  const Identity disk = identity("disk-7");
  const Bytes data = page(0x83, disk);
  // T10 vendor identification, ASCII, of the logical unit.
  EXPECT_THAT(slice(data, 4, 4), ElementsAre(0x02, 0x01, 0, 14));
  EXPECT_EQ(text(data, 8, 14), "HOLDFASTdisk-7");
  // NAA, locally assigned.
  EXPECT_THAT(slice(data, 22, 4), ElementsAre(0x01, 0x03, 0, 8));
  EXPECT_EQ(data[26] >> 4, 0x3);
  // Relative target port 1, of the iSCSI target port.
  EXPECT_THAT(slice(data, 34, 8), ElementsAre(0x51, 0x94, 0, 4, 0, 0, 0, 1));
  // Its target port group.
  EXPECT_THAT(slice(data, 42, 8), ElementsAre(0x51, 0x95, 0, 4, 0, 0, 0, 1));
  // The port's name, NUL-terminated to a multiple of four.
  EXPECT_THAT(slice(data, 50, 4), ElementsAre(0x53, 0x98, 0, 40));
  EXPECT_EQ(text(data, 54, 40), iqn + ",t,0x0001" + std::string(3, '\0'));
  // The target device's name.
  EXPECT_THAT(slice(data, 94, 4), ElementsAre(0x53, 0xa8, 0, 32));
  EXPECT_EQ(text(data, 98, 32), iqn + std::string(4, '\0'));
  EXPECT_EQ(data.size(), 130u);
}

TEST(VpdPage, TheLongestTargetNameFits) {
  const std::string name(223, 'x');
  const Bytes data = page(0x83, make_identity(name, 1, 0, "", ""));
  EXPECT_EQ((data[2] << 8 | data[3]) + 4u, data.size());
}

TEST(VpdPage, BlockLimitsSayTheTransferLengthAndThePhysicalBlock) {
  const Bytes data =
      page(0xb0, identity(), {.blocks = 8, .block_bytes = 512, .physical_block_bytes = 4096});
  ASSERT_EQ(data.size(), 64u);
  EXPECT_THAT(slice(data, 0, 12), ElementsAre(0, 0xb0, 0, 0x3c, 0, 0, 0, 8, 0, 0, 0x20, 0));
  EXPECT_THAT(slice(data, 12, 32), Each(0));  // no UNMAP
  EXPECT_THAT(slice(data, 44, 8), ElementsAre(0, 0, 0x10, 0, 0, 0, 0, 8));  // WRITE ATOMIC
}

TEST(VpdPage, TheMediumDoesNotRotateAndIsFullyProvisioned) {
  EXPECT_THAT(slice(page(0xb1, identity()), 0, 6), ElementsAre(0, 0xb1, 0, 0x3c, 0, 1));
  EXPECT_THAT(page(0xb2, identity()), ElementsAre(0, 0xb2, 0, 4, 0, 0, 0, 0));
}

TEST(VpdPage, AThinUnitSaysHowItUnmaps) {
  const Geometry disk{.blocks = 8, .block_bytes = 512, .physical_block_bytes = 4096};
  const Identity named = identity();
  const VitalProductData thin{.identity = named,
                              .geometry = disk,
                              .thin = true,
                              .transfer_blocks_max = 0x2'0000,
                              .compare_blocks_max = 255,
                              .write_same_blocks_max = 0x1'0000'0000,
                              .atomic_blocks_max = 0x2'0000};
  const Bytes limits = bytes_of(*vpd_page(0xb0, thin));
  EXPECT_EQ(limits[5], 255);
  EXPECT_THAT(slice(limits, 20, 16),
              ElementsAre(0xff, 0xff, 0xff, 0xff, 0, 0, 1, 0, 0, 0, 0, 8, 0x80, 0, 0, 0));
  EXPECT_THAT(slice(limits, 36, 12), ElementsAre(0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xff, 0xff));
  EXPECT_THAT(bytes_of(*vpd_page(0xb2, thin)), ElementsAre(0, 0xb2, 0, 4, 0, 0xe6, 2, 0));
  EXPECT_EQ(bytes_of(read_capacity_16(disk, true))[14], 0xc0);
}

TEST(Identity, IsTheSameAtEveryStart) {
  // The bytes themselves are the promise: initiators know disks by them.
  EXPECT_EQ(identity().scsi_id, "57e117762d5fc55c2836a5dc961ca132");
  EXPECT_EQ(identity().serial_number, identity().scsi_id);
  EXPECT_THAT(identity().naa, ElementsAre(0x36, 0x64, 0x4f, 0x0b, 0x4d, 0x8d, 0x50, 0x06));
}

TEST(Identity, DiffersBetweenUnitsUnlessTheConfigSaysTheyAreOne) {
  EXPECT_NE(make_identity(iqn, 1, 0, "", "").scsi_id, make_identity(iqn, 1, 1, "", "").scsi_id);
  EXPECT_NE(make_identity(iqn, 1, 0, "", "").naa, make_identity(iqn, 1, 1, "", "").naa);
  EXPECT_NE(make_identity(iqn, 1, 0, "", "").naa, make_identity(iqn + "2", 1, 0, "", "").naa);
  EXPECT_EQ(make_identity(iqn, 1, 0, "same", "").naa,
            make_identity(iqn + "2", 1, 5, "same", "").naa);
}

TEST(ReadCapacity, SaysTheLastBlockAndThePhysicalBlockExponent) {
  const Geometry disk{.blocks = 0x200000, .block_bytes = 512, .physical_block_bytes = 4096};
  EXPECT_THAT(bytes_of(read_capacity_10(disk)), ElementsAre(0, 0x1f, 0xff, 0xff, 0, 0, 2, 0));
  Bytes expected{0, 0, 0, 0, 0, 0x1f, 0xff, 0xff, 0, 0, 2, 0, 0, 3};
  expected.resize(32);
  EXPECT_EQ(bytes_of(read_capacity_16(disk, false)), expected);
}

TEST(ReadCapacity, TenSaturatesWhereTheLastBlockNeedsMoreThan32Bits) {
  const Geometry fits{.blocks = 0xffff'ffff};
  EXPECT_THAT(slice(bytes_of(read_capacity_10(fits)), 0, 4), ElementsAre(0xff, 0xff, 0xff, 0xfe));
  const Geometry large{.blocks = 0x1'0000'0001};
  EXPECT_THAT(slice(bytes_of(read_capacity_10(large)), 0, 4), ElementsAre(0xff, 0xff, 0xff, 0xff));
  EXPECT_THAT(slice(bytes_of(read_capacity_16(large, false)), 0, 8), ElementsAre(0, 0, 0, 1, 0, 0, 0, 0));
}

TEST(Geometry, ContainsRangesThatEndWithTheMedium) {
  const Geometry disk{.blocks = 100};
  EXPECT_TRUE(disk.contains({.lba = 0, .blocks = 100}));
  EXPECT_TRUE(disk.contains({.lba = 99, .blocks = 1}));
  EXPECT_TRUE(disk.contains({.lba = 99, .blocks = 0}));
  EXPECT_FALSE(disk.contains({.lba = 99, .blocks = 2}));
  EXPECT_FALSE(disk.contains({.lba = 100, .blocks = 0}));
  EXPECT_FALSE(disk.contains({.lba = 1, .blocks = 0xffff'ffff}));
  EXPECT_FALSE(disk.contains({.lba = 0xffff'ffff'ffff'ffff, .blocks = 1}));
}

}  // namespace
}  // namespace holdfast::scsi
