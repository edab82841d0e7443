#include "initiator/engine/discovery.h"

#include <gtest/gtest.h>

namespace holdfast::initiator {
namespace {

using Bytes = std::vector<std::uint8_t>;
using Luns = std::vector<std::uint16_t>;

Bytes list(std::initializer_list<Bytes> luns) {
  Bytes data(8);
  data[3] = static_cast<std::uint8_t>(8 * luns.size());
  for (const Bytes& lun : luns) {
    data.insert(data.end(), lun.begin(), lun.end());
    data.resize((data.size() + 7) / 8 * 8);
  }
  return data;
}

TEST(LunList, ReadsPeripheralAndFlatAddresses) {
  EXPECT_EQ(parse_lun_list(list({{0, 0}, {0, 1}, {0, 255}, {0x41, 0x00}, {0x7f, 0xff}})),
            (Luns{0, 1, 255, 256, 16383}));
}

TEST(LunList, LeavesOutWhatCannotBeAddressedHere) {
  EXPECT_EQ(parse_lun_list(list({{0x01, 0x02}, {0x80, 1}, {0xc1, 1}, {0, 3, 0, 1}, {0, 4}})), (Luns{4}));
}

TEST(LunList, BelievesNeitherTooLongNorTooShortAList) {
  Bytes cut = list({{0, 1}, {0, 2}});
  cut[2] = 0xff;  // It says 65296 bytes.
  EXPECT_EQ(parse_lun_list(cut), (Luns{1, 2}));
  cut.resize(20);
  EXPECT_EQ(parse_lun_list(cut), (Luns{1}));
  EXPECT_EQ(parse_lun_list({}), Luns{});
  EXPECT_EQ(parse_lun_list(Bytes(7)), Luns{});
}

}  // namespace
}  // namespace holdfast::initiator
