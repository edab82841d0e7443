#include "target/lun/range_locks.h"

#include <gmock/gmock.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

namespace holdfast::target {
namespace {

using Mode = RangeLock::Mode;
using ::testing::ElementsAre;

struct Lock : RangeLock {
  Lock(std::vector<std::string>& into, std::string named, Mode how, std::uint64_t first,
       std::uint64_t end)
      : log(into), name(std::move(named)) {
    mode = how;
    from = first;
    to = end;
    owner = this;
    granted = [](RangeLock& lock) {
      auto* self = static_cast<Lock*>(lock.owner);
      self->log.push_back(self->name);
    };
  }
  std::vector<std::string>& log;
  std::string name;
};

class RangeLocksTest : public ::testing::Test {
 protected:
  Lock& add(std::string name, Mode mode, std::uint64_t from, std::uint64_t to) {
    locks_.push_back(std::make_unique<Lock>(granted_, std::move(name), mode, from, to));
    return *locks_.back();
  }
  void TearDown() override {
    for (const auto& lock : locks_)
      if (lock->entered()) table_.release(*lock);
  }

  RangeLocks table_;
  std::vector<std::string> granted_;
  std::vector<std::unique_ptr<Lock>> locks_;
};

TEST_F(RangeLocksTest, OnlyWhatTheTableSaysConflicts) {
  const Mode modes[] = {Mode::read, Mode::write, Mode::exclusive};
  const bool conflicts[3][3] = {{false, true, true}, {true, false, true}, {true, true, true}};
  for (int older = 0; older < 3; ++older) {
    for (int newer = 0; newer < 3; ++newer) {
      Lock& one = add("one", modes[older], 0, 1024);
      Lock& other = add("other", modes[newer], 512, 2048);
      EXPECT_TRUE(table_.acquire(one));
      EXPECT_EQ(table_.acquire(other), !conflicts[older][newer]) << older << newer;
      table_.release(one);
      EXPECT_FALSE(other.waiting());
      table_.release(other);
    }
  }
}

TEST_F(RangeLocksTest, NeighboursDoNotOverlap) {
  // Both lie in one of the places that are counted, so the locks themselves are looked at.
  EXPECT_TRUE(table_.acquire(add("low", Mode::exclusive, 0, 512)));
  EXPECT_TRUE(table_.acquire(add("high", Mode::exclusive, 512, 1024)));
  // The places are folded: far away is not overlapping either.
  EXPECT_TRUE(table_.acquire(add("far", Mode::exclusive, 256 * 65'536, 256 * 65'536 + 512)));
}

TEST_F(RangeLocksTest, WhoWaitsIsServedInTheOrderOfArrival) {
  Lock& reader = add("reader", Mode::read, 0, 512);
  Lock& exclusive = add("exclusive", Mode::exclusive, 0, 512);
  Lock& late_reader = add("late reader", Mode::read, 0, 512);
  EXPECT_TRUE(table_.acquire(reader));
  EXPECT_FALSE(table_.acquire(exclusive));
  EXPECT_FALSE(table_.acquire(late_reader)) << "or the exclusive one would starve";
  table_.release(reader);
  EXPECT_THAT(granted_, ElementsAre("exclusive"));
  table_.release(exclusive);
  EXPECT_THAT(granted_, ElementsAre("exclusive", "late reader"));
}

TEST_F(RangeLocksTest, WhoGivesUpLetsOthersPass) {
  Lock& writer = add("writer", Mode::write, 0, 512);
  Lock& exclusive = add("exclusive", Mode::exclusive, 0, 1024);
  Lock& behind = add("behind", Mode::write, 512, 1024);
  EXPECT_TRUE(table_.acquire(writer));
  EXPECT_FALSE(table_.acquire(exclusive));
  EXPECT_FALSE(table_.acquire(behind));
  table_.release(exclusive);
  EXPECT_THAT(granted_, ElementsAre("behind"));
}

TEST_F(RangeLocksTest, ARandomWalkNeverHoldsTwoThatConflictAndForgetsNobody) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  std::vector<Lock*> entered;
  for (int i = 0; i < 20'000; ++i) {
    if (entered.size() < 30 && random() % 2 == 0) {
      const bool large = random() % 8 == 0;
      const std::uint64_t from = random() % 64 * 512 + (random() % 4 == 0 ? 1ull << 40 : 0);
      const std::uint64_t bytes = large ? random() % (40ull << 20) + 1 : random() % 8 * 512 + 512;
      const auto mode = static_cast<Mode>(random() % 3);
      locks_.push_back(std::make_unique<Lock>(granted_, "", mode, from, from + bytes));
      entered.push_back(locks_.back().get());
      table_.acquire(*entered.back());
    } else if (!entered.empty()) {
      const std::size_t which = random() % entered.size();
      table_.release(*entered[which]);
      entered.erase(entered.begin() + static_cast<std::ptrdiff_t>(which));
    }
    for (std::size_t a = 0; a < entered.size(); ++a) {
      bool blocked = false;
      for (std::size_t b = 0; b < a; ++b) {
        const bool overlap = entered[a]->from < entered[b]->to && entered[b]->from < entered[a]->to;
        const bool differ = entered[a]->mode != entered[b]->mode;
        blocked = blocked || (overlap && (differ || entered[a]->mode == Mode::exclusive));
      }
      ASSERT_EQ(entered[a]->waiting(), blocked) << "step " << i;
    }
  }
}

}  // namespace
}  // namespace holdfast::target
