#include "common/iscsi/framing.h"

#include <gtest/gtest.h>
#include <vector>

namespace holdfast::iscsi {
namespace {

GenericBhs header_of(Opcode opcode, std::uint32_t data_bytes = 0, std::uint8_t ahs_words = 0) {
  GenericBhs header;
  header.opcode = opcode;
  header.data_segment_bytes = data_bytes;
  header.ahs_words = ahs_words;
  return header;
}

std::string_view why(const GenericBhs& header, Side from = Side::initiator) {
  const std::optional<PduFault> fault = check_header(header, from, 8192);
  return fault ? fault->why : "(no fault)";
}

std::optional<PduFault> parse(const std::vector<std::uint8_t>& bytes, AhsContents& contents) {
  return parse_ahs(std::as_bytes(std::span(bytes)), contents);
}

TEST(Framing, LayoutAddsPaddingAndTheDigestsInForce) {
  const GenericBhs header = header_of(Opcode::scsi_command, 5, 3);
  const PduLayout plain = layout_of(header);
  EXPECT_EQ(plain.ahs_bytes, 12u);
  EXPECT_EQ(plain.data_bytes, 5u);
  EXPECT_EQ(plain.padding_bytes, 3u);
  EXPECT_EQ(plain.after_header(), 20u);
  EXPECT_EQ(layout_of(header, {.header = true, .data = true}).after_header(), 28u);
  // A PDU without a data segment has no data digest.
  EXPECT_EQ(layout_of(header_of(Opcode::nop_out), {.header = true, .data = true}).after_header(),
            4u);
}

TEST(Framing, LargestLengthsDoNotOverflow) {
  const PduLayout layout =
      layout_of(header_of(Opcode::scsi_command, 0xffffff, 255), {.header = true, .data = true});
  EXPECT_EQ(layout.after_header(), 255u * 4 + 4 + 0xffffff + 1 + 4);
}

TEST(Framing, HeadersAreRefusedWithTheirReason) {
  EXPECT_EQ(why(header_of(Opcode::scsi_command, 8192, 4)), "(no fault)");
  EXPECT_EQ(why(header_of(Opcode::scsi_command, 8193)),
            "a data segment longer than MaxRecvDataSegmentLength");
  EXPECT_EQ(why(header_of(static_cast<Opcode>(0x3e))), "an unknown opcode");
  EXPECT_EQ(why(header_of(Opcode::nop_in)), "an opcode that only the other side sends");
  EXPECT_EQ(why(header_of(Opcode::nop_in), Side::target), "(no fault)");
  EXPECT_EQ(why(header_of(Opcode::task_management_request, 4)), "a data segment where none may be");
  EXPECT_EQ(why(header_of(Opcode::nop_out, 0, 1)), "an AHS where none may be");
}

TEST(Framing, OpcodesHaveNames) {
  EXPECT_EQ(name_of(Opcode::r2t), "Ready To Transfer");
  EXPECT_EQ(name_of(static_cast<Opcode>(0x1c)), "unknown PDU");
}

TEST(Ahs, BothKindsAreRead) {
  AhsContents contents;
  // An extended CDB of 16 + 5 bytes (AHSLength 6, padded), then a bidirectional read length.
  const std::vector<std::uint8_t> bytes{0, 6, 1, 0, 10, 11, 12, 13, 14, 0,
                                        0, 0, 0, 5, 2,  0,  0,  1,  0,  0};
  ASSERT_FALSE(parse(bytes, contents));
  ASSERT_EQ(contents.extended_cdb.size(), 5u);
  EXPECT_EQ(contents.extended_cdb[4], std::byte{14});
  EXPECT_EQ(contents.bidirectional_read_length, 65'536u);
}

TEST(Ahs, MalformedOnesAreRefused) {
  const std::vector<std::pair<std::vector<std::uint8_t>, std::string_view>> cases{
      {{0, 1, 1}, "an AHS cut short"},
      {{0, 0, 1, 0}, "an AHS of a wrong length"},
      {{0xff, 0xff, 1, 0}, "an AHS of a wrong length"},
      {{0, 6, 1, 0, 1, 2, 3, 4, 5}, "an AHS without its padding"},
      {{0, 1, 1, 0}, "an extended CDB of no bytes"},
      {{0, 1, 9, 0}, "an AHS of an unknown type"},
      {{0, 4, 2, 0, 0, 0, 0, 0}, "a bidirectional read length that is not four bytes long"},
      {{0, 5, 2, 0, 0, 0, 0, 1, 0, 5, 2, 0, 0, 0, 0, 1}, "two bidirectional read lengths"},
      {{0, 5, 1, 0, 0, 0, 0, 1, 0, 5, 1, 0, 0, 0, 0, 1}, "two extended CDBs"},
  };
  for (const auto& [bytes, expected] : cases) {
    AhsContents contents;
    const std::optional<PduFault> fault = parse(bytes, contents);
    ASSERT_TRUE(fault) << expected;
    EXPECT_EQ(fault->why, expected);
  }
}

}  // namespace
}  // namespace holdfast::iscsi
