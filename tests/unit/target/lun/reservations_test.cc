// Reservations as initiators meet them: commands in, statuses, sense data and attentions out.

#include "target/lun/reservations.h"

#include <gmock/gmock.h>

#include <random>

#include "target/lun/reservation_file.h"
#include "tests/unit/target/lun/bench.h"

namespace holdfast::target {
namespace {

using ::testing::ElementsAre;

constexpr std::uint8_t reservation_conflict = 0x18;
constexpr std::uint32_t registrations_preempted = 0x062a05, reservations_preempted = 0x062a03,
                        reservations_released = 0x062a04, commands_cleared = 0x062f00;

const scsi::CdbBytes test_unit_ready{0x00}, reserve_6{0x16}, release_6{0x17}, reserve_10{0x56},
    release_10{0x57};
const scsi::CdbBytes write_1{0x2a, 0, 0, 0, 0, 0, 0, 0, 1};
const scsi::CdbBytes read_1{0x28, 0, 0, 0, 0, 0, 0, 0, 1};

enum Out : std::uint8_t {
  register_key, reserve, release, clear, preempt, preempt_and_abort, register_and_ignore, move
};

/// A file in memory that saves when it is told to.
class TestFile final : public StateFile {
 public:
  struct Saved {
    std::string content;
    int saves = 0;
    int error = 0;
    bool held = false;
    std::function<void(int)> waiting;

    void let_go() {
      held = false;
      std::exchange(waiting, nullptr)(error);
    }
  };

  explicit TestFile(Saved& saved) : saved_(saved), notice_(*this) {}
  void save(std::string content, std::function<void(int)> done) override {
    ++saved_.saves;
    if (saved_.error == 0) saved_.content = std::move(content);
    saved_.waiting = std::move(done);
    if (!saved_.held) Loop::current().defer(notice_);
  }
  std::string describe() const override { return "a test's file"; }

 private:
  class Notice final : public Deferred {
   public:
    explicit Notice(TestFile& file) : file_(file) {}
    ~Notice() = default;

   private:
    void run() override { file_.saved_.let_go(); }
    TestFile& file_;
  };

  Saved& saved_;
  Notice notice_;
};

class ReservationsTest : public LunTest {
 protected:
  void SetUp() override {
    LunTest::SetUp();
    for (Nexus* nexus : {&first_, &second_, &third_}) nexus->isid = {0, 2, 0, 0, 0, 1};
    third_.initiator_name = "iqn.2001-04.com.example:third";
    third_.index = 2;
    target_.nexus_joined(third_);
  }
  void serve() {
    add_unit_in_use(options());
    run(test_unit_ready, third_);
  }
  /// The same, with a file that holds `content`.
  Status serve_keeping(const std::string& content = "") {
    LogicalUnit& unit = add_unit(options());
    const Status kept = unit.keep_reservations(std::make_unique<TestFile>(file_), content);
    for (Nexus* nexus : {&first_, &second_, &third_}) run(test_unit_ready, *nexus);
    return kept;
  }

  static Bytes list(std::uint64_t key, std::uint64_t service_action_key, std::uint8_t flags = 0) {
    Bytes bytes(24);
    for (int i = 0; i < 8; ++i) {
      bytes[static_cast<std::size_t>(7 - i)] = static_cast<std::uint8_t>(key >> (8 * i));
      bytes[static_cast<std::size_t>(15 - i)] =
          static_cast<std::uint8_t>(service_action_key >> (8 * i));
    }
    bytes[20] = flags;
    return bytes;
  }
  static scsi::CdbBytes out_cdb(Out action, std::uint8_t type, std::size_t bytes = 24) {
    return {0x5f, action, type, 0, 0, 0, 0, static_cast<std::uint8_t>(bytes >> 8),
            static_cast<std::uint8_t>(bytes)};
  }
  std::unique_ptr<Issued> out(Out action, Nexus& nexus, std::uint64_t key,
                              std::uint64_t service_action_key, std::uint8_t type = 0,
                              std::uint8_t flags = 0) {
    return run(out_cdb(action, type), nexus, list(key, service_action_key, flags));
  }
  Bytes in(std::uint8_t action, Nexus& nexus, std::uint16_t allocation = 0xffff) {
    return run({0x5e, action, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(allocation >> 8),
                static_cast<std::uint8_t>(allocation)},
               nexus)
        ->data_in();
  }
  Bytes in(std::uint8_t action) { return in(action, first_); }
  Bytes keys() { return in(0); }
  Bytes reservation() { return in(1); }

