// EXTENDED COPY, within a unit and between the units of a target.

#include <gmock/gmock.h>

#include "common/scsi/parameter_data.h"
#include "tests/unit/target/lun/bench.h"

namespace holdfast::target {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::Not;

constexpr std::uint32_t third_party_failed = 0x0a0d01;
constexpr std::uint32_t not_reachable = 0x0a0d02;

class Copying : public LunTest {
 protected:
  struct Segment {
    std::uint16_t source = 0;  // indices into the units of the list
    std::uint16_t destination = 0;
    std::uint16_t blocks = 1;
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    bool destination_counts = false;
  };

  Bytes list(const std::vector<std::uint32_t>& luns, const std::vector<Segment>& segments) {
    scsi::ParameterData data;
    data.put({1, 0});
    data.put_be16(static_cast<std::uint16_t>(32 * luns.size()));
    data.put_zeros(4);
    data.put_be32(static_cast<std::uint32_t>(28 * segments.size()));
    data.put_be32(0);
    for (std::uint32_t lun : luns) {
      const LogicalUnit& unit = *target_.find(lun);
      data.put({0xe4, 0, 0, 0, 1, 3, 0, 8});
      data.put(std::span<const std::uint8_t>(unit.identity().naa));
      data.put_zeros(12);
      data.put_be32(unit.geometry().block_bytes);
    }
    for (const Segment& segment : segments) {
      data.put({0x02, static_cast<std::uint8_t>(segment.destination_counts ? 2 : 0), 0, 24});
      data.put_be16(segment.source);
      data.put_be16(segment.destination);
      data.put_be16(0);
      data.put_be16(segment.blocks);
      data.put_be64(segment.from);
      data.put_be64(segment.to);
    }
    return {data.bytes().begin(), data.bytes().end()};
  }
  Bytes list(std::uint16_t blocks, std::uint8_t from, std::uint8_t to) {
    return list({0}, {{0, 0, blocks, from, to}});
  }
  static scsi::CdbBytes copy_of(const Bytes& list) {
    return {0x83, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(list.size() >> 8),
            static_cast<std::uint8_t>(list.size())};
  }
  std::unique_ptr<Issued> run_copy(const Bytes& list) { return run(copy_of(list), list); }

