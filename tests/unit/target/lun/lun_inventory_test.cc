#include "target/lun/lun_inventory.h"

#include <gtest/gtest.h>

#include "common/scsi/lun_address.h"

namespace holdfast::target {
namespace {

TEST(LunInventory, IsEmptyAtFirst) {
  LunInventory inventory;
  EXPECT_EQ(inventory.report({}).size(), 8u);
}

TEST(LunInventory, HoldsEveryNumberThereIsInOrder) {
  LunInventory inventory;
  for (std::uint32_t number = scsi::lun_numbers; number > 0; --number) inventory.add(number - 1);
  const auto report = inventory.report({});
  ASSERT_EQ(report.size(), 8u + 8 * scsi::lun_numbers);
  for (std::uint32_t number = 0; number < scsi::lun_numbers; ++number) {
    scsi::LunAddress address;
    std::copy_n(report.begin() + 8 + 8 * static_cast<std::ptrdiff_t>(number), 8, address.begin());
    ASSERT_EQ(scsi::decode_lun(address), number);
  }
  EXPECT_EQ(report[0] << 24 | report[1] << 16 | report[2] << 8 | report[3], 8 * 16'384);
}

}  // namespace
}  // namespace holdfast::target
