// The room that a thin unit has yet: its soft threshold, and where it is told.

#include <gmock/gmock.h>

#include "tests/unit/target/lun/bench.h"

namespace holdfast::target {
namespace {

using ::testing::Contains;
using ::testing::Not;

const scsi::CdbBytes ready{0x00};
constexpr std::uint32_t threshold_reached = 0x063807;

class ThinRoom : public LunTest {
 protected:
  LogicalUnit& add_thin_unit() {
    LogicalUnitOptions made = options();
    made.thin = true;
    return add_unit_in_use(made);
  }
  /// Enough to be looked at again.
  void write_much() {
    ASSERT_TRUE(run({0x2a, 0, 0, 0, 0, 0, 0, 2, 0}, Bytes(512 * 512))->good());
    settle();
  }
};

TEST_F(ThinRoom, EveryNexusIsToldOnceEachTimeThatItRunsOut) {
  room_at_first_ = StoreRoom{.available_bytes = 4 * MiB, .used_bytes = 0};
  add_thin_unit();
  write_much();
  EXPECT_TRUE(run(ready)->good());
  for (int time = 0; time < 2; ++time) {
    store_->room->available_bytes = 100 * KiB;  // less than a tenth of 16 MiB, in whole MiB
    write_much();
    for (Nexus* nexus : {&first_, &second_}) {
      EXPECT_EQ(run(ready, *nexus)->sense_code(), threshold_reached);
      EXPECT_TRUE(run(ready, *nexus)->good());
    }
    write_much();
    EXPECT_TRUE(run(ready)->good()) << "told already";
    store_->room->available_bytes = MiB;
    write_much();
    EXPECT_TRUE(run(ready)->good());
  }
}

TEST_F(ThinRoom, ItIsLookedAtNowAndThenAndNotWithEveryWrite) {
  room_at_first_ = StoreRoom{.available_bytes = 4 * MiB, .used_bytes = 0};
  add_thin_unit();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(run({0x2a, 0, 0, 0, 0, 0, 0, 0, 1}, Bytes(512))->good());
  const auto looks = std::ranges::count(store_->operations, StoreOperation::room);
  EXPECT_GE(looks, 1);
  EXPECT_LT(looks, 50);
  settle();
}

TEST_F(ThinRoom, LogModeAndVitalProductDataTellOfIt) {
  room_at_first_ = StoreRoom{.available_bytes = 7 * MiB, .used_bytes = 3 * MiB};
  add_thin_unit();
  const Bytes resources{0x0c, 0, 0, 24, 0, 1, 3, 8, 0, 0, 0, 7, 2, 0, 0, 0,
                        0,    2, 3, 8,  0, 0, 0, 3, 1, 0, 0, 0};
  EXPECT_EQ(run({0x4d, 0, 0x4c, 0, 0, 0, 0, 0, 100})->data_in(), resources);
  EXPECT_THAT(run({0x4d, 0, 0x40, 0, 0, 0, 0, 0, 100})->data_in(), Contains(0x0c));
  const Bytes page = run({0x1a, 0x08, 0x1c, 0x02, 255})->data_in();
  EXPECT_EQ(Bytes(page.begin() + 4, page.begin() + 8), Bytes({0x5c, 0x02, 0, 20}));
  EXPECT_EQ(Bytes(page.end() - 8, page.end()), Bytes({0x80, 0x01, 0, 0, 0, 0, 0, 1})) << "1 MiB";
  EXPECT_EQ(run({0x1a, 0x08, 0x01, 0, 255})->data_in()[4 + 7], 0x80) << "LBPERE";
  EXPECT_EQ(run({0x12, 1, 0xb2, 0, 64})->data_in()[4], 11) << "2048 blocks of 512 bytes";
  faults_->inject({.operation = StoreOperation::room});
  EXPECT_EQ(run({0x4d, 0, 0x4c, 0, 0, 0, 0, 0, 100})->sense_code(), 0x044400u);
}

TEST_F(ThinRoom, AUnitOfWhichNobodyCanTellHasNoneOfThat) {
  add_thin_unit();
  write_much();
  EXPECT_EQ(run({0x4d, 0, 0x4c, 0, 0, 0, 0, 0, 100})->sense_code(), 0x052400u);
  EXPECT_EQ(run({0x1a, 0x08, 0x1c, 0x02, 255})->sense_code(), 0x052400u);
  EXPECT_EQ(run({0x12, 1, 0xb2, 0, 64})->data_in()[4], 0);
  EXPECT_THAT(store_->operations, Not(Contains(StoreOperation::room)));
}

TEST_F(ThinRoom, WhoWritesWithoutRoomIsToldThat) {
  room_at_first_ = StoreRoom{};
  add_thin_unit();
  faults_->inject({.operation = StoreOperation::write, .error = ENOSPC});
  for (const scsi::CdbBytes& write : {scsi::CdbBytes{0x2a, 0, 0, 0, 0, 9, 0, 0, 1},
                                      scsi::CdbBytes{0x41, 0, 0, 0, 0, 9, 0, 0, 1},
                                      scsi::CdbBytes{0x9c, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1}}) {
    const auto refused = run(write, pattern(512, 1));
    EXPECT_EQ(refused->sense_code(), 0x072707u) << int(write[0]);
    EXPECT_EQ(refused->information(), 9u);
    settle();
    while (run(ready)->sense_code() != 0) continue;
  }
}

}  // namespace
}  // namespace holdfast::target
