// Unit attentions: what raises each of them, who is told, in which order, and that it is once. A
// capacity that changed is in inventory_change_test.cc.

#include <gmock/gmock.h>

#include "tests/unit/target/lun/bench.h"

namespace holdfast::target {
namespace {

const scsi::CdbBytes ready{0x00};

constexpr std::uint32_t power_on = 0x062900, bus_device_reset = 0x062903, mode_changed = 0x062a01,
                        log_changed = 0x062a02, reservations_preempted = 0x062a03,
                        reservations_released = 0x062a04, registrations_preempted = 0x062a05,
                        access_state_changed = 0x062a06, medium_changed = 0x062800, commands_cleared = 0x062f00,
                        luns_changed = 0x063f0e, room_runs_out = 0x063807;

class UnitAttentions : public LunTest {
 protected:
  void SetUp() override {
    LunTest::SetUp();
    third_.initiator_name = "iqn.2001-04.com.example:third";
    third_.index = 2;
    target_.nexus_joined(third_);
    room_at_first_ = StoreRoom{.available_bytes = 64 * MiB, .used_bytes = 0};
    LogicalUnitOptions made = options();
    made.thin = made.removable = true;
    add_unit(made);
    first_store_ = store_;
    for (Nexus* nexus : {&first_, &second_, &third_})
      ASSERT_EQ(told(*nexus), std::vector{power_on});
  }

  /// All that the nexus is told, one TEST UNIT READY after the other, until there is nothing more.
  std::vector<std::uint32_t> told(Nexus& nexus) {
    std::vector<std::uint32_t> all;
    while (all.size() < 20) {
      const std::uint32_t code = run(ready, nexus)->sense_code();
      if (code == 0) break;
      all.push_back(code);
    }
    return all;
  }
  void expect_told(const std::vector<std::uint32_t>& first,
                   const std::vector<std::uint32_t>& second,
                   const std::vector<std::uint32_t>& third) {
    EXPECT_EQ(told(first_), first);
    EXPECT_EQ(told(second_), second);
    EXPECT_EQ(told(third_), third);
    for (Nexus* nexus : {&first_, &second_, &third_}) EXPECT_TRUE(told(*nexus).empty()) << "again";
  }
  void expect_others_told(std::uint32_t code) { expect_told({}, {code}, {code}); }

  void select_mode(std::uint8_t flags) {
    const Bytes page{0, 0, 0, 0, 0x0a, 10, static_cast<std::uint8_t>(0x20 | flags), 0x10,
                     0, 0, 0, 0, 0,    0,  0, 0};
    ASSERT_TRUE(run({0x15, 0x10, 0, 0, 16}, page)->good());
  }
  void set_access_state(std::uint8_t state) {
    ASSERT_TRUE(
        run({0xa4, 0x0a, 0, 0, 0, 0, 0, 0, 0, 8}, Bytes({0, 0, 0, 0, state, 0, 0, 1}))->good());
  }
  std::unique_ptr<Issued> reserve_out(std::uint8_t action, Nexus& nexus, std::uint8_t key,
                                      std::uint8_t other, std::uint8_t type = 5) {
    Bytes list(24);
    list[7] = key;
    list[15] = other;
    return run({0x5f, action, type, 0, 0, 0, 0, 0, 24}, nexus, list);
  }
  void register_all() {
    ASSERT_TRUE(reserve_out(0, first_, 0, 1)->good());
    ASSERT_TRUE(reserve_out(0, second_, 0, 2)->good());
    ASSERT_TRUE(reserve_out(0, third_, 0, 3)->good());
  }
  void reset() {
    int ended = 0;
    ASSERT_TRUE(target_.reset_logical_unit(scsi::encode_lun(0), [&ended] { ++ended; }));
    settle(ended, 1);
  }

