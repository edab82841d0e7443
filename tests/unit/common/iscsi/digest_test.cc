#include "common/iscsi/digest.h"

#include <gtest/gtest.h>
#include <numeric>
#include <vector>

namespace holdfast::iscsi {
namespace {

std::vector<int> wire_of(const std::vector<std::uint8_t>& bytes) {
  Crc32c crc;
  crc.add(std::as_bytes(std::span(bytes)));
  std::vector<int> wire;
  for (std::byte b : crc.wire()) wire.push_back(std::to_integer<int>(b));
  return wire;
}

// The five examples of RFC 7143 (and 3720) on CRC32C, in the order in which their bytes are sent.
TEST(Crc32c, GivesTheExamplesOfTheRfc) {
  std::vector<std::uint8_t> bytes(32, 0);
  EXPECT_EQ(wire_of(bytes), (std::vector<int>{0xaa, 0x36, 0x91, 0x8a}));
  bytes.assign(32, 0xff);
  EXPECT_EQ(wire_of(bytes), (std::vector<int>{0x43, 0xab, 0xa8, 0x62}));
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  EXPECT_EQ(wire_of(bytes), (std::vector<int>{0x4e, 0x79, 0xdd, 0x46}));
  std::iota(bytes.rbegin(), bytes.rend(), std::uint8_t{0});
  EXPECT_EQ(wire_of(bytes), (std::vector<int>{0x5c, 0xdb, 0x3f, 0x11}));
  const std::vector<std::uint8_t> read_command{
      0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0,     //
      0x14, 0,    0, 0, 0, 0, 4, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18,  //
      0x28, 0,    0, 0, 0, 0, 0, 0, 2, 0, 0, 0,    0, 0, 0, 0};
  EXPECT_EQ(wire_of(read_command), (std::vector<int>{0x56, 0x3a, 0x96, 0xd9}));
}

TEST(Crc32c, IsTheSameInPiecesAsInOne) {
  std::vector<std::uint8_t> bytes(1021);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{7});
  Crc32c whole;
  whole.add(std::as_bytes(std::span(bytes)));
  for (std::size_t cut : {0u, 1u, 3u, 512u, 1020u, 1021u}) {
    Crc32c pieces;
    pieces.add(std::as_bytes(std::span(bytes).first(cut)));
    pieces.add(std::as_bytes(std::span(bytes).subspan(cut)));
    EXPECT_EQ(pieces.value(), whole.value()) << "cut at " << cut;
  }
}

}  // namespace
}  // namespace holdfast::iscsi
