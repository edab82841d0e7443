// Bad commands out of the table of good ones: every command that we list, with every reserved bit,
// with every list of parameters cut off, and with every allocation length.

#include <gmock/gmock.h>

#include "common/scsi/cdb_table.h"
#include "tests/unit/target/lun/bench.h"

namespace holdfast::target {
namespace {

using ::testing::Contains;
using ::testing::Not;

class BadCdbs : public LunTest {
 protected:
  void SetUp() override {
    LunTest::SetUp();
    LogicalUnitOptions made = options();
    made.thin = made.removable = true;
    add_unit_in_use(made);
  }

  static scsi::CdbBytes bare(const scsi::CdbRow& row) {
    scsi::CdbBytes cdb{row.opcode()};
    if (row.service_action) cdb[1] = static_cast<std::uint8_t>(*row.service_action);
    return cdb;
  }
  void expect_nothing_written() {
    for (StoreOperation operation :
         {StoreOperation::write, StoreOperation::unmap, StoreOperation::anchor})
      EXPECT_THAT(store_->operations, Not(Contains(operation)));
  }
};

TEST_F(BadCdbs, EveryReservedBitIsPointedAtAndNothingIsWritten) {
  std::size_t tried = 0;
  for (const scsi::CdbRow& row : scsi::cdb_table()) {
    for (std::uint16_t byte = 1; byte < row.length; ++byte) {
      for (unsigned bit = 0; bit < 8; ++bit) {
        if ((row.usage[byte] >> bit) & 1) continue;
        if (byte == 1 && bit < 5 && row.service_action) continue;  // names another command
        scsi::CdbBytes cdb = bare(row);
        cdb[byte] = static_cast<std::uint8_t>(cdb[byte] | 1u << bit);
        const auto refused = run(cdb, Bytes(64));
        ++tried;
        ASSERT_EQ(refused->sense_code(), 0x052400u)
            << "opcode " << int(cdb[0]) << " byte " << byte << " bit " << bit;
        const Bytes sense = refused->sense();
        EXPECT_EQ(sense[15] & 0xc8, 0xc8) << "SKSV, in the CDB, with a bit";
        EXPECT_GE(sense[15] & 0x07u, bit);
        EXPECT_EQ(sense[16] << 8 | sense[17], byte);
      }
    }
  }
  EXPECT_GT(tried, 1000u);
  expect_nothing_written();
}

TEST_F(BadCdbs, ShortAllocationLengthsCutTheAnswerAndAreNoError) {
  // Where ALLOCATION LENGTH stands in commands that only ask: its first byte and how many it has.
  struct Row {
    scsi::CdbBytes cdb;
    std::size_t at;
    std::size_t bytes;
    std::uint8_t least = 0;
  };
  const Row rows[] = {{{0x03}, 4, 1},          {{0x12}, 3, 2},          {{0x12, 1, 0x83}, 3, 2},
                      {{0x1a, 0, 0x3f}, 4, 1}, {{0x5a, 0, 0x3f}, 7, 2}, {{0x4d, 0, 0x40}, 7, 2},
                      {{0x37}, 7, 2},          {{0xb7}, 6, 4},          {{0x84, 3}, 10, 4},
                      {{0x9e, 0x10}, 10, 4},   {{0x9e, 0x12}, 10, 4},   {{0xa0}, 6, 4},
                      {{0xa3, 0x0a}, 6, 4},    {{0xa3, 0x0c}, 6, 4},    {{0xa3, 0x0d}, 6, 4, 4}};
  for (const Row& row : rows) {
    scsi::CdbBytes cdb = row.cdb;
    cdb[row.at + row.bytes - 1] = 250;
    const Bytes whole = run(cdb)->data_in();
    ASSERT_GE(whole.size(), 4u) << int(cdb[0]);
    for (std::uint8_t length = row.least; length <= 20; ++length) {
      cdb[row.at + row.bytes - 1] = length;
      const auto cut = run(cdb);
      ASSERT_TRUE(cut->good()) << int(cdb[0]) << " length " << int(length);
      const std::size_t expected = std::min<std::size_t>(length, whole.size());
      EXPECT_EQ(cut->data_in(), Bytes(whole.begin(), whole.begin() + std::ptrdiff_t(expected)));
    }
  }
}

TEST_F(BadCdbs, ParameterListsThatAreCutOffOrGarbageWriteNothing) {
  // Where PARAMETER LIST LENGTH stands in commands that bring one.
  struct Row {
    scsi::CdbBytes cdb;
    std::size_t at;
    std::size_t bytes;
  };
  const Row rows[] = {{{0x15, 0x10}, 4, 1}, {{0x55, 0x10}, 7, 2}, {{0x42}, 7, 2},
                      {{0x83}, 10, 4},      {{0xa4, 0x0a}, 6, 4}, {{0x48, 0x01}, 7, 2}};
  for (const Row& row : rows) {
    for (std::uint8_t length = 1; length <= 40; ++length) {
      scsi::CdbBytes cdb = row.cdb;
      cdb[row.at + row.bytes - 1] = length;
      // Less comes than was said.
      EXPECT_EQ(run(cdb, first_, Bytes(length - 1), length - 1u)->command.outcome.status, 2)
          << int(cdb[0]) << " length " << int(length);
      if (cdb[0] == 0xa4 && length == 4) continue;  // a list of no groups, whatever is reserved
      // All ones: every reserved field and every length lies.
      const auto garbage = run(cdb, Bytes(length, 0xff));
      EXPECT_EQ(garbage->command.outcome.status, 2) << int(cdb[0]) << " length " << int(length);
    }
  }
  expect_nothing_written();
}

}  // namespace
}  // namespace holdfast::target