  std::uint8_t status(const scsi::CdbBytes& cdb, Nexus& nexus, const Bytes& data = Bytes(512)) {
    return run(cdb, nexus, data)->command.outcome.status;
  }
  /// The unit attention that the nexus's next command meets; 0 for none.
  std::uint32_t attention(Nexus& nexus) { return run(test_unit_ready, nexus)->sense_code(); }

  void register_all(std::uint8_t flags = 0) {
    EXPECT_TRUE(out(register_key, first_, 0, 1, 0, flags)->good());
    EXPECT_TRUE(out(register_key, second_, 0, 2, 0, flags)->good());
    EXPECT_TRUE(out(register_key, third_, 0, 3, 0, flags)->good());
  }

  Nexus third_;
  TestFile::Saved file_;
};

TEST_F(ReservationsTest, RegistrationsAreReadBack) {
  serve();
  EXPECT_THAT(keys(), ElementsAre(0, 0, 0, 0, 0, 0, 0, 0));
  register_all();
  EXPECT_THAT(keys(), ElementsAre(0, 0, 0, 3, 0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,
                                  0, 2, 0, 0, 0, 0, 0, 0, 0, 3));
  EXPECT_THAT(in(0, first_, 10), ElementsAre(0, 0, 0, 3, 0, 0, 0, 24, 0, 0)) << "cut, the length is whole";
  EXPECT_THAT(in(0, first_, 0), ElementsAre());
  const Bytes status = in(3);
  EXPECT_EQ(status.size(), 8 + 3 * (24 + 4 + 48u));
}

TEST_F(ReservationsTest, AWriteExclusiveReservationLetsOthersReadOnly) {
  serve();
  register_all();
  ASSERT_TRUE(out(reserve, first_, 1, 0, 1)->good());
  EXPECT_EQ(status(write_1, first_), 0);
  EXPECT_EQ(status(write_1, second_), reservation_conflict);
  EXPECT_EQ(status(read_1, second_), 0);
  EXPECT_EQ(status(test_unit_ready, second_), 0);
  ASSERT_TRUE(out(release, first_, 1, 0, 1)->good());
  EXPECT_EQ(status(write_1, second_), 0);
}

TEST_F(ReservationsTest, AConflictMovesNoDataAndTouchesNothing) {
  serve();
  register_all();
  ASSERT_TRUE(out(reserve, first_, 1, 0, 3)->good());
  store_->operations.clear();
  const auto write = run(write_1, second_, Bytes(512));
  EXPECT_EQ(write->transfer.direction, Transfer::Direction::none);
  EXPECT_EQ(write->command.outcome.sense_bytes, 0);
  EXPECT_EQ(status(read_1, third_), reservation_conflict);
  EXPECT_TRUE(store_->operations.empty());
}

TEST_F(ReservationsTest, ACommandThatWasBegunBeforeTheReservationMeetsItWhenItStarts) {
  serve();
  register_all();
  const auto write = issue(write_1, second_);
  EXPECT_EQ(write->transfer.bytes, 512u);
  ASSERT_TRUE(out(reserve, first_, 1, 0, 1)->good());
  write->execute(512, Bytes(512));
  settle(write->ends, 1);
  EXPECT_EQ(write->command.outcome.status, reservation_conflict);
}

TEST_F(ReservationsTest, ANexusThatComesBackIsKnownByItsPort) {
  serve();
  ASSERT_TRUE(out(register_key, second_, 0, 2)->good());
  ASSERT_TRUE(out(reserve, second_, 2, 0, 3)->good());
  target_.nexus_left(second_);
  second_.index = 7;
  second_.initiator_name = "IQN.2001-04.com.example:Second";
  target_.nexus_joined(second_);
  EXPECT_EQ(attention(second_), 0x062900u);
  EXPECT_EQ(status(write_1, second_), 0);
  target_.nexus_left(second_);
  second_.isid[5] = 9;  // another port of the same initiator
  target_.nexus_joined(second_);
  EXPECT_EQ(attention(second_), 0x062900u);
  EXPECT_EQ(status(write_1, second_), reservation_conflict);
}

TEST_F(ReservationsTest, AnInitiatorRegisteredByNameIsKnownWithAnyIsid) {
  serve();
  Bytes by_name = list(0, 5, 0x08);
  by_name.resize(28);
  scsi::put_transport_id(by_name, {second_.initiator_name, std::nullopt});
  by_name[27] = static_cast<std::uint8_t>(by_name.size() - 28);
  ASSERT_TRUE(run(out_cdb(register_key, 0, by_name.size()), first_, by_name)->good());
  ASSERT_TRUE(out(reserve, first_, 5, 0, 5)->good());
  EXPECT_EQ(status(write_1, second_), 0);
  target_.nexus_left(second_);
  second_.isid[5] = 9;
  target_.nexus_joined(second_);
  EXPECT_EQ(attention(second_), 0x062900u);
  EXPECT_EQ(status(write_1, second_), 0);
  EXPECT_EQ(status(write_1, third_), reservation_conflict);
}

TEST_F(ReservationsTest, ThroughAnotherTargetPortANexusIsAnotherUnlessItRegisteredForAll) {
  LogicalUnitOptions made = options();
  made.target_ports = {1, 2};
  add_unit_in_use(made);
  second_.initiator_name = first_.initiator_name;  // the same initiator port, by portal group 2
  second_.target_portal_group = 2;
  run(test_unit_ready, third_);
  ASSERT_TRUE(out(register_key, first_, 0, 1)->good());
  ASSERT_TRUE(out(reserve, first_, 1, 0, 5)->good());
  EXPECT_EQ(status(write_1, second_), reservation_conflict);
  ASSERT_TRUE(out(register_and_ignore, first_, 0, 1, 0, 0x04)->good());
  EXPECT_EQ(status(write_1, second_), 0);
  EXPECT_EQ(status(write_1, third_), reservation_conflict);
}

TEST_F(ReservationsTest, ClearTellsEachOtherRegistrantOnce) {
  serve();
  register_all();
  ASSERT_TRUE(out(clear, first_, 1, 0)->good());
  EXPECT_EQ(attention(second_), reservations_preempted);
  EXPECT_EQ(attention(second_), 0u);
  EXPECT_EQ(attention(third_), reservations_preempted);
  EXPECT_EQ(attention(first_), 0u);
  EXPECT_EQ(keys().size(), 8u);
}

TEST_F(ReservationsTest, AReleaseForRegistrantsTellsThem) {
  serve();
  register_all();
  ASSERT_TRUE(out(reserve, first_, 1, 0, 7)->good());
  ASSERT_TRUE(out(release, second_, 2, 0, 7)->good());
  EXPECT_EQ(attention(first_), reservations_released);
  EXPECT_EQ(attention(second_), 0u);
  EXPECT_EQ(attention(third_), reservations_released);
}

TEST_F(ReservationsTest, AttentionsComeInTheirOrder) {
  serve();
  register_all();
  ASSERT_TRUE(out(reserve, first_, 1, 0, 5)->good());
  ASSERT_TRUE(out(release, first_, 1, 0, 5)->good());
  ASSERT_TRUE(out(preempt, first_, 1, 2)->good());
  EXPECT_EQ(attention(second_), reservations_released);
  EXPECT_EQ(attention(second_), registrations_preempted);
  EXPECT_EQ(attention(second_), 0u);
}

// SAM-5 5.3.3.
TEST_F(ReservationsTest, AConflictComesBeforeAttentionsButForPowerOnAndResets) {
  serve();
  register_all();
  ASSERT_TRUE(out(reserve, first_, 1, 0, 5)->good());
  ASSERT_TRUE(out(preempt, second_, 2, 1, 5)->good());
  EXPECT_EQ(status(write_1, first_), reservation_conflict);
  EXPECT_EQ(status(write_1, first_), reservation_conflict);
  EXPECT_EQ(attention(first_), registrations_preempted) << "not told before";
  EXPECT_EQ(attention(first_), 0u);
  int resets = 0;
  target_.reset_logical_unit({}, [&] { ++resets; });
  settle(resets, 1);
  EXPECT_EQ(run(write_1, first_, Bytes(512))->sense_code(), 0x062903u);
  EXPECT_EQ(status(write_1, first_), reservation_conflict);
}

TEST_F(ReservationsTest, PreemptFencesTheHolder) {
  serve();
  register_all();
  ASSERT_TRUE(out(reserve, first_, 1, 0, 5)->good());
  ASSERT_TRUE(out(preempt, second_, 2, 1, 5)->good());
  EXPECT_EQ(attention(first_), registrations_preempted);
  EXPECT_EQ(status(write_1, first_), reservation_conflict);
  EXPECT_EQ(status(write_1, second_), 0);
  EXPECT_EQ(out(reserve, first_, 1, 0, 5)->command.outcome.status, reservation_conflict);
}

TEST_F(ReservationsTest, PreemptAndAbortIsGoodWhenTheLastWriteOfThePreemptedHasLeftTheMedium) {
  serve();
  register_all();
  faults_->inject({.kind = Fault::Kind::stick, .operation = StoreOperation::write});
  const auto stuck = issue(write_1, first_);
  stuck->execute(512, Bytes(512));
  const auto gathering = issue(write_1, first_);
  const auto of_another = issue(write_1, third_);
  of_another->execute(512, Bytes(512));
  settle();
  ASSERT_EQ(faults_->hanging(), 2u);

  const auto fence = issue(out_cdb(preempt_and_abort, 5), second_);
  fence->execute(24, list(2, 1));
  settle();
  EXPECT_TRUE(gathering->aborted()) << "it had not begun on the medium";
  EXPECT_FALSE(fence->ended()) << "a write of the preempted may still land";
  EXPECT_EQ(in(0, second_)[7], 16) << "the change itself stands already";
  faults_->clear();
  faults_->release();
  settle(fence->ends, 1);
  EXPECT_TRUE(fence->good());
  EXPECT_TRUE(stuck->aborted());
  settle(of_another->ends, 1);
  EXPECT_TRUE(of_another->good()) << "nobody preempted the third";
  EXPECT_EQ(attention(first_), registrations_preempted);
  EXPECT_EQ(attention(first_), commands_cleared);
  EXPECT_EQ(attention(first_), 0u);
  EXPECT_EQ(attention(third_), 0u);
}

TEST_F(ReservationsTest, PreemptAndAbortOfANexusThatIsNotThereIsGoodAtOnce) {
  serve();
  register_all();
  target_.nexus_left(first_);
  EXPECT_TRUE(out(preempt_and_abort, second_, 2, 1)->good());
}

TEST_F(ReservationsTest, PreemptAndAbortThatIsAbortedItselfEnds) {
  serve();
  register_all();
  faults_->inject({.kind = Fault::Kind::stick, .operation = StoreOperation::write});
  const auto stuck = issue(write_1, first_);
  stuck->execute(512, Bytes(512));
  const auto fence = issue(out_cdb(preempt_and_abort, 5), second_);
  fence->execute(24, list(2, 1));
  settle();
  fence->abort();
  faults_->clear();
  faults_->release();
  settle(fence->ends, 1);
  EXPECT_TRUE(fence->aborted());
}

TEST_F(ReservationsTest, ListsThatComeShortAreErrors) {
  serve();
  const auto of_length = [this](std::size_t in_cdb, std::size_t sent) {
    return run(out_cdb(register_key, 0, in_cdb), first_, Bytes(sent), static_cast<std::uint32_t>(sent))
        ->sense_code();
  };
  EXPECT_EQ(of_length(0, 0), 0x051a00u);
  EXPECT_EQ(of_length(23, 23), 0x051a00u);
  EXPECT_EQ(of_length(24, 16), 0x051a00u);
  EXPECT_EQ(of_length(24, 0), 0x051a00u);
  EXPECT_EQ(of_length(28, 28), 0x051a00u);
  EXPECT_EQ(run({0x5f, 0, 0, 0, 0, 0, 1, 0, 0}, first_)->sense_code(), 0x051a00u);
  EXPECT_EQ(keys().size(), 8u);
}

// RESERVE and RELEASE.

TEST_F(ReservationsTest, ReserveKeepsOthersOutUntilRelease) {
  serve();
  for (const auto& [take, give] : {std::pair(reserve_6, release_6), std::pair(reserve_10, release_10),
                                   std::pair(reserve_6, release_10)}) {
    EXPECT_EQ(status(take, first_), 0);
    EXPECT_EQ(status(take, first_), 0);
    EXPECT_EQ(status(take, second_), reservation_conflict);
    EXPECT_EQ(status(test_unit_ready, second_), reservation_conflict);
    EXPECT_EQ(status(read_1, second_), reservation_conflict);
    EXPECT_EQ(status({0x12, 0, 0, 0, 36}, second_), 0);
    EXPECT_EQ(status(give, second_), 0) << "a release by another is good, and does nothing";
    EXPECT_EQ(status(read_1, second_), reservation_conflict);
    EXPECT_EQ(status(write_1, first_), 0);
    EXPECT_EQ(status(give, first_), 0);
    EXPECT_EQ(status(write_1, second_), 0);
  }
}

TEST_F(ReservationsTest, PersistentReservationCommandsConflictWithReserveAlsoFromItsHolder) {
  serve();
  ASSERT_EQ(status(reserve_6, first_), 0);
  for (Nexus* nexus : {&first_, &second_}) {
    EXPECT_EQ(out(register_key, *nexus, 0, 1)->command.outcome.status, reservation_conflict);
    EXPECT_EQ(status({0x5e, 0, 0, 0, 0, 0, 0, 0, 8}, *nexus), reservation_conflict);
  }
}

TEST_F(ReservationsTest, ReserveEndsWithTheNexusAndWithResets) {
  serve();
  ASSERT_EQ(status(reserve_6, first_), 0);
  target_.nexus_left(first_);
  EXPECT_EQ(status(test_unit_ready, second_), 0);

  ASSERT_EQ(status(reserve_6, second_), 0);
  int resets = 0;
  ASSERT_TRUE(target_.reset_logical_unit(scsi::encode_lun(0), [&] { ++resets; }));
  settle(resets, 1);
  EXPECT_EQ(attention(first_), 0x062900u);
  EXPECT_EQ(status(test_unit_ready, first_), 0);
}

TEST_F(ReservationsTest, RegistrationsMakeReserveConflictUnlessTheReservationServesTheNexus) {
  serve();
  register_all();
  for (const auto& cdb : {reserve_6, reserve_10, release_6, release_10})
    EXPECT_EQ(status(cdb, first_), reservation_conflict) << "nothing is reserved";
  ASSERT_TRUE(out(reserve, first_, 1, 0, 1)->good());
  for (const auto& cdb : {reserve_6, release_6}) {
    EXPECT_EQ(status(cdb, first_), 0);
    EXPECT_EQ(status(cdb, second_), reservation_conflict);
  }
  EXPECT_EQ(status(read_1, second_), 0) << "RESERVE changed nothing";
  ASSERT_TRUE(out(release, first_, 1, 0, 1)->good());
  ASSERT_TRUE(out(reserve, first_, 1, 0, 6)->good());
  EXPECT_EQ(status(reserve_10, second_), 0);
  EXPECT_EQ(status(release_10, third_), 0);
  EXPECT_EQ(reservation().size(), 24u);
}

TEST_F(ReservationsTest, PersistentReservationsOutliveResetsAndNexuses) {
  serve();
  register_all();
  ASSERT_TRUE(out(reserve, first_, 1, 0, 3)->good());
  const Bytes before = in(3);
  int resets = 0;
  ASSERT_TRUE(target_.reset_logical_unit(scsi::encode_lun(0), [&] { ++resets; }));
  settle(resets, 1);
  EXPECT_EQ(attention(first_), 0x062903u);
  target_.nexus_left(second_);
  EXPECT_EQ(in(3), before);
}

// APTPL.

TEST_F(ReservationsTest, WhatPersistsIsSavedBeforeItIsAnswered) {
  ASSERT_TRUE(serve_keeping());
  file_.held = true;
  const auto registering = issue(out_cdb(register_key, 0), first_);
  registering->execute(24, list(0, 1, 0x01));
  const auto behind = issue(out_cdb(register_key, 0), second_);
  behind->execute(24, list(0, 2, 0x01));
  settle();
  EXPECT_FALSE(registering->ended());
  EXPECT_EQ(keys().size(), 8u) << "it does not count before it is kept";
  EXPECT_TRUE(run(write_1, third_, Bytes(512))->good()) << "others need not wait";
  file_.let_go();
  settle(behind->ends, 1);
  EXPECT_TRUE(registering->good());
  EXPECT_EQ(file_.saves, 2);
  const auto kept = decode_reservations(file_.content, target_.iqn(), 0);
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->registrations.size(), 2u);
  EXPECT_EQ(kept->generation, 2u);
}

TEST_F(ReservationsTest, WithoutAptplNothingIsSaved) {
  ASSERT_TRUE(serve_keeping());
  register_all();
  ASSERT_TRUE(out(reserve, first_, 1, 0, 3)->good());
  EXPECT_EQ(file_.saves, 0);
  EXPECT_EQ(in(2)[2] & 0x01, 1) << "PTPL_C";
  EXPECT_EQ(in(2)[3] & 0x01, 0) << "PTPL_A";
}

TEST_F(ReservationsTest, ReadsAndRefusalsAndRepeatsSaveNothing) {
  ASSERT_TRUE(serve_keeping());
  register_all(0x01);
  ASSERT_TRUE(out(reserve, first_, 1, 0, 3)->good());
  const int saves = file_.saves;
  EXPECT_EQ(saves, 4);
  in(0), in(1), in(2), in(3);
  EXPECT_TRUE(out(reserve, first_, 1, 0, 3)->good());
  EXPECT_FALSE(out(reserve, second_, 2, 0, 3)->good());
  EXPECT_EQ(file_.saves, saves);
}

TEST_F(ReservationsTest, ARestartBringsKeysHolderTypeAndGenerationBack) {
  ASSERT_TRUE(serve_keeping());
  register_all(0x01);
  ASSERT_TRUE(out(reserve, second_, 2, 0, 5)->good());
  const Bytes keys_before = keys(), reservation_before = reservation(), status_before = in(3);
  // Another unit takes over from what was saved.
  for (Nexus* nexus : {&first_, &second_, &third_}) target_.nexus_left(*nexus);
  ScsiTarget restarted(target_.iqn());
  Result<std::unique_ptr<MemoryStore>> memory = MemoryStore::create(store_bytes);
  ASSERT_TRUE(memory);
  auto unit = LogicalUnit::create(std::move(*memory), options());
  ASSERT_TRUE(unit);
  ASSERT_TRUE((*unit)->keep_reservations(std::make_unique<TestFile>(file_), file_.content));
  restarted.add(std::move(*unit));
  const auto ask = [&](const scsi::CdbBytes& cdb, Nexus& nexus) {
    auto issued = std::make_unique<Issued>(restarted, nexus, 0, cdb);
    issued->begin();
    issued->execute(0xffff'ffff, Bytes(512));
    settle(issued->ends, 1);
    return issued;
  };
  EXPECT_EQ(ask(test_unit_ready, first_)->sense_code(), 0x062900u);
  EXPECT_EQ(ask({0x5e, 0, 0, 0, 0, 0, 0, 1}, first_)->data_in(), keys_before);
  EXPECT_EQ(ask({0x5e, 1, 0, 0, 0, 0, 0, 1}, first_)->data_in(), reservation_before);
  EXPECT_EQ(ask({0x5e, 3, 0, 0, 0, 0, 0, 4}, first_)->data_in(), status_before);
  EXPECT_EQ(ask({0x5e, 2, 0, 0, 0, 0, 0, 4}, first_)->data_in()[3] & 0x01, 1);
  EXPECT_EQ(ask(write_1, first_)->command.outcome.status, 0) << "a registrant";
  Nexus stranger{.initiator_name = "iqn.stranger", .index = 5};
  restarted.nexus_joined(stranger);
  EXPECT_EQ(ask(test_unit_ready, stranger)->sense_code(), 0x062900u);
  EXPECT_EQ(ask(write_1, stranger)->command.outcome.status, reservation_conflict);
}

TEST_F(ReservationsTest, WhatCannotBeKeptIsNotGranted) {
  ASSERT_TRUE(serve_keeping());
  ASSERT_TRUE(out(register_key, first_, 0, 1, 0, 0x01)->good());
  file_.error = ENOSPC;
  EXPECT_EQ(out(register_key, second_, 0, 2, 0, 0x01)->sense_code(), 0x044400u);
  EXPECT_EQ(out(reserve, first_, 1, 0, 3)->sense_code(), 0x044400u);
  EXPECT_EQ(keys()[7], 8) << "one key";
  EXPECT_EQ(reservation().size(), 8u);
  EXPECT_EQ(status(write_1, third_), 0);
  file_.error = 0;
  EXPECT_TRUE(out(register_key, second_, 0, 2, 0, 0x01)->good());
}

TEST_F(ReservationsTest, WithoutAFileAptplIsRefusedAndNotClaimed) {
  serve();
  const auto refused = out(register_key, first_, 0, 1, 0, 0x01);
  EXPECT_EQ(refused->sense_code(), 0x052600u);
  EXPECT_EQ(refused->command.outcome.sense[15], 0x88);  // in the parameter list, bit 0 …
  EXPECT_EQ(refused->command.outcome.sense[17], 20);    // … of byte 20
  EXPECT_EQ(in(2)[2] & 0x01, 0);
}

TEST_F(ReservationsTest, ARegistrationWithoutAptplEmptiesTheFile) {
  ASSERT_TRUE(serve_keeping());
  register_all(0x01);
  ASSERT_TRUE(out(register_and_ignore, first_, 0, 1)->good());
  const auto kept = decode_reservations(file_.content, target_.iqn(), 0);
  ASSERT_TRUE(kept);
  EXPECT_EQ(*kept, scsi::PersistentReservations{});
  const int saves = file_.saves;
  ASSERT_TRUE(out(reserve, first_, 1, 0, 3)->good());
  EXPECT_EQ(file_.saves, saves);
}

TEST_F(ReservationsTest, AnAbortWhileItIsSavedIsHonoured) {
  ASSERT_TRUE(serve_keeping());
  file_.held = true;
  const auto registering = issue(out_cdb(register_key, 0), first_);
  registering->execute(24, list(0, 1, 0x01));
  const auto behind = issue(out_cdb(register_key, 0), second_);
  behind->execute(24, list(0, 2, 0x01));
  settle();
  registering->abort();
  behind->abort();
  settle();
  EXPECT_FALSE(registering->ended()) << "the file is being written";
  file_.let_go();
  settle(registering->ends, 1);
  settle(behind->ends, 1);
  EXPECT_TRUE(registering->aborted());
  EXPECT_TRUE(behind->aborted());
  EXPECT_EQ(keys()[7], 8) << "the first was on its way, the second never began";
}

TEST_F(ReservationsTest, AFileThatIsNotToBeBelievedIsRefused) {
  const Status kept = serve_keeping("rubbish");
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().message, "it is damaged: its checksum is wrong");
}

TEST_F(ReservationsTest, AnyListOfAnyActionLeavesAStateThatHoldsTogether) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  ASSERT_TRUE(serve_keeping());
  Nexus* const nexuses[] = {&first_, &second_, &third_};
  constexpr std::uint8_t types[] = {0, 1, 3, 5, 6, 7, 8, 2};
  for (int i = 0; i < 3000; ++i) {
    Nexus& nexus = *nexuses[random() % 3];
    Bytes bytes = list(random() % 4, random() % 4, static_cast<std::uint8_t>(random() % 2));
    if (random() % 16 == 0) bytes[random() % 24] = static_cast<std::uint8_t>(random());
    if (random() % 8 == 0) {
      bytes[17] = static_cast<std::uint8_t>(random() % 4);
      bytes[19] = 1;
      const Nexus& to = *nexuses[random() % 3];
      scsi::put_transport_id(bytes, scsi::initiator_port(to.initiator_name, to.isid));
      bytes[23] = static_cast<std::uint8_t>(bytes.size() - 24);
    }
    const auto action = static_cast<Out>(random() % 8);
    const auto ended = run(out_cdb(action, types[random() % 8], bytes.size()), nexus, bytes);
    ASSERT_TRUE(ended->ended() && !ended->aborted());
    if (file_.content.empty()) continue;
    const auto kept = decode_reservations(file_.content, target_.iqn(), 0);
    ASSERT_TRUE(kept) << kept.error().message << "\n" << file_.content;
  }
}

}  // namespace
}  // namespace holdfast::target