  /// LUN 0, and LUN 1, whose store is `store_`, with faults.
  LogicalUnit& add_two_units(const LogicalUnitOptions& second) {
    add_unit_in_use(options());
    LogicalUnit& unit = add_unit(second);
    for (Nexus* nexus : {&first_, &second_}) run({0x00}, *nexus, {}, 0, 1);
    return unit;
  }
  LogicalUnit& add_two_units() { return add_two_units(options(1)); }
  std::unique_ptr<Issued> write(std::uint8_t lba, const Bytes& data, std::uint32_t lun = 0) {
    const auto blocks = static_cast<std::uint8_t>(data.size() / 512);
    return run({0x2a, 0, 0, 0, 0, lba, 0, 0, blocks}, first_, data, 0xffff'ffff, lun);
  }
  Bytes read(std::uint8_t lba, std::uint8_t blocks, std::uint32_t lun) {
    return run({0x28, 0, 0, 0, 0, lba, 0, 0, blocks}, first_, {}, 0xffff'ffff, lun)->data_in();
  }
  static constexpr scsi::CdbBytes status{0x84, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64};
};

TEST_F(Copying, BlocksGoFromPlaceToPlaceAndTheStatusTells) {
  add_unit_in_use(options());
  const Bytes data = pattern(512 * 150, 3);
  ASSERT_TRUE(write(1, data)->good());
  EXPECT_EQ(run(status)->sense_code(), 0x052400u) << "no copy yet";
  ASSERT_TRUE(run_copy(list(150, 1, 200))->good());
  EXPECT_EQ(read(200, 150, 0), data);
  const Bytes told = run(status)->data_in();
  ASSERT_EQ(told.size(), 12u);
  EXPECT_EQ(told[4], 1) << "completed without errors";
  EXPECT_EQ(told[6], 1) << "segments";
  EXPECT_EQ(run(status)->sense_code(), 0x052400u) << "told once";
}

TEST_F(Copying, WhatIsWrongCopiesNothing) {
  add_unit_in_use(options());
  Bytes good = list(1, 1, 2);
  EXPECT_EQ(run(copy_of(good), first_, Bytes(good.begin(), good.begin() + 70), 70)->sense_code(),
            0x051a00u);
  const std::tuple<std::size_t, std::uint8_t, std::uint32_t> cases[] = {
      {16, 0xe0, 0x052607}, {48, 0x00, 0x052609}, {24, 0x55, not_reachable},
      {55, 0x01, 0x0a0000}, {15, 0x01, 0x05260b}, {3, 0xff, 0x051a00},
      {4, 0x01, 0x052600},  {17, 0x05, 0x0a0d03}, {46, 0x04, 0x052600}};
  for (const auto& [byte, value, sense] : cases) {
    Bytes bad = good;
    bad[byte] = value;
    EXPECT_EQ(run_copy(bad)->sense_code(), sense) << byte;
  }
  EXPECT_EQ(run_copy(list(0xffff, 1, 2))->sense_code(), 0x052600u) << "the longest segment";
  store_->operations.clear();
  EXPECT_EQ(run_copy(list({0}, {{0, 0, 2, 1, 1ull << 40}}))->sense_code(), 0x0a0000u);
  EXPECT_THAT(store_->operations, Not(Contains(StoreOperation::write)));
  EXPECT_EQ(run({0x84, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0})->data_in().size(), 46u);
}

TEST_F(Copying, BlocksGoToAnotherUnitAndBack) {
  add_two_units();
  const Bytes data = pattern(512 * 200, 7);
  ASSERT_TRUE(write(0, data)->good());
  ASSERT_TRUE(run_copy(list({0, 1}, {{0, 1, 150, 0, 3}, {0, 1, 50, 150, 153}}))->good());
  EXPECT_EQ(read(3, 200, 1), data);
  EXPECT_EQ(store_->operations[store_->operations.size() - 2], StoreOperation::flush)
      << "write-through";
  const Bytes told = run(status)->data_in();
  EXPECT_EQ(told[6], 2) << "segments";
  EXPECT_EQ(told[9] << 16 | told[10] << 8 | told[11], 200 * 512);
  ASSERT_TRUE(write(0, Bytes(512 * 200))->good());
  ASSERT_TRUE(run_copy(list({1, 0}, {{0, 1, 200, 3, 0}}))->good());
  EXPECT_EQ(read(0, 200, 0), data);
}

TEST_F(Copying, UnitsWithOtherBlocksAreCopiedToInWholeBlocks) {
  LogicalUnitOptions large = options(1);
  large.block_bytes = 4096;
  add_two_units(large);
  const Bytes data = pattern(512 * 16, 7);
  ASSERT_TRUE(write(0, data)->good());
  EXPECT_EQ(run_copy(list({0, 1}, {{0, 1, 12, 0, 3}}))->sense_code(), 0x0a260au) << "a half one";
  ASSERT_TRUE(run_copy(list({0, 1}, {{0, 1, 2, 0, 3, true}}))->good());
  EXPECT_EQ(read(3, 2, 1), data);
  Bytes wrong = list({0, 1}, {{0, 1, 16, 0, 3}});
  wrong[16 + 32 + 30] = 2;
  wrong[16 + 32 + 31] = 0;
  const auto refused = run_copy(wrong);
  EXPECT_EQ(refused->sense_code(), 0x052600u) << "blocks of another length";
  EXPECT_EQ(refused->sense()[17], 16 + 32 + 29);
}

TEST_F(Copying, AnotherUnitIsCopiedToAsItWouldBeWrittenTo) {
  add_two_units();
  const Bytes copy = list({0, 1}, {{0, 0, 1, 0, 9}, {0, 1, 1, 0, 0}});
  // The other host has it to itself.
  ASSERT_TRUE(run({0x16}, second_, {}, 0, 1)->good());
  store_->operations.clear();
  const auto kept_out = run_copy(copy);
  EXPECT_EQ(kept_out->sense_code(), third_party_failed);
  EXPECT_EQ(kept_out->information(), 1u) << "the second segment";
  const Bytes told = run(status)->data_in();
  EXPECT_EQ(told[4], 2) << "completed with errors";
  EXPECT_EQ(told[6], 1) << "one segment was copied";
  EXPECT_EQ(run_copy(list({0, 1}, {{1, 0, 1, 0, 0}}))->sense_code(), third_party_failed) << "read";
  EXPECT_THAT(store_->operations, Not(Contains(StoreOperation::write)));
  ASSERT_TRUE(run({0x17}, second_, {}, 0, 1)->good());
  faults_->inject({.operation = StoreOperation::write, .times = 1, .error = ENOSPC});
  EXPECT_EQ(run_copy(copy)->sense_code(), third_party_failed);
  EXPECT_TRUE(run_copy(copy)->good());
}

TEST_F(Copying, AProtectedUnitIsCopiedFromAndNotTo) {
  LogicalUnitOptions guarded = options(1);
  guarded.read_only = true;
  add_two_units(guarded);
  EXPECT_EQ(run_copy(list({0, 1}, {{0, 1, 1, 0, 0}}))->sense_code(), third_party_failed);
  EXPECT_TRUE(run_copy(list({0, 1}, {{1, 0, 1, 0, 0}}))->good());
  EXPECT_THAT(store_->operations, Not(Contains(StoreOperation::write)));
}

TEST_F(Copying, UnitsThatAreNotReadyOrNotThereAreNotReachable) {
  LogicalUnitOptions removable = options(1);
  removable.removable = true;
  add_two_units(removable);
  ASSERT_TRUE(run({0x1b, 0, 0, 0, 0x02}, first_, {}, 0, 1)->good());
  const Bytes copy = list({0, 1}, {{0, 1, 1, 0, 0}});
  EXPECT_EQ(run_copy(copy)->sense_code(), not_reachable);
  LogicalUnit& gone = target_.retire(1);
  EXPECT_EQ(run_copy(copy)->sense_code(), not_reachable);
  target_.release(gone);
}

TEST_F(Copying, AResetOfTheOtherUnitCutsAWriteShortThatHangsThere) {
  add_two_units();
  faults_->inject({.kind = Fault::Kind::hang, .operation = StoreOperation::write, .skip = 1, .times = 1});
  const Bytes wanted = list({0, 1}, {{0, 1, 2048, 0, 0}});
  auto copy = issue(copy_of(wanted), first_);
  copy->execute(0xffff'ffff, wanted);
  while (faults_->hanging() == 0) settle();
  int reset = 0;
  ASSERT_TRUE(target_.reset_logical_unit(scsi::encode_lun(1), [&reset] { ++reset; }));
  settle(reset, 1);
  settle(copy->ends, 1);
  EXPECT_EQ(copy->sense_code(), third_party_failed);
  EXPECT_EQ(faults_->hanging(), 0u);
}

/// A copy of 1 MiB from LUN 0 to LUN 1, which sticks in its second write.
class CopyUnderWay : public Copying {
 protected:
  void SetUp() override {
    Copying::SetUp();
    add_two_units();
    faults_->inject(
        {.kind = Fault::Kind::stick, .operation = StoreOperation::write, .skip = 1, .times = 1});
    const Bytes wanted = list({0, 1}, {{0, 1, 2048, 0, 0}});
    copy_ = issue(copy_of(wanted), first_);
    copy_->execute(0xffff'ffff, wanted);
    while (faults_->hanging() == 0) settle();
  }
  std::ptrdiff_t writes() const {
    return std::ranges::count(store_->operations, StoreOperation::write);
  }
  std::unique_ptr<Issued> copy_;
};

TEST_F(CopyUnderWay, AResetOfTheOtherUnitWaitsForItAndEndsIt) {
  int reset = 0;
  ASSERT_TRUE(target_.reset_logical_unit(scsi::encode_lun(1), [&reset] { ++reset; }));
  settle();
  EXPECT_EQ(reset, 0) << "the store still has a write";
  faults_->release();
  settle(reset, 1);
  settle(copy_->ends, 1);
  EXPECT_EQ(copy_->sense_code(), third_party_failed);
  EXPECT_LE(writes(), 2) << "nothing is written after that";
}

TEST_F(CopyUnderWay, WhoIsFencedOffTheOtherUnitCopiesNoMoreToIt) {
  const auto reserve_out = [this](std::uint8_t action, Nexus& nexus, std::uint8_t key,
                                  std::uint8_t other) {
    Bytes list(24);
    list[7] = key;
    list[15] = other;
    auto issued = issue({0x5f, action, 0x05, 0, 0, 0, 0, 0, 24}, nexus, 1, 1);
    issued->execute(24, list);
    return issued;
  };
  for (auto& [nexus, key] : {std::pair(&first_, 1), std::pair(&second_, 2)}) {
    auto registered = reserve_out(0, *nexus, 0, static_cast<std::uint8_t>(key));
    settle(registered->ends, 1);
    ASSERT_TRUE(registered->good());
  }
  auto fence = reserve_out(5, second_, 2, 1);
  settle();
  EXPECT_FALSE(fence->ended()) << "the store still has a write";
  faults_->release();
  settle(fence->ends, 1);
  EXPECT_TRUE(fence->good());
  settle(copy_->ends, 1);
  EXPECT_EQ(copy_->sense_code(), third_party_failed);
  EXPECT_LE(writes(), 2);
}

TEST_F(CopyUnderWay, TheOtherUnitGoesWhenItIsOver) {
  int drained = 0;
  LogicalUnit& gone = target_.retire(1);
  gone.drain([&drained] { ++drained; });
  settle();
  EXPECT_EQ(drained, 0);
  faults_->release();
  settle(drained, 1);
  settle(copy_->ends, 1);
  EXPECT_TRUE(copy_->good());
  EXPECT_EQ(writes(), 4);
  target_.release(gone);
}

TEST_F(CopyUnderWay, AnAbortEndsIt) {
  copy_->abort();
  faults_->release();
  settle(copy_->ends, 1);
  EXPECT_TRUE(copy_->aborted());
  EXPECT_EQ(writes(), 2);
}

}  // namespace
}  // namespace holdfast::target
