#include "common/scsi/command_words.h"

#include <gtest/gtest.h>

#include "common/scsi/cdb_table.h"

namespace holdfast::scsi {
namespace {

TEST(CommandWords, EverySupportedCommandHasAName) {
  for (const CdbRow& row : cdb_table()) {
    CdbBytes cdb{};
    cdb[0] = row.opcode();
    if (row.service_action)
      cdb[cdb[0] == opcode::variable_length ? 9 : 1] = static_cast<std::uint8_t>(*row.service_action & 0x1f);
    EXPECT_EQ(name_of(cdb).find("operation code"), std::string::npos) << name_of(cdb);
  }
}

TEST(CommandWords, SayWhere) {
  EXPECT_EQ(words_of({0x2a, 0, 0, 0, 0x10, 0, 0, 0, 8}), "WRITE(10) of 8 blocks at LBA 4096");
  EXPECT_EQ(words_of({0x88, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}), "READ(16) of 1 block at LBA 4294967296");
  CdbBytes same{0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0, 0x0d};
  same[19] = same[31] = 2;
  EXPECT_EQ(words_of(same), "WRITE SAME(32) of 2 blocks at LBA 2");
  EXPECT_EQ(words_of({0x00}), "TEST UNIT READY");
  EXPECT_EQ(words_of({0xa3, 0x0c, 0, 0, 0, 0, 0, 0, 2, 0}), "REPORT SUPPORTED OPERATION CODES");
  EXPECT_EQ(words_of({0xc1}), "operation code c1h");
}

}  // namespace
}  // namespace holdfast::scsi
