// UNMAP, WRITE SAME and GET LBA STATUS.

#include <gmock/gmock.h>

#include "common/scsi/parameter_data.h"
#include "common/scsi/unmap_list.h"
#include "tests/unit/target/lun/bench.h"

namespace holdfast::target {
namespace {

using ::testing::Contains;
using ::testing::Not;

constexpr std::uint32_t blocks_of_unit = 16 * MiB / 512;

scsi::CdbBytes ten(std::uint8_t code, std::uint32_t lba, std::uint16_t blocks,
                   std::uint8_t flags = 0) {
  return {code, flags, 0, static_cast<std::uint8_t>(lba >> 16), static_cast<std::uint8_t>(lba >> 8),
          static_cast<std::uint8_t>(lba), 0, static_cast<std::uint8_t>(blocks >> 8),
          static_cast<std::uint8_t>(blocks)};
}
scsi::CdbBytes write(std::uint32_t lba, std::uint16_t blocks) { return ten(0x2a, lba, blocks); }
scsi::CdbBytes read(std::uint32_t lba, std::uint16_t blocks) { return ten(0x28, lba, blocks); }

Bytes unmap_list(std::uint64_t lba, std::uint32_t blocks) {
  scsi::ParameterData data;
  data.put_be16(22);
  data.put_be16(16);
  data.put_zeros(4);
  data.put_be64(lba);
  data.put_be32(blocks);
  data.put_zeros(4);
  return {data.bytes().begin(), data.bytes().end()};
}
constexpr scsi::CdbBytes unmap{0x42, 0, 0, 0, 0, 0, 0, 0, 24};

class Provisioning : public LunTest {
 protected:
  void add_thin_unit() {
    LogicalUnitOptions made = options();
    made.thin = true;
    add_unit_in_use(made);
  }
};

TEST_F(Provisioning, UnmappedBlocksReadAsZerosAndTheirNeighboursStay) {
  add_thin_unit();
  Bytes data = pattern(64 * 512, 1);
  ASSERT_TRUE(run(write(0, 64), data)->good());
  ASSERT_TRUE(run(unmap, unmap_list(7, 40))->good());
  std::fill(data.begin() + 7 * 512, data.begin() + 47 * 512, std::uint8_t{0});
  EXPECT_EQ(run(read(0, 64))->data_in(), data);
  EXPECT_EQ(store_->operations[store_->operations.size() - 2], StoreOperation::flush)
      << "write-through";
}

TEST_F(Provisioning, AListThatIsWrongUnmapsNothing) {
  add_thin_unit();
  EXPECT_EQ(run(unmap, unmap_list(blocks_of_unit - 1, 2))->sense_code(), 0x052100u);
  EXPECT_EQ(run({0x42, 0, 0, 0, 0, 0, 0, 0, 7}, Bytes(7))->sense_code(), 0x051a00u);
  EXPECT_EQ(run(unmap, first_, unmap_list(0, 1), 20)->sense_code(), 0x051a00u);
  EXPECT_TRUE(run({0x42})->good());
  // One that is wrong among others that are right, and one more than there may be.
  Bytes list = unmap_list(0, 8);
  const Bytes beyond = unmap_list(blocks_of_unit, 1);
  list.insert(list.end(), beyond.begin() + 8, beyond.end());
  list[1] = 38;
  list[3] = 32;
  EXPECT_EQ(run({0x42, 0, 0, 0, 0, 0, 0, 0, 40}, list)->sense_code(), 0x052100u);
  Bytes many((scsi::unmap_descriptors_max + 1) * 16 + 8);
  many[2] = static_cast<std::uint8_t>((many.size() - 8) >> 8);
  many[3] = static_cast<std::uint8_t>(many.size() - 8);
  const auto too_many = run({0x42, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(many.size() >> 8),
                             static_cast<std::uint8_t>(many.size())}, many);
  EXPECT_EQ(too_many->sense_code(), 0x052600u);
  EXPECT_THAT(store_->operations, Not(Contains(StoreOperation::unmap)));
}

TEST_F(Provisioning, AFullyProvisionedUnitHasNoUnmap) {
  add_unit_in_use(options());
  EXPECT_EQ(run(unmap)->sense_code(), 0x052000u);
  EXPECT_EQ(run(ten(0x41, 0, 1, 0x08), Bytes(512))->sense_code(), 0x052400u);
  const auto status = run({0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 64});
  ASSERT_TRUE(status->good());
  const Bytes told = status->data_in();
  ASSERT_EQ(told.size(), 24u);
  EXPECT_EQ(told[15], 3);
  EXPECT_EQ(told[18] << 8 | told[19], blocks_of_unit - 3);
  EXPECT_EQ(told[20], 0) << "mapped";
}

TEST_F(Provisioning, WriteSameRepeatsItsBlock) {
  add_thin_unit();
  const Bytes block = pattern(512, 9);
  const auto same = run(ten(0x41, 5, 1000), block);
  ASSERT_TRUE(same->good());
  EXPECT_EQ(same->transfer.bytes, 512u);
  const Bytes medium = run(read(4, 1002))->data_in();
  EXPECT_EQ(Bytes(medium.begin(), medium.begin() + 512), Bytes(512));
  for (std::size_t i = 1; i <= 1000; ++i)
    ASSERT_TRUE(std::equal(block.begin(), block.end(), medium.begin() + std::ptrdiff_t(i) * 512));
  EXPECT_EQ(Bytes(medium.end() - 512, medium.end()), Bytes(512));
  // Not all of it is zeros, so unmapping would not give what was asked for.
  EXPECT_TRUE(run(ten(0x41, 5, 10, 0x08), block)->good());
  EXPECT_THAT(store_->operations, Not(Contains(StoreOperation::unmap)));
}

TEST_F(Provisioning, WriteSameOfZerosUnmapsAnchorsOrZeroes) {
  add_thin_unit();
  ASSERT_TRUE(run(write(0, 64), pattern(64 * 512, 1))->good());
  const std::pair<std::uint8_t, StoreOperation> cases[] = {
      {0x01, StoreOperation::anchor},   // NDOB
      {0x09, StoreOperation::unmap},    // NDOB, UNMAP
      {0x19, StoreOperation::anchor}};  // NDOB, UNMAP, ANCHOR
  for (const auto& [flags, expected] : cases) {
    store_->operations.clear();
    scsi::CdbBytes cdb{0x93, flags, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64};
    EXPECT_TRUE(run(cdb)->good());
    EXPECT_THAT(store_->operations, Contains(expected));
    EXPECT_EQ(run(read(0, 64))->data_in(), Bytes(64 * 512));
  }
  store_->operations.clear();
  EXPECT_TRUE(run(ten(0x41, 0, 8, 0x08), Bytes(512))->good());
  EXPECT_THAT(store_->operations, Contains(StoreOperation::unmap));
}

scsi::CdbBytes write_same_32(std::uint8_t lba, std::uint8_t blocks, std::uint8_t flags = 0) {
  scsi::CdbBytes cdb{0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0, 0x0d, flags};
  cdb[19] = lba;
  cdb[31] = blocks;
  // Without protection information nobody looks at the tags.
  for (std::size_t tag = 20; tag < 28; ++tag) cdb[tag] = 0xa5;
  return cdb;
}

TEST_F(Provisioning, WriteSameOf32BytesDoesWhatTheOthersDo) {
  add_thin_unit();
  const Bytes before = pattern(64 * 512, 2), block = pattern(512, 3);
  ASSERT_TRUE(run(write(0, 64), before)->good());
  ASSERT_TRUE(run(write_same_32(3, 2), block)->good());
  Bytes expected = before;
  for (std::ptrdiff_t at : {3, 4}) std::copy(block.begin(), block.end(), expected.begin() + at * 512);
  EXPECT_EQ(run(read(0, 64))->data_in(), expected);
  EXPECT_EQ(run(write_same_32(0, 2), Bytes(1024))->sense_code(), 0x050e03u) << "two blocks of data";
  struct Row {
    std::uint8_t flags;
    StoreOperation operation;
  };
  for (const Row& row : {Row{0x09, StoreOperation::unmap}, Row{0x19, StoreOperation::anchor},
                         Row{0x01, StoreOperation::anchor}}) {
    store_->operations.clear();
    ASSERT_TRUE(run(write_same_32(8, 8, row.flags))->good()) << int(row.flags);
    EXPECT_EQ(store_->operations.front(), row.operation) << int(row.flags);
  }
  std::fill(expected.begin() + 8 * 512, expected.begin() + 16 * 512, std::uint8_t{0});
  EXPECT_EQ(run(read(0, 64))->data_in(), expected);
  const auto anchor_alone = run(write_same_32(8, 8, 0x11));
  EXPECT_EQ(anchor_alone->sense_code(), 0x052400u);
  EXPECT_EQ(anchor_alone->sense()[15], 0xcc) << "bit 4";
  EXPECT_EQ(anchor_alone->sense()[17], 10);
}

TEST_F(Provisioning, WriteSameOfNoBlocksIsOneOfAllThatFollow) {
  add_thin_unit();
  constexpr std::uint32_t start = blocks_of_unit - 100;
  ASSERT_TRUE(run(write(start - 1, 101), pattern(101 * 512, 1))->good());
  const Bytes block = pattern(512, 3);
  ASSERT_TRUE(run(ten(0x41, start, 0), block)->good());
  const Bytes before = pattern(101 * 512, 1);
  const Bytes medium = run(read(start - 1, 101))->data_in();
  EXPECT_TRUE(std::equal(before.begin(), before.begin() + 512, medium.begin()));
  for (std::ptrdiff_t at = 512; at < 101 * 512; at += 512)
    ASSERT_TRUE(std::equal(block.begin(), block.end(), medium.begin() + at));
}

TEST_F(Provisioning, AProtectedThinUnitIsThinAndUnmapsNothing) {
  LogicalUnitOptions made = options();
  made.thin = made.read_only = true;
  add_unit_in_use(made);
  EXPECT_EQ(run(unmap, unmap_list(0, 1))->sense_code(), 0x072700u);
  EXPECT_EQ(run(ten(0x41, 0, 1, 0x08), Bytes(512))->sense_code(), 0x072700u);
  EXPECT_EQ(run({0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32})->data_in()[14], 0xc0)
      << "LBPME, LBPRZ";
  EXPECT_THAT(store_->operations, Not(Contains(StoreOperation::unmap)));
}

TEST_F(Provisioning, WriteSameRefusesWhatBlockLimitsRefuse) {
  add_thin_unit();
  EXPECT_EQ(run(ten(0x41, 0, 0), Bytes(512))->sense_code(), 0x052400u) << "all of 16 MiB";
  EXPECT_EQ(run(ten(0x41, blocks_of_unit, 0), Bytes(512))->sense_code(), 0x052100u);
  EXPECT_EQ(run(ten(0x41, 0, 1, 0x10), Bytes(512))->sense_code(), 0x052400u) << "ANCHOR alone";
  EXPECT_EQ(run(ten(0x41, blocks_of_unit - 1, 2), Bytes(512))->sense_code(), 0x052100u);
  EXPECT_EQ(run({0x93, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20, 1})->sense_code(), 0x052400u);
  EXPECT_EQ(run(ten(0x41, 0, 1), first_, Bytes(100), 100)->sense_code(), 0x050e03u);
}

TEST_F(Provisioning, GetLbaStatusTellsWhereDataIs) {
  add_thin_unit();
  ASSERT_TRUE(run(write(16, 8), pattern(8 * 512, 2))->good());
  const auto status = run({0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0});
  ASSERT_TRUE(status->good());
  const Bytes told = status->data_in();
  ASSERT_EQ(told.size(), 8u + 3 * 16);
  EXPECT_EQ(told[19], 16);
  EXPECT_EQ(told[20], 1) << "deallocated";
  EXPECT_EQ(told[31], 16);
  EXPECT_EQ(told[35], 8);
  EXPECT_EQ(told[36], 0) << "mapped";
  EXPECT_EQ(told[52], 1) << "deallocated";
  EXPECT_EQ(run({0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 1, 0})->sense_code(), 0x052100u);
  EXPECT_EQ(run({0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 20})->data_in().size(), 20u);
}

TEST_F(Provisioning, GetLbaStatusBeginsWithTheBlockThatItIsAskedAbout) {
  add_thin_unit();
  ASSERT_TRUE(run(write(16, 16), pattern(16 * 512, 2))->good());
  const auto status_from = [this](std::uint16_t lba) {
    return run({0x9e, 0x12, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(lba >> 8),
                static_cast<std::uint8_t>(lba), 0, 0, 1, 0})->data_in();
  };
  const Bytes inside = status_from(19);
  EXPECT_EQ(inside[15], 19) << "LBA";
  EXPECT_EQ(inside[19], 13) << "blocks";
  EXPECT_EQ(inside[20], 0) << "mapped";
  EXPECT_EQ(inside[31], 32);
  EXPECT_EQ(inside[36], 1) << "deallocated";
  const Bytes hole = status_from(3);
  EXPECT_EQ(hole[15], 3);
  EXPECT_EQ(hole[19], 13);
  EXPECT_EQ(hole[20], 1) << "deallocated";
  const Bytes last = status_from(blocks_of_unit - 1);
  ASSERT_EQ(last.size(), 24u);
  EXPECT_EQ(last[14] << 8 | last[15], static_cast<int>(blocks_of_unit - 1));
  EXPECT_EQ(last[19], 1);
}

// VPD page B0h says how much of each there may be; so much is taken, and one more is not.
TEST_F(Provisioning, WhatBlockLimitsSayIsWhatIsTaken) {
  LogicalUnitOptions made = options();
  made.thin = true;
  made.transfer_bytes = 512 * KiB;
  add_unit_in_use(made);
  const Bytes page = run({0x12, 1, 0xb0, 0, 64})->data_in();
  const auto field = [&page](std::size_t at, std::size_t bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | page[at + i];
    return static_cast<std::uint32_t>(value);
  };
  const auto sixteen = [](std::uint8_t code, std::uint32_t blocks) {
    return scsi::CdbBytes{code, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(blocks >> 16),
                          static_cast<std::uint8_t>(blocks >> 8), static_cast<std::uint8_t>(blocks)};
  };
  struct Row {
    const char* what;
    std::uint8_t code;
    std::uint32_t limit;
    std::size_t block_bytes;  // of data for each block
  };
  const std::uint32_t transfer = field(8, 4), compare = page[5], same = field(36, 8), atomic = field(44, 4);
  const Row rows[] = {{"READ", 0x88, transfer, 0},          {"WRITE", 0x8a, transfer, 512},
                      {"ORWRITE", 0x8b, transfer, 512},     {"WRITE AND VERIFY", 0x8e, transfer, 512},
                      {"COMPARE AND WRITE", 0x89, compare, 1024}, {"WRITE ATOMIC", 0x9c, atomic, 512}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    ASSERT_GT(row.limit, 0u);
    EXPECT_TRUE(run(sixteen(row.code, row.limit), Bytes(row.limit * row.block_bytes))->good());
    if (row.code == 0x89) continue;  // the field ends there
    const auto refused = run(sixteen(row.code, row.limit + 1), Bytes((row.limit + 1) * row.block_bytes));
    EXPECT_EQ(refused->sense_code(), 0x052400u);
  }
  EXPECT_EQ(compare, 255u);
  EXPECT_TRUE(run(sixteen(0x93, same), Bytes(512, 1))->good());
  EXPECT_EQ(run(sixteen(0x93, same + 1), Bytes(512, 1))->sense_code(), 0x052400u);
  EXPECT_EQ(field(24, 4), scsi::unmap_descriptors_max);
}

TEST_F(Provisioning, AProtectedUnitUnmapsNothing) {
  LogicalUnitOptions made = options();
  made.read_only = true;
  add_unit_in_use(made);
  EXPECT_EQ(run(ten(0x41, 0, 1), Bytes(512))->sense_code(), 0x072700u);
}

}  // namespace
}  // namespace holdfast::target
