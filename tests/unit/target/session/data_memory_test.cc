#include "target/session/data_memory.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/runtime/task.h"
#include "target/session/command_window.h"

namespace holdfast::target {
namespace {

/// A session's part, whose commands want memory in the order in which they come.
class TestShare final : public DataMemory::Share {
 public:
  explicit TestShare(DataMemory& memory) : Share(memory) {}
  ~TestShare() { give_back_all(); }

  /// A command that wants `chunks`.
  void want(std::size_t chunks) {
    if (line.empty() && take(chunks)) return;
    line.push_back(chunks);
    wait();
  }
  void give_back(std::size_t command) {
    give_back_invited(held[command]);
    held[command].clear();
  }
  void give_back_all() {
    line.clear();
    for (auto& chunks : held) {
      give_back_invited(chunks);
      chunks.clear();
    }
  }
  bool take(std::size_t chunks) {
    std::vector<std::byte*> taken(chunks);
    if (!take_invited(taken)) return false;
    held.push_back(taken);
    return true;
  }

  std::deque<std::size_t> line;
  std::vector<std::vector<std::byte*>> held;

 private:
  std::size_t wanted() const override { return line.empty() ? 0 : line.front(); }
  void grant() override {
    const std::size_t chunks = line.front();
    line.pop_front();
    ASSERT_TRUE(take(chunks));
  }
};

class DataMemoryTest : public testing::Test {
 protected:
  DataMemoryTest() : loop_(Loop::create().value()) {}
  ~DataMemoryTest() override { turn(); }

  DataMemory& memory_of(const DataMemory::Limits& limits) {
    return memory_.emplace(*loop_, limits);
  }

  /// Lets what is deferred happen.
  void turn() { loop_->run(nothing()); }
  static Task<void> nothing() { co_return; }

  std::unique_ptr<Loop> loop_;
  std::optional<DataMemory> memory_;
};

constexpr DataMemory::Limits limits{.invited_chunks = 200, .uninvited_chunks = 10};

TEST_F(DataMemoryTest, ServesTheLineInOrderWhenChunksComeBack) {
  DataMemory& memory = memory_of(limits);
  TestShare a(memory), b(memory), c(memory);
  a.want(60);
  b.want(60);
  c.want(60);  // 180 of 200 are taken, and each may hold 66
  b.give_back(0);
  a.give_back(0);
  a.want(50);
  a.want(10);
  b.want(60);  // 180 again
  turn();
  EXPECT_EQ(a.held.size(), 3u);
  EXPECT_EQ(b.held.size(), 2u);
  EXPECT_TRUE(a.line.empty() && b.line.empty());
}

TEST_F(DataMemoryTest, LetsNobodyOvertakeALargeCommandThatWaits) {
  DataMemory& memory = memory_of(limits);
  TestShare a(memory), b(memory), c(memory), d(memory);
  a.want(64);
  b.want(64);
  c.want(64);  // 8 are left
  d.want(20);
  EXPECT_EQ(d.line.size(), 1u);
  c.give_back(0);
  c.want(64);  // It could be had, but `d` was here first.
  EXPECT_EQ(c.line.size(), 1u);
  turn();
  EXPECT_TRUE(d.line.empty());
  EXPECT_EQ(c.line.size(), 1u) << "52 are left";
  a.give_back(0);
  turn();
  EXPECT_TRUE(c.line.empty());
}

TEST_F(DataMemoryTest, KeepsOneSessionFromHoldingEverything) {
  DataMemory& memory = memory_of(limits);
  TestShare greedy(memory), modest(memory);
  for (int i = 0; i < 10; ++i) greedy.want(20);
  turn();
  EXPECT_EQ(greedy.held.size(), 5u) << "half of 200, since there are two sessions";
  modest.want(40);
  EXPECT_EQ(modest.held.size(), 1u) << "at once";
  greedy.give_back(0);
  turn();
  EXPECT_EQ(greedy.held.size(), 6u) << "its next command follows when it gives something back";
}

TEST_F(DataMemoryTest, GivesASingleSessionAllOfIt) {
  DataMemory& memory = memory_of(limits);
  TestShare only(memory);
  for (int i = 0; i < 4; ++i) only.want(50);
  EXPECT_EQ(only.held.size(), 4u);
}

TEST_F(DataMemoryTest, KeepsUninvitedDataApartFromInvited) {
  DataMemory& memory = memory_of(limits);
  TestShare share(memory);
  for (int i = 0; i < 4; ++i) share.want(50);
  std::array<std::byte*, 10> all{};
  EXPECT_TRUE(share.take_uninvited(all));
  std::array<std::byte*, 1> one{};
  EXPECT_FALSE(share.take_uninvited(one));
  share.give_back_uninvited(all);
}

TEST_F(DataMemoryTest, CutsWindowsSoThatAllOfThemTogetherFindRoom) {
  DataMemory& memory = memory_of({.invited_chunks = 64, .uninvited_chunks = 64});
  TestShare a(memory);
  EXPECT_EQ(a.window_width(0), CommandWindow::width_max) << "nothing can come uninvited";
  EXPECT_EQ(a.window_width(64 * 1024), 64u);
  EXPECT_EQ(a.window_width(64 * 1024 + 1), 32u);
  TestShare b(memory);
  EXPECT_EQ(a.window_width(64 * 1024), 32u);
  EXPECT_EQ(a.window_width(8 * 1024 * 1024), 1u) << "never closed for good";
}

}  // namespace
}  // namespace holdfast::target
