// COMPARE AND WRITE, ORWRITE and WRITE ATOMIC.

#include <gmock/gmock.h>

#include "tests/unit/target/lun/bench.h"

namespace holdfast::target {
namespace {

scsi::CdbBytes compare_and_write(std::uint32_t lba, std::uint8_t blocks, std::uint8_t flags = 0) {
  return {0x89, flags, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(lba >> 8),
          static_cast<std::uint8_t>(lba), 0, 0, 0, blocks};
}
scsi::CdbBytes sixteen(std::uint8_t code, std::uint32_t lba, std::uint16_t blocks) {
  return {code, 0, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(lba >> 8),
          static_cast<std::uint8_t>(lba), 0, 0, static_cast<std::uint8_t>(blocks >> 8),
          static_cast<std::uint8_t>(blocks)};
}
scsi::CdbBytes read(std::uint32_t lba, std::uint16_t blocks) { return sixteen(0x88, lba, blocks); }
scsi::CdbBytes write(std::uint32_t lba, std::uint16_t blocks) { return sixteen(0x8a, lba, blocks); }

Bytes joined(Bytes first, const Bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

using Atomic = LunTest;

TEST_F(Atomic, CompareAndWriteWritesOnlyWhatWasExpected) {
  add_unit_in_use(options());
  const Bytes old_data = pattern(255 * 512, 1);
  const Bytes new_data = pattern(255 * 512, 2);
  ASSERT_TRUE(run(write(7, 255), old_data)->good());
  const auto swapped = run(compare_and_write(7, 255), joined(old_data, new_data));
  EXPECT_TRUE(swapped->good());
  EXPECT_EQ(swapped->transfer.bytes, 2u * 255 * 512);
  EXPECT_EQ(run(read(7, 255))->data_in(), new_data);
  EXPECT_EQ(store_->durable_writes, 2u) << "write-through";
}

TEST_F(Atomic, AMiscompareSaysWhereAndWritesNothing) {
  add_unit_in_use(options());
  const Bytes data = pattern(2 * 512, 1);
  ASSERT_TRUE(run(write(0, 2), data)->good());
  for (std::size_t at : {std::size_t{0}, std::size_t{511}, std::size_t{700}, data.size() - 1}) {
    Bytes expected = data;
    expected[at] ^= 0x80;
    const auto differs = run(compare_and_write(0, 2), joined(expected, Bytes(1024, 'x')));
    EXPECT_EQ(differs->sense_code(), 0x0e1d00u);
    EXPECT_EQ(differs->information(), at);
  }
  EXPECT_EQ(run(read(0, 2))->data_in(), data);
}

TEST_F(Atomic, AllDataOrNothing) {
  add_unit_in_use(options());
  EXPECT_TRUE(run(compare_and_write(0, 0))->good());
  EXPECT_EQ(run(compare_and_write(0, 1), first_, Bytes(512), 512)->sense_code(), 0x050e03u);
  EXPECT_EQ(run(sixteen(0x9c, 0, 2), first_, Bytes(512), 512)->sense_code(), 0x050e03u);
  EXPECT_EQ(run(sixteen(0x8b, 0, 2), first_, Bytes(512), 512)->sense_code(), 0x050e03u);
  scsi::CdbBytes bounded = sixteen(0x9c, 0, 2);
  bounded[11] = 1;
  EXPECT_EQ(run(bounded, Bytes(1024))->sense_code(), 0x052400u);
  EXPECT_EQ(run(compare_and_write(store_bytes / 512 - 1, 2))->sense_code(), 0x052100u);
  for (StoreOperation operation : store_->operations) EXPECT_NE(operation, StoreOperation::write);
}

TEST_F(Atomic, OrWriteSetsBits) {
  add_unit_in_use(options());
  Bytes medium = pattern(700 * 512, 3);
  const Bytes data = pattern(700 * 512, 4);
  ASSERT_TRUE(run(write(5, 700), medium)->good());
  ASSERT_TRUE(run(sixteen(0x8b, 5, 700), data)->good());
  for (std::size_t i = 0; i < medium.size(); ++i) medium[i] |= data[i];
  EXPECT_EQ(run(read(5, 700))->data_in(), medium);
}

TEST_F(Atomic, WriteAtomicTakesTheLargestTransfer) {
  add_unit_in_use(options());
  const Bytes data = pattern(8192 * 512, 5);
  ASSERT_TRUE(run(sixteen(0x9c, 5, 8192), data)->good());
  EXPECT_EQ(run(read(5, 8192))->data_in(), data);
  EXPECT_EQ(run(sixteen(0x9c, 5, 8193))->sense_code(), 0x052400u);
}

TEST_F(Atomic, NothingComesBetweenTheStepsFromAnyNexus) {
  add_unit_in_use(options());
  faults_->inject({.kind = Fault::Kind::stick, .operation = StoreOperation::read, .times = 1});
  const auto swap = issue(compare_and_write(3, 1), first_);
  swap->execute(1024, joined(Bytes(512), Bytes(512, 's')));
  settle();
  const auto other = issue(write(2, 3), second_);
  other->execute(1536, Bytes(1536, 'w'));
  const auto second_swap = issue(compare_and_write(3, 1), second_);
  second_swap->execute(1024, joined(Bytes(512), Bytes(512, 't')));
  settle();
  const auto looks = issue(read(3, 1), second_);
  looks->execute(512);
  settle();
  EXPECT_EQ(faults_->hanging(), 1u);
  EXPECT_FALSE(other->ended() || second_swap->ended() || looks->ended());
  faults_->release();
  for (Issued* one : {swap.get(), other.get(), second_swap.get(), looks.get()}) settle(one->ends, 1);
  EXPECT_TRUE(swap->good() && other->good());
  EXPECT_EQ(second_swap->sense_code(), 0x0e1d00u);
  EXPECT_EQ(looks->data_in(), Bytes(512, 'w'));
}

TEST_F(Atomic, AFailingMediumIsToldAndWritesNothing) {
  add_unit_in_use(options());
  faults_->inject({.operation = StoreOperation::read, .from = 4 * 512, .to = 5 * 512});
  EXPECT_EQ(run(compare_and_write(3, 4), Bytes(4096))->sense_code(), 0x031100u);
  EXPECT_EQ(run(sixteen(0x8b, 3, 4), Bytes(2048))->sense_code(), 0x031100u);
  faults_->clear();
  faults_->inject({.operation = StoreOperation::write, .error = ENOSPC});
  EXPECT_EQ(run(compare_and_write(3, 4), Bytes(4096))->sense_code(), 0x072707u);
}

TEST_F(Atomic, WithoutAPlaceForIntentsOnlyWhatTheMediumWritesAtOnce) {
  auto memory = MemoryStore::create(store_bytes);
  ASSERT_TRUE(memory);
  auto unit = LogicalUnit::create(std::make_unique<CountingStore>(std::move(*memory), false), options());
  ASSERT_TRUE(unit);
  target_.add(std::move(*unit));
  run({0x00});
  const Bytes limits = run({0x12, 1, 0xb0, 0, 64})->data_in();
  EXPECT_EQ(limits.at(5), 1) << "MAXIMUM COMPARE AND WRITE LENGTH";
  EXPECT_EQ(Bytes(limits.begin() + 44, limits.begin() + 52), Bytes({0, 0, 0, 8, 0, 0, 0, 8}))
      << "MAXIMUM ATOMIC TRANSFER LENGTH, ATOMIC ALIGNMENT";
  EXPECT_TRUE(run(compare_and_write(9, 1), Bytes(1024))->good());
  const auto too_many = run(compare_and_write(8, 2), Bytes(2048));
  EXPECT_EQ(too_many->sense_code(), 0x052400u);
  EXPECT_EQ(too_many->sense().at(17), 13) << "NUMBER OF LOGICAL BLOCKS";
  EXPECT_TRUE(run(sixteen(0x9c, 16, 8), Bytes(4096))->good());
  EXPECT_EQ(run(sixteen(0x9c, 16, 9), Bytes(4608))->sense().at(17), 12) << "TRANSFER LENGTH";
  EXPECT_EQ(run(sixteen(0x9c, 20, 4), Bytes(2048))->sense().at(17), 2) << "LOGICAL BLOCK ADDRESS";
}

TEST_F(Atomic, WithAPlaceForIntentsAllOfIt) {
  add_unit_in_use(options());
  const Bytes limits = run({0x12, 1, 0xb0, 0, 64})->data_in();
  EXPECT_EQ(limits.at(5), 255);
  EXPECT_EQ(Bytes(limits.begin() + 44, limits.begin() + 52), Bytes({0, 0, 0x20, 0, 0, 0, 0, 0}));
}

TEST_F(Atomic, AnAbortBeforeTheWriteIsHeeded) {
  add_unit_in_use(options());
  faults_->inject({.kind = Fault::Kind::stick, .operation = StoreOperation::read, .times = 1});
  const auto swap = issue(compare_and_write(3, 1), first_);
  swap->execute(1024, joined(Bytes(512), Bytes(512, 's')));
  settle();
  swap->abort();
  faults_->release();
  settle(swap->ends, 1);
  EXPECT_TRUE(swap->aborted());
  EXPECT_EQ(run(read(3, 1))->data_in(), Bytes(512));
}

}  // namespace
}  // namespace holdfast::target
