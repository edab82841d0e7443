// What may be half of an atomic write and cannot be put right is shown to nobody; and nobody's data
// are taken for half of one whose intent cannot be taken back.

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "target/lun/atomic_intent.h"
#include "tests/unit/target/lun/bench.h"

namespace holdfast::target {
namespace {

// Of the atomic write: in two pieces of those that the medium writes at once.
constexpr std::uint8_t first_block = 12, block_count = 8;
constexpr std::uint32_t unread = 0x031100, unwritten = 0x030c00, no_intent = 0x044400;

scsi::CdbBytes ten(std::uint8_t code, std::uint8_t lba, std::uint8_t blocks, std::uint8_t flags = 0) {
  return {code, flags, 0, 0, 0, lba, 0, 0, blocks};
}
scsi::CdbBytes read(std::uint8_t lba, std::uint8_t blocks) { return ten(0x28, lba, blocks); }
scsi::CdbBytes write(std::uint8_t lba, std::uint8_t blocks) { return ten(0x2a, lba, blocks); }
scsi::CdbBytes sixteen(std::uint8_t code, std::uint8_t lba, std::uint8_t blocks) {
  return {code, 0, 0, 0, 0, 0, 0, 0, 0, lba, 0, 0, 0, blocks};
}
scsi::CdbBytes write_atomic(std::uint8_t lba) { return sixteen(0x9c, lba, block_count); }

/// Of a write that a crash has cut in two: the even sectors of a medium of zeros are as they were,
/// the odd ones as they were to become.
std::string intent_of_half_a_write() {
  std::string data(block_count * std::size_t{512}, 'n');
  for (std::size_t odd = 512; odd < data.size(); odd += 1024) std::fill_n(data.begin() + std::ptrdiff_t(odd), 512, '\0');
  iovec vector{data.data(), data.size()};
  AtomicIntent intent = AtomicIntent::of_write(first_block * std::uint64_t{512}, {&vector, 1});
  intent.before.assign(data.size(), '\0');
  for (std::size_t odd = 512; odd < data.size(); odd += 1024) std::fill_n(intent.before.begin() + std::ptrdiff_t(odd), 512, 'b');
  return intent.encode();
}
Bytes before_that_write() {
  Bytes data(block_count * std::size_t{512});
  for (std::size_t at = 0; at < data.size(); ++at) data[at] = at / 512 % 2 == 1 ? 'b' : 0;
  return data;
}

class AtomicBars : public LunTest {
 protected:
  static Task<void> pause(Loop& loop) { co_await sleep_for(loop, std::chrono::milliseconds(20)); }