  CountingStore* first_store_ = nullptr;
  Nexus third_;
};

TEST_F(UnitAttentions, PowerOnForANewNexusAlone) {
  target_.nexus_left(third_);
  target_.nexus_joined(third_);
  expect_told({}, {}, {power_on});
}

TEST_F(UnitAttentions, AResetForEverybody) {
  reset();
  expect_told({bus_device_reset}, {bus_device_reset}, {bus_device_reset});
}

TEST_F(UnitAttentions, ChangedModeAndLogParametersForTheOthers) {
  select_mode(0x04);
  select_mode(0x04);  // nothing changes
  // D_SENSE: their sense data is in descriptor format, so it is read as it stands.
  for (Nexus* nexus : {&second_, &third_}) {
    const Bytes sense = run(ready, *nexus)->sense();
    EXPECT_EQ(Bytes(sense.begin() + 1, sense.begin() + 4), Bytes({0x06, 0x2a, 0x01}));
  }
  select_mode(0);
  expect_others_told(mode_changed);
  ASSERT_TRUE(run({0x4c, 0x02, 0x40})->good());
  expect_others_told(log_changed);
}

TEST_F(UnitAttentions, AnAccessStateForTheOthers) {
  set_access_state(1);
  expect_others_told(access_state_changed);
  set_access_state(1);
  expect_told({}, {}, {});
  set_access_state(0);
  expect_others_told(access_state_changed);
}

TEST_F(UnitAttentions, AMediumThatCameForTheOthers) {
  ASSERT_TRUE(run({0x1b, 0, 0, 0, 0x02})->good());
  ASSERT_TRUE(run({0x1b, 0, 0, 0, 0x03})->good());
  expect_others_told(medium_changed);
}

TEST_F(UnitAttentions, AReservationThatWasReleasedForTheOtherRegistrants) {
  register_all();
  ASSERT_TRUE(reserve_out(1, first_, 1, 0)->good());
  ASSERT_TRUE(reserve_out(2, first_, 1, 0)->good());
  expect_others_told(reservations_released);
  // No type of which all registrants had a part: nobody else loses anything.
  ASSERT_TRUE(reserve_out(1, first_, 1, 0, 1)->good());
  ASSERT_TRUE(reserve_out(2, first_, 1, 0, 1)->good());
  expect_told({}, {}, {});
}

TEST_F(UnitAttentions, AHolderThatUnregistersReleasesTheReservation) {
  register_all();
  ASSERT_TRUE(reserve_out(1, first_, 1, 0)->good());
  ASSERT_TRUE(reserve_out(0, first_, 1, 0)->good());
  expect_others_told(reservations_released);
}

TEST_F(UnitAttentions, AClearForAllOtherRegistrants) {
  register_all();
  ASSERT_TRUE(reserve_out(1, first_, 1, 0)->good());
  ASSERT_TRUE(reserve_out(3, first_, 1, 0)->good());
  expect_others_told(reservations_preempted);
}

TEST_F(UnitAttentions, APreemptForWhomItTookTheRegistrationFrom) {
  register_all();
  ASSERT_TRUE(reserve_out(1, second_, 2, 0)->good());
  ASSERT_TRUE(reserve_out(4, first_, 1, 2)->good());
  expect_told({}, {registrations_preempted}, {});
  // Another type than it had: who stays registered has lost what the old one gave.
  ASSERT_TRUE(reserve_out(4, third_, 3, 1, 1)->good());
  EXPECT_EQ(told(first_), std::vector{registrations_preempted});
}

TEST_F(UnitAttentions, CommandsThatWereAbortedByPreemptAndAbort) {
  register_all();
  auto write = issue({0x2a, 0, 0, 0, 0, 1, 0, 0, 1}, second_);
  ASSERT_TRUE(reserve_out(5, first_, 1, 2)->good());
  EXPECT_TRUE(write->aborted());
  EXPECT_THAT(told(second_), ::testing::UnorderedElementsAre(registrations_preempted, commands_cleared));
  expect_told({}, {}, {});
}

TEST_F(UnitAttentions, UnitsAndRoomForEverybodyInTheOrderInWhichTheyCame) {
  add_unit(options(1));
  target_.luns_changed();
  first_store_->room->available_bytes = 0;
  ASSERT_EQ(told(first_), std::vector{luns_changed});
  ASSERT_TRUE(run({0x2a, 0, 0, 0, 0, 0, 0, 2, 0}, Bytes(512 * 512))->good());
  settle();
  expect_told({room_runs_out}, {luns_changed, room_runs_out}, {luns_changed, room_runs_out});
}

TEST_F(UnitAttentions, ResetsComeFirstAndTheRestInOrderEachOnce) {
  register_all();
  ASSERT_TRUE(run({0x4c, 0x02, 0x40})->good());
  set_access_state(1);
  ASSERT_TRUE(run({0x4c, 0x02, 0x40})->good());
  ASSERT_TRUE(reserve_out(3, first_, 1, 0)->good());
  target_.luns_changed();
  reset();
  const std::vector<std::uint32_t> all{bus_device_reset, log_changed, access_state_changed,
                                       reservations_preempted, luns_changed};
  expect_told({bus_device_reset, luns_changed}, all, all);
}

TEST_F(UnitAttentions, InquiryAndReportLunsPassThemAndRequestSenseTellsThem) {
  reset();
  EXPECT_TRUE(run({0x12, 0, 0, 0, 96}, second_)->good());
  EXPECT_TRUE(run({0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16}, second_)->good());
  const Bytes sense = run({0x03, 0, 0, 0, 252}, second_)->data_in();
  EXPECT_EQ(Bytes({sense[2], sense[12], sense[13]}), Bytes({0x06, 0x29, 0x03}));
  expect_told({bus_device_reset}, {}, {bus_device_reset});
}

TEST_F(UnitAttentions, OneThatWasToBeToldByAnAbortedCommandComesBack) {
  reset();
  auto tells = issue(ready, second_);
  tells->abort();
  settle(tells->ends, 1);
  EXPECT_TRUE(tells->aborted());
  expect_told({bus_device_reset}, {bus_device_reset}, {bus_device_reset});
}

}  // namespace
}  // namespace holdfast::target
