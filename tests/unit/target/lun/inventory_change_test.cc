// What an administrator does to a target while it is in use: units come, go and grow.

#include "tests/unit/target/lun/bench.h"

namespace holdfast::target {
namespace {

const scsi::CdbBytes test_unit_ready{0x00};
const scsi::CdbBytes write_one{0x2a, 0, 0, 0, 0, 1, 0, 0, 1};
const scsi::CdbBytes report_luns{0xa0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0};
const scsi::CdbBytes read_capacity_10{0x25};
constexpr std::uint32_t luns_have_changed = 0x063f0e;
constexpr std::uint32_t capacity_has_changed = 0x062a09;
constexpr std::uint32_t no_such_unit = 0x052500;

class InventoryChange : public LunTest {
 protected:
  /// Retires LUN 0 and begins to drain it; `drained_` counts its end.
  LogicalUnit& retire() {
    LogicalUnit& unit = target_.retire(0);
    target_.luns_changed();
    unit.drain([this] { ++drained_; });
    return unit;
  }
  int drained_ = 0;
};

TEST_F(InventoryChange, AUnitThatComesIsReportedAndEveryNexusIsToldOnce) {
  add_unit_in_use(options());
  add_unit(options(7));
  target_.luns_changed();
  for (Nexus* nexus : {&first_, &second_}) {
    EXPECT_EQ(run(test_unit_ready, *nexus)->sense_code(), luns_have_changed);
    EXPECT_TRUE(run(test_unit_ready, *nexus)->good());
    EXPECT_EQ(run(report_luns, *nexus)->data_in().size(), 8u + 2 * 8);
  }
}

TEST_F(InventoryChange, WhoAsksForTheUnitsNeedNotBeTold) {
  add_unit_in_use(options());
  add_unit(options(1));
  target_.luns_changed();
  EXPECT_TRUE(run(report_luns, first_)->good());
  EXPECT_TRUE(run(test_unit_ready, first_)->good());
  EXPECT_EQ(run(test_unit_ready, second_)->sense_code(), luns_have_changed);
}

TEST_F(InventoryChange, AUnitThatGoesFinishesWhatItHasAndTakesNothingNew) {
  add_unit_in_use(options());
  faults_->inject({.kind = Fault::Kind::stick, .operation = StoreOperation::write, .times = 1});
  auto in_store = issue(write_one, first_);
  in_store->execute(512, Bytes(512));
  auto still_collecting = issue(write_one, second_);
  settle();
  LogicalUnit& unit = retire();
  EXPECT_EQ(run(test_unit_ready, second_)->sense_code(), no_such_unit);
  EXPECT_EQ(run(report_luns, first_)->data_in().size(), 8u);
  still_collecting->execute(512, Bytes(512));
  settle(still_collecting->ends, 1);
  EXPECT_TRUE(still_collecting->good());
  EXPECT_EQ(drained_, 0) << "the store still has a write";
  faults_->release();
  settle(drained_, 1);
  EXPECT_TRUE(in_store->good());
  int flushed = 0;
  unit.flush_and_tell([&flushed] { ++flushed; });
  settle(flushed, 1);
  EXPECT_EQ(store_->operations.back(), StoreOperation::flush);
  std::unique_ptr<Store> store = LogicalUnit::dissolve(target_.release(unit));
  ASSERT_NE(store, nullptr);
  add_unit(options());
  EXPECT_EQ(run(test_unit_ready, first_)->sense_code(), 0x062900u) << "a new unit, at the old number";
}

TEST_F(InventoryChange, ATargetResetReachesWhatARetiredUnitStillHas) {
  add_unit_in_use(options());
  auto collecting = issue(write_one, first_);
  LogicalUnit& unit = retire();
  int reset = 0;
  target_.reset([&reset] { ++reset; });
  settle(reset, 1);
  settle(drained_, 1);
  EXPECT_TRUE(collecting->aborted());
  target_.nexus_left(first_);
  target_.release(unit);
}

/// A medium of which a part is used at first.
class GrowingStore final : public Store {
 public:
  GrowingStore(std::unique_ptr<Store> below, std::uint64_t size) : below_(std::move(below)), size_(size) {}
  std::uint64_t size() const override { return size_; }
  void set_size(std::uint64_t bytes) override { size_ = bytes; }
  bool read_only() const override { return false; }
  bool has_volatile_cache() const override { return true; }
  std::uint32_t physical_block_bytes() const override { return 4096; }
  std::string describe() const override { return "growing store"; }

 private:
  void start(StoreRequest& request) override { pass_on(request, *below_); }
  std::unique_ptr<Store> below_;
  std::uint64_t size_;
};

TEST_F(InventoryChange, AUnitThatGrowsTellsEveryNexusAndTakesWritesToItsNewEnd) {
  auto store = std::make_unique<GrowingStore>(MemoryStore::create(store_bytes).value(), MiB);
  target_.add(LogicalUnit::create(std::move(store), options()).value());
  LogicalUnit& unit = *target_.find(0);
  for (Nexus* nexus : {&first_, &second_}) run(test_unit_ready, *nexus);
  const scsi::CdbBytes write_beyond{0x2a, 0, 0, 0, 0x08, 0, 0, 0, 1};  // block 2048: 1 MiB
  EXPECT_EQ(run(write_beyond, first_, Bytes(512))->sense_code(), 0x052100u);
  unit.grow(MiB + 100);
  EXPECT_TRUE(run(test_unit_ready, first_)->good()) << "not a whole block more";
  unit.grow(2 * MiB);
  for (Nexus* nexus : {&first_, &second_}) {
    EXPECT_EQ(run(test_unit_ready, *nexus)->sense_code(), capacity_has_changed);
    EXPECT_EQ(run(read_capacity_10, *nexus)->data_in(), (Bytes{0, 0, 0x0f, 0xff, 0, 0, 2, 0}));
  }
  EXPECT_TRUE(run(write_beyond, first_, Bytes(512))->good());
}

}  // namespace
}  // namespace holdfast::target
