// ABORT TASK, LOGICAL UNIT RESET, and the conditions that nexuses are told of after it.

#include "tests/unit/target/lun/bench.h"

namespace holdfast::target {
namespace {

const scsi::CdbBytes write_one{0x2a, 0, 0, 0, 0, 1, 0, 0, 1};
const scsi::CdbBytes read_one{0x28, 0, 0, 0, 0, 1, 0, 0, 1};
const scsi::CdbBytes read_another{0x28, 0, 0, 0, 0, 99, 0, 0, 1};
const scsi::CdbBytes verify_one{0x2f, 0, 0, 0, 0, 1, 0, 0, 1};
constexpr scsi::LunAddress lun_0{};

using TaskManagement = LunTest;

TEST_F(TaskManagement, ACommandThatStillCollectsDataIsAbortedAtOnce) {
  add_unit_in_use(options());
  auto command = issue(write_one, first_);
  command->abort();
  settle(command->ends, 1);
  EXPECT_TRUE(command->aborted());
  EXPECT_EQ(store_->operations.size(), 0u);
}

TEST_F(TaskManagement, AStoreThatCanLetGoOfACommandDoesSoAtOnce) {
  LogicalUnitOptions made = options();
  made.thin = true;
  add_unit_in_use(made);
  faults_->inject({.kind = Fault::Kind::hang});
  struct Case {
    const char* name;
    scsi::CdbBytes cdb;
    Bytes data_out;
  };
  const Bytes one_block(512, 'x');
  const Case cases[] = {
      {"READ", read_one, {}},
      {"WRITE", write_one, one_block},
      {"SYNCHRONIZE CACHE", {0x35}, {}},
      {"VERIFY", verify_one, {}},
      {"WRITE AND VERIFY", {0x2e, 0, 0, 0, 0, 1, 0, 0, 1}, one_block},
      {"WRITE SAME", {0x41, 0, 0, 0, 0, 1, 0, 0, 8}, one_block},
      {"WRITE SAME of zeros", {0x41, 0, 0, 0, 0, 1, 0, 0, 8}, Bytes(512)},
      {"UNMAP", {0x42, 0, 0, 0, 0, 0, 0, 0, 24}, {0, 22, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0}},
      {"COMPARE AND WRITE", {0x89, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1}, Bytes(1024)},
      {"PRE-FETCH", {0x34, 0, 0, 0, 0, 1, 0, 0, 8}, {}},
  };
  for (const Case& tried : cases) {
    auto command = issue(tried.cdb, first_);
    command->execute(static_cast<std::uint32_t>(tried.data_out.empty() ? 512 : tried.data_out.size()), tried.data_out);
    settle();
    ASSERT_EQ(faults_->hanging(), 1u) << tried.name;
    command->abort();
    settle(command->ends, 1);
    EXPECT_TRUE(command->aborted()) << tried.name;
    EXPECT_EQ(faults_->hanging(), 0u) << tried.name;
  }
  EXPECT_TRUE(store_->operations.empty()) << "none of it reached the medium, and none will";
  auto hangs = issue(write_one, first_);
  hangs->execute(512, one_block);
  int finished = 0;
  EXPECT_TRUE(target_.reset_logical_unit(lun_0, [&] { ++finished; }));
  settle(finished, 1);
  EXPECT_TRUE(hangs->aborted());
}

TEST_F(TaskManagement, ACommandInTheStoreEndsWhenTheStoreIsThroughWithIt) {
  add_unit_in_use(options());
  faults_->inject({.kind = Fault::Kind::stick, .operation = StoreOperation::write});
  auto command = issue(write_one, first_);
  command->execute(512, Bytes(512));
  settle();
  command->abort();
  command->abort();  // Told twice, done once.
  settle();
  EXPECT_FALSE(command->ended()) << "the write can still reach the medium";
  faults_->release();
  settle(command->ends, 1);
  EXPECT_TRUE(command->aborted());
}

TEST_F(TaskManagement, ACommandThatIsAboutToAnswerEndsAborted) {
  add_unit_in_use(options());
  auto command = issue({0x00}, first_);
  command->execute(0);
  command->abort();
  settle(command->ends, 1);
  EXPECT_TRUE(command->aborted());
}

TEST_F(TaskManagement, AQueuedVerifyIsTakenOutAndOneAtWorkStopsEarly) {
  add_unit_in_use(options());
  faults_->inject({.kind = Fault::Kind::stick, .operation = StoreOperation::read});
  auto at_work = issue({0x2f, 0, 0, 0, 0, 0, 0, 0x40, 0}, first_);
  at_work->execute(0);
  auto queued = issue(verify_one, first_);
  queued->execute(0);
  auto last = issue(verify_one, first_);
  last->execute(0);
  queued->abort();
  settle(queued->ends, 1);
  EXPECT_TRUE(queued->aborted());
  at_work->abort();
  settle();
  EXPECT_FALSE(at_work->ended());
  faults_->clear();
  faults_->release();
  settle(at_work->ends, 1);
  settle(last->ends, 1);
  EXPECT_TRUE(at_work->aborted());
  EXPECT_TRUE(last->good());
  EXPECT_EQ(store_->operations.size(), 2u)
      << "the first read of one, and the only one of the other";
}

TEST_F(TaskManagement, AnAbortedReadWithFuaDoesNotGoOnAfterItsFlush) {
  LogicalUnitOptions made = options();
  made.write_back = true;
  add_unit_in_use(made);
  faults_->inject({.kind = Fault::Kind::stick, .operation = StoreOperation::flush});
  auto command = issue({0x28, 0x08, 0, 0, 0, 1, 0, 0, 1}, first_);
  command->execute(512);
  command->abort();
  faults_->release();
  settle(command->ends, 1);
  EXPECT_TRUE(command->aborted());
  EXPECT_EQ(store_->operations, std::vector{StoreOperation::flush});
}

TEST_F(TaskManagement, ResetAbortsEveryCommandAndWaitsForTheStore) {
  add_unit_in_use(options());
  faults_->inject({.kind = Fault::Kind::stick, .operation = StoreOperation::write, .times = 1});
  auto in_store = issue(write_one, first_);
  in_store->execute(512, Bytes(512));
  auto collecting = issue(write_one, second_);
  auto waiting = issue(read_one, first_, 2);  // ordered, behind the write
  waiting->execute(512);
  settle();

  int finished = 0;
  EXPECT_TRUE(target_.reset_logical_unit(lun_0, [&] { ++finished; }));
  settle(collecting->ends, 1);
  settle(waiting->ends, 1);
  EXPECT_TRUE(collecting->aborted());
  EXPECT_TRUE(waiting->aborted());
  EXPECT_EQ(finished, 0);
  // The unit goes on meanwhile, for what came after the reset; only who would read what the store
  // may still write waits.
  EXPECT_EQ(run(read_another)->sense_code(), 0x062903u);
  EXPECT_TRUE(run(read_another)->good());
  EXPECT_EQ(finished, 0);
  faults_->release();
  settle(finished, 1);
  EXPECT_TRUE(in_store->aborted());
  EXPECT_EQ(finished, 1);
}

TEST_F(TaskManagement, ResetTellsEveryNexusOnce) {
  add_unit_in_use(options());
  int finished = 0;
  EXPECT_TRUE(target_.reset_logical_unit(lun_0, [&] { ++finished; }));
  EXPECT_EQ(finished, 0) << "never from inside";
  settle(finished, 1);
  for (Nexus* nexus : {&first_, &second_}) {
    EXPECT_EQ(run({0x00}, *nexus)->sense_code(), 0x062903u);
    EXPECT_TRUE(run({0x00}, *nexus)->good());
  }
}

TEST_F(TaskManagement, ASecondResetWaitsToo) {
  add_unit_in_use(options());
  faults_->inject({.kind = Fault::Kind::stick, .operation = StoreOperation::write});
  auto in_store = issue(write_one, first_);
  in_store->execute(512, Bytes(512));
  int first_finished = 0;
  int second_finished = 0;
  target_.reset_logical_unit(lun_0, [&] { ++first_finished; });
  target_.reset_logical_unit(lun_0, [&] { ++second_finished; });
  settle();
  EXPECT_EQ(first_finished + second_finished, 0);
  faults_->release();
  settle(first_finished, 1);
  settle(second_finished, 1);
}

TEST_F(TaskManagement, ASessionMayExecuteWhatAResetAborted) {
  add_unit_in_use(options());
  auto command = issue(write_one, second_);
  int finished = 0;
  target_.reset_logical_unit(lun_0, [&] { ++finished; });
  command->execute(512, Bytes(512));  // It does not know yet.
  settle(finished, 1);
  EXPECT_TRUE(command->aborted());
  EXPECT_EQ(command->ends, 1);
  EXPECT_EQ(store_->operations.size(), 0u);
}

TEST_F(TaskManagement, ThereIsNoUnitToResetBehindAnUnknownLun) {
  add_unit_in_use(options());
  EXPECT_FALSE(target_.reset_logical_unit(scsi::encode_lun(1), [] {}));
  EXPECT_FALSE(target_.reset_logical_unit(scsi::LunAddress{0xc1, 0x01}, [] {}));
}

TEST_F(TaskManagement, FirstContactIsToldOfThePowerOn) {
  add_unit(options());
  EXPECT_TRUE(run({0x12, 0, 0, 0, 96})->good());  // INQUIRY neither tells nor forgets it …
  EXPECT_TRUE(run({0xa0, 0, 0, 0, 0, 0, 0, 0, 16})->good());
  EXPECT_EQ(run(read_one)->sense_code(), 0x062900u);  // … and everything else tells it, once.
  EXPECT_TRUE(run(read_one)->good());
  EXPECT_EQ(run({0x00}, second_)->sense_code(), 0x062900u);
}

TEST_F(TaskManagement, RequestSenseTellsItAsDataAndForgetsIt) {
  add_unit(options());
  const auto sense = run({0x03, 0, 0, 0, 252});
  ASSERT_TRUE(sense->good());
  ASSERT_EQ(sense->data_in().size(), 18u);
  EXPECT_EQ(sense->data_in()[2], 0x06);
  EXPECT_EQ(sense->data_in()[12], 0x29);
  const auto nothing = run({0x03, 1, 0, 0, 252});
  ASSERT_EQ(nothing->data_in().size(), 8u);
  EXPECT_EQ(nothing->data_in()[0], 0x72);
  EXPECT_EQ(nothing->data_in()[1], 0x00);
  EXPECT_TRUE(run(read_one)->good());
}

TEST_F(TaskManagement, WhatAnAbortedCommandWouldHaveToldIsToldByTheNext) {
  add_unit(options());
  auto command = issue(read_one, first_);
  command->abort();
  settle(command->ends, 1);
  EXPECT_EQ(run(read_one)->sense_code(), 0x062900u);
}

TEST_F(TaskManagement, ANexusThatComesAgainIsToldAgain) {
  add_unit_in_use(options());
  target_.nexus_left(first_);
  target_.nexus_joined(first_);
  EXPECT_EQ(run(read_one)->sense_code(), 0x062900u);
}

TEST_F(TaskManagement, OrderedCommandsWaitForOlderOnesOfTheirOwnNexusOnly) {
  add_unit_in_use(options());
  faults_->inject({.kind = Fault::Kind::stick, .operation = StoreOperation::write, .times = 1});
  auto older = issue(write_one, first_);
  older->execute(512, Bytes(512, 'x'));
  auto ordered = issue(read_one, first_, 2);
  ordered->execute(512);
  auto newer = issue(read_one, first_);
  newer->execute(512);
  auto urgent = issue(read_another, first_, 3);
  urgent->execute(512);
  settle(urgent->ends, 1);
  auto elsewhere = issue(read_another, second_, 2);
  elsewhere->execute(512);
  settle(elsewhere->ends, 1);
  EXPECT_FALSE(ordered->ended());
  EXPECT_FALSE(newer->ended());
  faults_->release();
  settle(ordered->ends, 1);
  settle(newer->ends, 1);
  EXPECT_EQ(ordered->data_in(), Bytes(512, 'x')) << "the ordered read ran after the older write";
}

TEST_F(TaskManagement, AttributesThatNeedAnAcaConditionAreRefused) {
  add_unit_in_use(options());
  for (std::uint8_t attribute : {4, 5, 6, 7}) {
    auto command = issue(read_one, first_, attribute);
    command->execute(512);
    settle(command->ends, 1);
    EXPECT_EQ(command->sense_code(), 0x054900u);
  }
}

}  // namespace
}  // namespace holdfast::target
