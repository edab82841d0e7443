// READ, WRITE, VERIFY, SYNCHRONIZE CACHE and START STOP UNIT against a store that can be made to
// fail.

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/unit/target/lun/bench.h"

namespace holdfast::target {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

scsi::CdbBytes ten(std::uint8_t code, std::uint32_t lba, std::uint16_t blocks,
                   std::uint8_t flags = 0) {
  return {code,
          flags,
          static_cast<std::uint8_t>(lba >> 24),
          static_cast<std::uint8_t>(lba >> 16),
          static_cast<std::uint8_t>(lba >> 8),
          static_cast<std::uint8_t>(lba),
          0,
          static_cast<std::uint8_t>(blocks >> 8),
          static_cast<std::uint8_t>(blocks)};
}
scsi::CdbBytes read(std::uint32_t lba, std::uint16_t blocks, std::uint8_t flags = 0) {
  return ten(0x28, lba, blocks, flags);
}
scsi::CdbBytes write(std::uint32_t lba, std::uint16_t blocks, std::uint8_t flags = 0) {
  return ten(0x2a, lba, blocks, flags);
}
scsi::CdbBytes verify(std::uint32_t lba, std::uint16_t blocks, std::uint8_t flags = 0) {
  return ten(0x2f, lba, blocks, flags);
}
scsi::CdbBytes synchronize(std::uint8_t flags = 0) {
  return ten(0x35, 0, 0, flags);
}

constexpr std::uint8_t fua = 0x08, byte_check = 0x02, immediate = 0x02;
constexpr std::uint32_t blocks_of_unit = 16 * MiB / 512;

class Medium : public LunTest {
 protected:
  LogicalUnit& add_write_back_unit() {
    LogicalUnitOptions made = options();
    made.write_back = true;
    return add_unit_in_use(made);
  }
};

TEST_F(Medium, EveryLengthOfCdbReadsWhatTheOthersWrote) {
  add_unit_in_use(options());
  const std::vector<scsi::CdbBytes> writes = {{0x0a, 0, 0, 5, 2},
                                              write(5, 2),
                                              {0xaa, 0, 0, 0, 0, 5, 0, 0, 0, 2},
                                              {0x8a, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 2}};
  const std::vector<scsi::CdbBytes> reads = {{0x08, 0, 0, 5, 2},
                                             read(5, 2),
                                             {0xa8, 0, 0, 0, 0, 5, 0, 0, 0, 2},
                                             {0x88, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 2}};
  unsigned seed = 0;
  for (const scsi::CdbBytes& w : writes) {
    const Bytes data = pattern(1024, ++seed);
    ASSERT_TRUE(run(w, data)->good());
    for (const scsi::CdbBytes& r : reads)
      EXPECT_EQ(run(r)->data_in(), data) << int(w[0]) << int(r[0]);
  }
}

TEST_F(Medium, TheLargestTransferGoesThroughAndOneBlockMoreIsRefused) {
  add_unit_in_use(options());
  const std::uint16_t most = transfer_bytes_max / 512;
  const Bytes data = pattern(transfer_bytes_max, 3);
  ASSERT_TRUE(run(write(1, most), data)->good());
  EXPECT_EQ(run(read(1, most))->data_in(), data);
  const auto refused = run(read(1, most + 1));
  EXPECT_EQ(refused->sense_code(), 0x052400u);
  const Bytes sense = refused->sense();
  EXPECT_THAT(Bytes(sense.begin() + 15, sense.end()), ElementsAre(0xc0, 0, 7));
  EXPECT_EQ(refused->transfer.bytes, 0u);
}

TEST_F(Medium, BlocksBeyondTheEndAreOutOfRange) {
  add_unit_in_use(options());
  EXPECT_TRUE(run(read(blocks_of_unit - 1, 1))->good());
  EXPECT_TRUE(run(read(blocks_of_unit - 1, 0))->good());
  for (const auto& cdb :
       {read(blocks_of_unit - 1, 2), read(blocks_of_unit, 0), write(blocks_of_unit, 1),
        verify(0xffff'ffff, 1), ten(0x35, blocks_of_unit, 0), ten(0x35, blocks_of_unit - 1, 2)}) {
    EXPECT_EQ(run(cdb)->sense_code(), 0x052100u) << "opcode " << int(cdb[0]);
  }
}

TEST_F(Medium, WriteThroughIsDurableBeforeGoodAndWriteBackOnlyWithFua) {
  add_unit_in_use(options());
  ASSERT_TRUE(run(write(0, 1), Bytes(512))->good());
  EXPECT_EQ(store_->durable_writes, 1u);
}

TEST_F(Medium, WriteBackIsDurableOnlyWithFua) {
  EXPECT_TRUE(add_write_back_unit().write_cache_enabled());
  ASSERT_TRUE(run(write(0, 1), Bytes(512))->good());
  EXPECT_EQ(store_->durable_writes, 0u);
  ASSERT_TRUE(run(write(0, 1, fua), Bytes(512))->good());
  EXPECT_EQ(store_->durable_writes, 1u);
}

TEST_F(Medium, AReadWithFuaBringsTheCacheOntoTheMediumFirst) {
  add_write_back_unit();
  store_->operations.clear();
  ASSERT_TRUE(run(read(0, 1, fua))->good());
  EXPECT_THAT(store_->operations, ElementsAre(StoreOperation::flush, StoreOperation::read));
  store_->operations.clear();
  ASSERT_TRUE(run(read(0, 1))->good());
  EXPECT_THAT(store_->operations, ElementsAre(StoreOperation::read));
}

TEST_F(Medium, SynchronizeCacheAndStoppingFlush) {
  add_write_back_unit();
  store_->operations.clear();
  ASSERT_TRUE(run(synchronize())->good());
  ASSERT_TRUE(run({0x91})->good());
  ASSERT_TRUE(run({0x1b, 0, 0, 0, 0x00})->good());
  EXPECT_EQ(store_->operations.size(), 3u);
  ASSERT_TRUE(run({0x1b, 0, 0, 0, 0x01})->good());
  ASSERT_TRUE(run({0x1b, 0, 0, 0, 0x04})->good());
  EXPECT_EQ(store_->operations.size(), 3u);
  EXPECT_TRUE(run({0x00})->good()) << "a shared unit does not stop for one of its hosts";
}

TEST_F(Medium, ImmediateFlushesAnswerBeforeTheyAreDone) {
  add_write_back_unit();
  faults_->inject({.kind = Fault::Kind::stick, .operation = StoreOperation::flush});
  EXPECT_TRUE(run(synchronize(immediate))->good());
  EXPECT_EQ(faults_->hanging(), 1u);
  // A second one must be followed by a flush that began after it.
  EXPECT_TRUE(run(synchronize(immediate))->good());
  faults_->clear();
  store_->operations.clear();
  faults_->release();
  settle();
  EXPECT_EQ(store_->operations.size(), 2u);
}

TEST_F(Medium, AnImmediateFlushThatFailsIsToldAsADeferredError) {
  add_write_back_unit();
  faults_->inject({.operation = StoreOperation::flush, .times = 1});
  EXPECT_TRUE(run(synchronize(immediate))->good());
  settle();
  const auto told = run(read(0, 1));
  EXPECT_EQ(told->sense_code(), 0x030c00u);
  EXPECT_EQ(told->sense()[0], 0x71);
  EXPECT_TRUE(run(read(0, 1))->good());
  EXPECT_EQ(run({0x00}, second_)->sense_code(), 0x030c00u);
}

TEST_F(Medium, AFailedReadSaysWhichBlock) {
  add_unit_in_use(options());
  faults_->inject({.operation = StoreOperation::read, .from = 7 * 512, .to = 8 * 512});
  const auto failed = run(read(4, 8));
  EXPECT_EQ(failed->sense_code(), 0x031100u);
  EXPECT_EQ(failed->information(), 7u);
  EXPECT_EQ(failed->command.outcome.data_in_bytes, 0u);
}

TEST_F(Medium, AFailedWriteSaysWhichBlockAndWhy) {
  add_unit_in_use(options());
  faults_->inject({.operation = StoreOperation::write, .times = 1});
  const auto bad = run(write(9, 2), Bytes(1024));
  EXPECT_EQ(bad->sense_code(), 0x030c00u);
  EXPECT_EQ(bad->information(), 9u);
  faults_->inject({.operation = StoreOperation::write, .times = 1, .error = ENOSPC});
  EXPECT_EQ(run(write(9, 2), Bytes(1024))->sense_code(), 0x072707u);
  faults_->inject({.operation = StoreOperation::flush, .times = 1});
  const auto flush = run(synchronize());
  EXPECT_EQ(flush->sense_code(), 0x030c00u);
  EXPECT_FALSE(flush->information());
}

TEST_F(Medium, AProtectedUnitTakesNoWrites) {
  LogicalUnitOptions made = options();
  made.read_only = true;
  add_unit_in_use(made);
  EXPECT_EQ(run(write(0, 1), Bytes(512))->sense_code(), 0x072700u);
  EXPECT_TRUE(run(read(0, 1))->good());
  EXPECT_TRUE(run(synchronize())->good());
  EXPECT_THAT(store_->operations, ElementsAre(StoreOperation::read));
}

TEST_F(Medium, AStoreThatWasOpenedReadOnlyProtectsItsUnit) {
  EXPECT_TRUE(add_unit(options(), true).write_protected());
}

TEST_F(Medium, VerifyReadsTheMedium) {
  add_unit_in_use(options());
  EXPECT_TRUE(run(verify(0, 0))->good());
  EXPECT_TRUE(run(verify(0, 2000))->good());
  // No length is too long for it: no data moves.
  EXPECT_TRUE(run({0x8f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0})->good());
  faults_->inject({.operation = StoreOperation::read, .from = 1500 * 512, .to = 1501 * 512});
  const auto failed = run(verify(0, 2000));
  EXPECT_EQ(failed->sense_code(), 0x031100u);
  EXPECT_EQ(failed->information(), 1500u);
}

TEST_F(Medium, VerifyWithByteCheckComparesEveryByte) {
  add_unit_in_use(options());
  // More than is read at once, and not a multiple of it.
  Bytes data = pattern(1000 * 512, 9);
  ASSERT_TRUE(run(write(3, 1000), data)->good());
  EXPECT_TRUE(run(verify(3, 1000, byte_check), data)->good());
  for (std::size_t at :
       {std::size_t{0}, std::size_t{262'143}, std::size_t{262'144}, data.size() - 1}) {
    data[at] ^= 1;
    const auto differs = run(verify(3, 1000, byte_check), data);
    EXPECT_EQ(differs->sense_code(), 0x0e1d00u);
    EXPECT_EQ(differs->information(), at);
    data[at] ^= 1;
  }
}

TEST_F(Medium, VerifyWithByteCheck3ComparesEveryBlockWithOne) {
  add_unit_in_use(options());
  const Bytes block = pattern(512, 3);
  Bytes data;
  for (int i = 0; i < 700; ++i) data.insert(data.end(), block.begin(), block.end());
  ASSERT_TRUE(run(write(3, 700), data)->good());
  const auto same = run(verify(3, 700, 0x06), block);
  EXPECT_TRUE(same->good());
  EXPECT_EQ(same->transfer.bytes, 512u);
  data[600 * 512 + 5] ^= 1;
  ASSERT_TRUE(run(write(3, 700), data)->good());
  const auto differs = run(verify(3, 700, 0x06), block);
  EXPECT_EQ(differs->sense_code(), 0x0e1d00u);
  EXPECT_EQ(differs->information(), 600u * 512 + 5);
}

TEST_F(Medium, WriteAndVerifyWritesDurablyAndReadsBack) {
  add_write_back_unit();
  const Bytes data = pattern(600 * 512, 4);
  for (std::uint8_t check : {0x00, 0x02, 0x06}) {
    const std::size_t before = store_->durable_writes;
    store_->operations.clear();
    ASSERT_TRUE(run(ten(0x2e, 9, 600, check), data)->good());
    EXPECT_EQ(store_->durable_writes, before + 1);
    EXPECT_EQ(store_->operations.back(), StoreOperation::read);
  }
  EXPECT_EQ(run(read(9, 600))->data_in(), data);
}

TEST_F(Medium, PreFetchReadsAhead) {
  add_unit_in_use(options());
  store_->operations.clear();
  for (std::uint8_t flags : {0x00, 0x02}) EXPECT_TRUE(run(ten(0x34, 5, 100, flags))->good());
  EXPECT_TRUE(run(ten(0x34, 5, 0))->good());
  EXPECT_THAT(store_->operations, Each(StoreOperation::read_ahead));
  EXPECT_EQ(run(ten(0x34, blocks_of_unit - 1, 2))->sense_code(), 0x052100u);
}

TEST_F(Medium, AReadWaitsForAWriteOfItsBlocksAndForNoOther) {
  add_unit_in_use(options());
  faults_->inject({.kind = Fault::Kind::stick, .operation = StoreOperation::write, .times = 1});
  const Bytes data = pattern(1024, 6);
  const auto written = issue(write(10, 2), first_);
  written->execute(1024, data);
  const auto over = issue(read(11, 1), second_);
  over->execute(512);
  const auto beside = issue(read(12, 1), second_);
  beside->execute(512);
  settle(beside->ends, 1);
  settle();
  EXPECT_FALSE(over->ended());
  const auto given_up = issue(read(10, 1), second_);
  given_up->execute(512);
  given_up->abort();
  settle(given_up->ends, 1);
  EXPECT_TRUE(given_up->aborted());
  faults_->release();
  settle(over->ends, 1);
  settle(written->ends, 1);
  EXPECT_EQ(over->data_in(), Bytes(data.begin() + 512, data.end()));
}

TEST_F(Medium, VerifiesShareAFewBuffers) {
  add_unit_in_use(options());
  std::vector<std::unique_ptr<Issued>> verifies;
  for (int i = 0; i < 20; ++i) {
    verifies.push_back(issue(verify(0, 3000), first_));
    verifies.back()->execute(0);
  }
  for (const auto& one : verifies) settle(one->ends, 1);
  for (const auto& one : verifies) EXPECT_TRUE(one->good());
}

TEST_F(Medium, AnInitiatorThatExpectsLessGetsLess) {
  add_unit_in_use(options());
  const Bytes data = pattern(1024, 1);
  ASSERT_TRUE(run(write(0, 2), data)->good());
  const auto nothing = run(read(0, 2), first_, {}, 0);
  EXPECT_TRUE(nothing->good());
  EXPECT_EQ(nothing->transfer.bytes, 1024u);
  EXPECT_EQ(nothing->command.outcome.data_in_bytes, 0u);
  // A part of a block is read as a whole one; the session cuts it.
  const auto part = run(read(0, 2), first_, {}, 200);
  EXPECT_TRUE(part->good());
  const Bytes moved = part->data_in();
  EXPECT_EQ(Bytes(moved.begin(), moved.begin() + 200), Bytes(data.begin(), data.begin() + 200));
}

TEST_F(Medium, AnInitiatorThatHasLessWritesLess) {
  add_unit_in_use(options());
  ASSERT_TRUE(run(write(0, 2), Bytes(1024, 'a'))->good());
  EXPECT_TRUE(run(write(0, 2), first_, Bytes(512, 'b'), 512)->good());
  Bytes expected(1024, 'a');
  std::fill_n(expected.begin(), 512, std::uint8_t{'b'});
  EXPECT_EQ(run(read(0, 2))->data_in(), expected);
  EXPECT_TRUE(run(write(0, 2), first_, {}, 0)->good());
  // What cannot be stored is not acknowledged.
  EXPECT_EQ(run(write(0, 2), first_, Bytes(200, 'c'), 200)->sense_code(), 0x050e03u);
  EXPECT_EQ(run(read(0, 2))->data_in(), expected);
}

TEST_F(Medium, BlocksOf4096BytesAreCountedAsSuch) {
  LogicalUnitOptions made = options();
  made.block_bytes = 4096;
  add_unit_in_use(made);
  const Bytes data = pattern(8192, 5);
  ASSERT_TRUE(run(write(store_bytes / 4096 - 2, 2), data)->good());
  EXPECT_EQ(run(read(store_bytes / 4096 - 2, 2))->data_in(), data);
  EXPECT_EQ(run(read(store_bytes / 4096, 1))->sense_code(), 0x052100u);
}

TEST_F(Medium, TheLastFlushTellsWhenTheStoreIsAtRest) {
  add_write_back_unit();
  faults_->inject({.kind = Fault::Kind::stick, .operation = StoreOperation::flush});
  int told = 0;
  target_.flush([&] { ++told; });
  settle();
  EXPECT_EQ(told, 0);
  faults_->release();
  settle(told, 1);
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace holdfast::target
