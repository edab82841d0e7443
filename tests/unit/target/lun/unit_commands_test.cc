// The commands that only ask, and what makes a logical unit.

#include "tests/unit/target/lun/bench.h"

namespace holdfast::target {
namespace {

using UnitCommands = LunTest;

TEST_F(UnitCommands, InquiryIsCutToTheAllocationLength) {
  add_unit_in_use(options());
  EXPECT_EQ(run({0x12, 0, 0, 1, 4})->data_in().size(), 96u);
  const auto some = run({0x12, 0, 0, 0, 36});
  EXPECT_EQ(some->transfer.bytes, 36u);
  EXPECT_EQ(some->data_in().size(), 36u);
  const auto none = run({0x12});
  EXPECT_TRUE(none->good());
  EXPECT_EQ(none->transfer.bytes, 0u);
}

TEST_F(UnitCommands, WhatThereIsCountsNotWhatWasAllocated) {
  // The residual that the session reports is about these bytes.
  add_unit_in_use(options());
  EXPECT_EQ(run({0x12, 0, 0, 0xff, 0xff})->transfer.bytes, 96u);
  EXPECT_EQ(run({0x5a, 0, 0x3f, 0, 0, 0, 0, 0xff, 0xff})->transfer.bytes, 8u + 8 + 12 + 16 + 24 + 24 + 20 + 12 + 12);
  EXPECT_EQ(run({0xa0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})->transfer.bytes, 16u);
}

TEST_F(UnitCommands, PagesThatAreNotThereAreRefusedBeforeAnyDataMoves) {
  add_unit_in_use(options());
  const auto page = run({0x12, 1, 0x84, 0, 255});
  EXPECT_EQ(page->transfer.direction, Transfer::Direction::none);
  EXPECT_EQ(page->sense_code(), 0x052400u);
  EXPECT_EQ(run({0x1a, 0, 0x3e, 0, 255})->sense_code(), 0x052400u);
  EXPECT_EQ(run({0x1a, 0, 0xc8, 0, 255})->sense_code(), 0x053900u);
}

TEST_F(UnitCommands, BlockLimitsSayTheSameAsTheDeviceServerDoes) {
  LogicalUnitOptions made = options();
  made.block_bytes = 4096;
  add_unit_in_use(made);
  const Bytes page = run({0x12, 1, 0xb0, 0, 255})->data_in();
  ASSERT_EQ(page.size(), 64u);
  EXPECT_EQ(page[10] << 8 | page[11], int(transfer_bytes_max / 4096));
}

TEST_F(UnitCommands, WriteCacheIsReportedAsItIs) {
  LogicalUnitOptions made = options();
  made.write_back = true;
  add_unit_in_use(made);
  EXPECT_EQ(run({0x1a, 8, 8, 0, 255})->data_in()[6] & 0x04, 0x04);
}

TEST_F(UnitCommands, WriteThroughReportsNoWriteCache) {
  add_unit_in_use(options());
  EXPECT_EQ(run({0x1a, 8, 8, 0, 255})->data_in()[6] & 0x04, 0);
}

TEST_F(UnitCommands, CapacityIsInWholeBlocks) {
  add_unit_in_use(options());
  const Bytes ten = run({0x25})->data_in();
  ASSERT_EQ(ten.size(), 8u);
  EXPECT_EQ((ten[1] << 16 | ten[2] << 8 | ten[3]) + 1u, store_bytes / 512);
  const Bytes sixteen = run({0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 14})->data_in();
  ASSERT_EQ(sixteen.size(), 14u);
  EXPECT_EQ(sixteen[13], 3);
}

TEST_F(UnitCommands, ReportLunsListsThemInOrder) {
  for (std::uint32_t number : {7u, 0u, 300u}) add_unit(options(number));
  const Bytes expected{0, 0, 0, 24, 0, 0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0,
                       0, 7, 0, 0,  0, 0, 0, 0, 0x41, 0x2c, 0, 0, 0, 0, 0, 0};
  for (std::uint32_t lun : {0u, 7u, 300u}) {
    EXPECT_EQ(run({0xa0, 0, 0, 0, 0, 0, 0, 0, 255}, first_, {}, 255, lun)->data_in(), expected);
    EXPECT_EQ(run({0xa0, 0, 2, 0, 0, 0, 0, 0, 255}, first_, {}, 255, lun)->data_in(), expected);
  }
  EXPECT_EQ(run({0xa0, 0, 1, 0, 0, 0, 0, 0, 255})->data_in(), Bytes(8));
}

TEST_F(UnitCommands, UnknownCommandsAreNamedAsSuch) {
  add_unit_in_use(options());
  EXPECT_EQ(run({0x43})->sense_code(), 0x052000u);  // READ TOC
  EXPECT_EQ(run({0xbe})->sense_code(), 0x052000u);  // READ CD
}

TEST_F(UnitCommands, OptionsThatDoNotFitAreSaidInWords) {
  struct Row {
    LogicalUnitOptions options;
    std::string says;
  };
  std::vector<Row> rows(6, {options(), ""});
  rows[0].options.block_bytes = 513;
  rows[0].says = "513";
  rows[1].options.block_bytes = 8192;
  rows[1].says = "8192";
  rows[2].options.scsi_id = std::string(17, 'x');
  rows[2].says = "ScsiId";
  rows[3].options.serial_number = "a\tb";
  rows[3].says = "ScsiSN";
  rows[4].options.number = 16'384;
  rows[4].says = "16384";
  rows[5].options.target_name = std::string(224, 'x');
  rows[5].says = "223";
  for (const Row& row : rows) {
    Result<std::unique_ptr<MemoryStore>> memory = MemoryStore::create(MiB);
    ASSERT_TRUE(memory);
    const auto unit = LogicalUnit::create(std::move(*memory), row.options);
    ASSERT_FALSE(unit) << row.says;
    EXPECT_EQ(unit.error().kind, ErrorKind::invalid_input);
    EXPECT_NE(unit.error().message.find(row.says), std::string::npos) << unit.error().message;
  }
}

}  // namespace
}  // namespace holdfast::target