  void add_thin_unit_in_use(const std::function<void(LogicalUnit&)>& prepare = {}, bool read_only = false) {
    LogicalUnitOptions made = options();
    made.thin = true;
    add_unit(made, read_only, prepare);
    for (Nexus* nexus : {&first_, &second_}) EXPECT_EQ(run({0x00}, *nexus)->sense_code(), 0x062900u);
  }
  /// Runs it again and again, until it is good.
  std::unique_ptr<Issued> run_until_good(const scsi::CdbBytes& cdb, const Bytes& data = {}) {
    auto issued = run(cdb, data);
    for (int i = 0; i < 500 && !issued->good(); ++i) {
      loop_->run(pause(*loop_));
      issued = run(cdb, data);
    }
    EXPECT_TRUE(issued->good()) << "after ten seconds";
    return issued;
  }
  static Fault failing(StoreOperation operation) { return {.operation = operation}; }
};

TEST_F(AtomicBars, WhatMayBeHalfDoneIsNeitherReadNorWrittenUntilItIsPutRight) {
  intents_[0] = intent_of_half_a_write();
  add_thin_unit_in_use([this](LogicalUnit&) { faults_->inject(failing(StoreOperation::write)); });
  const auto half = run(read(first_block, 1));
  EXPECT_EQ(half->sense_code(), unread);
  EXPECT_EQ(half->information(), first_block);
  const auto across = run(read(0, 32));
  EXPECT_EQ(across->sense_code(), unread);
  EXPECT_EQ(across->information(), first_block) << "the first of the blocks that cannot be read";
  EXPECT_EQ(run(read(first_block + block_count - 1, 4), second_)->sense_code(), unread);
  EXPECT_EQ(run(ten(0x2f, first_block, 1))->sense_code(), unread) << "VERIFY";
  EXPECT_EQ(run(sixteen(0x89, first_block, 1), Bytes(1024))->sense_code(), unread) << "COMPARE AND WRITE";
  EXPECT_EQ(run(write(first_block, 1), Bytes(512))->sense_code(), unwritten);
  EXPECT_EQ(run(sixteen(0x93, first_block, 1), Bytes(512))->sense_code(), unwritten) << "WRITE SAME";
  EXPECT_TRUE(run(read(0, 12))->good());
  EXPECT_TRUE(run(read(20, 8))->good());
  EXPECT_NE(intents_[0], "") << "for the next start";

  faults_->clear();
  EXPECT_EQ(run_until_good(read(first_block, block_count))->data_in(), before_that_write());
  EXPECT_EQ(intents_[0], "");
  EXPECT_TRUE(run(write(first_block, 1), Bytes(512))->good());
}

TEST_F(AtomicBars, AUnitThatMayNotBeWrittenShowsNoHalfOfAWriteEither) {
  intents_[0] = intent_of_half_a_write();
  add_thin_unit_in_use({}, true);
  EXPECT_EQ(run(read(first_block, 1))->sense_code(), unread);
  EXPECT_TRUE(run(read(0, 8))->good());
}

TEST_F(AtomicBars, AMediumThatCannotBeReadAtTheStartIsLookedAtAgain) {
  intents_[0] = intent_of_half_a_write();
  add_thin_unit_in_use([this](LogicalUnit&) {
    faults_->inject({.operation = StoreOperation::read, .times = 1});
  });
  EXPECT_EQ(run(read(first_block, 1))->sense_code(), unread);
  EXPECT_EQ(run_until_good(read(first_block, block_count))->data_in(), before_that_write());
}

TEST_F(AtomicBars, SanitizingLeavesNothingHalfDone) {
  intents_[0] = intent_of_half_a_write();
  add_thin_unit_in_use([this](LogicalUnit&) {
    faults_->inject({.operation = StoreOperation::write, .times = 1});
  });
  ASSERT_EQ(run(read(first_block, 1))->sense_code(), unread);
  ASSERT_TRUE(run({0x48, 0x02})->good()) << "BLOCK ERASE";
  EXPECT_EQ(run_until_good(read(first_block, block_count))->data_in(), Bytes(block_count * 512))
      << "and nothing comes back";
  EXPECT_EQ(intents_[0], "");
}

TEST_F(AtomicBars, WhileAnIntentCannotBeTakenBackItsBlocksAreReadAndNotWritten) {
  add_thin_unit_in_use();
  const Bytes data = pattern(block_count * 512, 5);
  faults_->inject({.kind = Fault::Kind::hang, .operation = StoreOperation::write});
  auto atomic = issue(write_atomic(first_block), first_);
  atomic->execute(0xffff'ffff, data);
  for (int i = 0; i < 50 && faults_->hanging() == 0; ++i) loop_->run(pause(*loop_));
  ASSERT_NE(intents_[0], "");
  intent_error_ = EROFS;
  faults_->clear();
  faults_->release();
  settle(atomic->ends, 1);
  EXPECT_TRUE(atomic->good()) << "it is on the medium as a whole";
  EXPECT_EQ(run(read(first_block, block_count))->data_in(), data);
  // A start would find the intent, and take this for half of the write that it is of.
  EXPECT_EQ(run(write(first_block, 1), Bytes(512))->sense_code(), unwritten);
  EXPECT_TRUE(run(write(0, 8), Bytes(8 * 512))->good());

  EXPECT_EQ(run(write_atomic(44), data)->sense_code(), no_intent);
  EXPECT_EQ(run(write_atomic(84), data)->sense_code(), no_intent) << "no file is left, and none is waited for";
  EXPECT_EQ(run(read(84, 1))->data_in(), Bytes(512));
  intent_error_ = 0;
  run_until_good(write(first_block, 1), Bytes(512));
  EXPECT_EQ(intents_[0], "");
  EXPECT_TRUE(run_until_good(write_atomic(84), data)->good());
}

}  // namespace
}  // namespace holdfast::target
