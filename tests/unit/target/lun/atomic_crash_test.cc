// What is atomic is never half done after a crash: not where the daemon is killed or the power fails
// at any step, with any part of what was not flushed on the medium, also while the next daemon puts
// things right. All cases are tried.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "target/lun/atomic_journal.h"
#include "target/lun/vectors.h"

namespace holdfast::target {
namespace {

constexpr std::size_t sector_bytes = 512;
constexpr std::size_t sectors = 5;
constexpr std::uint32_t first = 1, count = 3;  // the sectors that the atomic write is about

/// What is where nobody can take it away any more: a letter for each sector, and the intent.
struct Remains {
  std::string medium;
  std::string intent;
  auto operator<=>(const Remains&) const = default;
};

/// A medium behind a volatile cache and a file for intents, until the crash: everything that
/// changes something is a step, and in the midst of one of them it comes. What was written and not
/// flushed may then be there or not, sector by sector. Afterwards all goes on as if nothing had
/// been, so that what runs comes to its end, and nothing of that remains.
class World {
 public:
  World(const Remains& remains, int steps_to_the_crash)
      : cache_(remains.medium), intent_(remains.intent), steps_left_(steps_to_the_crash) {
    for (const char letter : cache_) medium_.push_back({letter});
    intents_ = {intent_};
  }

  bool crashed() const { return crashed_; }
  const std::string& cache() const { return cache_; }
  const std::string& intent() const { return intent_; }

  /// All that may be found after the crash, or after a loss of power now.
  std::set<Remains> remains() const {
    std::set<Remains> all;
    std::string medium(medium_.size(), ' ');
    add_remains(all, medium, 0);
    return all;
  }

  void write(std::size_t sector, char letter) {
    cache_.at(sector) = letter;
    if (!crashed_) medium_[sector].insert(letter);
  }
  void sync(std::size_t sector) {
    if (!crashed_) medium_.at(sector) = {cache_[sector]};
  }
  /// Something is about to change: does the crash come in the midst of it?
  bool crash_comes() {
    if (crashed_ || steps_left_ < 0) return false;
    return steps_left_-- == 0;
  }
  void crash() { crashed_ = true; }
  void save(const std::string& intent) {
    const bool comes = crash_comes();
    intent_ = intent;
    if (crashed_) return;
    if (!comes) intents_.clear();
    intents_.insert(intent);
    crashed_ = comes;
  }

  /// A write of that many sectors gets no farther than this, for want of room.
  std::size_t room = sectors;
  /// After so many writes of any kind the medium takes none.
  int writes_left = 1000;

 private:
  void add_remains(std::set<Remains>& all, std::string& medium, std::size_t sector) const {
    if (sector == medium_.size()) {
      for (const std::string& intent : intents_) all.insert({medium, intent});
      return;
    }
    for (const char letter : medium_[sector]) {
      medium[sector] = letter;
      add_remains(all, medium, sector + 1);
    }
  }

  std::string cache_;
  std::vector<std::set<char>> medium_;  // what each sector may hold
  std::string intent_;
  std::set<std::string> intents_;
  int steps_left_;  // less than 0: no crash comes
  bool crashed_ = false;
};

class CrashingStore final : public Store {
 public:
  explicit CrashingStore(World& world) : world_(world) {}
  std::uint64_t size() const override { return sectors * sector_bytes; }
  bool read_only() const override { return false; }
  bool has_volatile_cache() const override { return true; }
  std::uint32_t physical_block_bytes() const override { return sector_bytes; }
  std::string describe() const override { return "a medium that crashes"; }

 private:
  void start(StoreRequest& request) override {
    std::size_t sector = request.offset / sector_bytes;
    if (request.operation == StoreOperation::read) {
      for (iovec& vector : request.vectors)
        for (std::size_t at = 0; at < vector.iov_len; at += sector_bytes)
          std::fill_n(static_cast<char*>(vector.iov_base) + at, sector_bytes, world_.cache().at(sector++));
      return finish_later(request, 0);
    }
    if (request.operation == StoreOperation::write && world_.writes_left-- <= 0)
      return finish_later(request, EIO, request.offset);
    const bool comes = world_.crash_comes();
    if (request.operation == StoreOperation::flush) {
      for (std::size_t i = 0; i < sectors && !comes; ++i) world_.sync(i);
      if (comes) world_.crash();
      return finish_later(request, 0);
    }
    const std::size_t room = request.vectors.size() > 0 && request.length() > sector_bytes * world_.room
                                 ? world_.room
                                 : request.length() / sector_bytes;
    for (std::size_t i = 0; i < room; ++i) {
      const auto* const bytes = static_cast<const char*>(request.vectors.front().iov_base);
      world_.write(sector + i, bytes[i * sector_bytes]);
      if (request.durable && !comes) world_.sync(sector + i);
    }
    if (comes) world_.crash();
    finish_later(request, room < request.length() / sector_bytes ? ENOSPC : 0, request.offset);
  }

  World& world_;
};

class CrashingFile final : public StateFile, private Deferred {
 public:
  explicit CrashingFile(World& world) : world_(world) {}
  void save(std::string content, std::function<void(int)> saved) override {
    world_.save(content);
    saved_ = std::move(saved);
    Loop::current().defer(*this);
  }
  std::string describe() const override { return "a file that crashes"; }

 private:
  void run() override { std::exchange(saved_, nullptr)(0); }
  World& world_;
  std::function<void(int)> saved_;
};

/// A daemon in a world: from its start to its end.
class Daemon {
 public:
  Daemon(World& world, bool write_back) : store_(world), journal_(store_, locks_, buffers_, write_back) {
    const Status kept = journal_.keep_in(std::make_unique<CrashingFile>(world), world.intent());
    EXPECT_TRUE(kept) << kept.error().message;
    journal_.recover();
  }

  Task<void> recovered() {
    while (journal_.recovering()) co_await sleep_for(Loop::current(), Duration(0));
  }
  Task<int> write(char letter) {
    std::string data(count * sector_bytes, letter);
    iovec vector{data.data(), data.size()};
    RangeHold hold(locks_);
    co_await hold.take(RangeLock::Mode::exclusive, first * sector_bytes, data.size());
    Task<AtomicJournal::Ended> writing =
        journal_.write(first * sector_bytes, std::span<iovec>(&vector, 1), false);
    const AtomicJournal::Ended ended = co_await writing;
    co_return ended.error;
  }

 private:
  CrashingStore store_;
  RangeLocks locks_;
  WorkBuffers buffers_;
  AtomicJournal journal_;
};

class AtomicCrash : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    auto loop = Loop::create();
    ASSERT_TRUE(loop);
    loop_ = std::move(*loop);
  }

  static Task<void> write_in(World& world, bool write_back, char letter, int& error) {
    Daemon daemon(world, write_back);
    Task<int> writing = daemon.write(letter);
    error = co_await writing;
  }
  static Task<void> recover_in(World& world, bool write_back) {
    Daemon daemon(world, write_back);
    Task<void> recovering = daemon.recovered();
    co_await recovering;
  }

  static bool is_half_done(const std::string& medium, char letter) {
    const std::string range = medium.substr(first, count);
    const auto there = std::count(range.begin(), range.end(), letter);
    return there != 0 && there != count;
  }

  /// A daemon starts on these remains, and may crash as well, after any of its steps.
  void restart_on(const Remains& remains, char letter, bool acknowledged) {
    for (int steps = 0;; ++steps) {
      World world(remains, steps);
      loop_->run(recover_in(world, GetParam()));
      EXPECT_FALSE(is_half_done(world.cache(), letter)) << remains.medium << " became " << world.cache();
      ++restarts_;
      for (const Remains& left : world.remains()) {
        // Without an intent nobody puts anything right any more.
        if (left.intent.empty()) {
          EXPECT_FALSE(is_half_done(left.medium, letter)) << remains.medium << " became " << left.medium;
          EXPECT_TRUE(!acknowledged || left.medium.substr(first, count) == std::string(count, letter))
              << remains.medium << " became " << left.medium;
        }
        if (world.crashed()) {
          World last(left, -1);
          loop_->run(recover_in(last, GetParam()));
          EXPECT_FALSE(is_half_done(last.cache(), letter)) << left.medium << " became " << last.cache();
          EXPECT_EQ(last.intent(), "");
        }
      }
      if (!world.crashed()) return;
    }
  }

  std::unique_ptr<Loop> loop_;
  int restarts_ = 0;
};

TEST_P(AtomicCrash, WhereverItComesNothingIsHalfDone) {
  const bool write_back = GetParam();
  int crashes = 0;
  for (int steps = 0;; ++steps) {
    World world({"abcde", ""}, steps);
    // Plain writes before, of which with a write-back cache nobody knows what is on the medium.
    for (std::size_t sector = 0; sector < 3; ++sector) {
      world.write(sector, 'P');
      if (!write_back) world.sync(sector);
    }
    int error = -1;
    loop_->run(write_in(world, write_back, 'N', error));
    ASSERT_EQ(error, 0);
    for (const Remains& remains : world.remains()) restart_on(remains, 'N', !world.crashed());
    if (!world.crashed()) break;
    ++crashes;
  }
  EXPECT_EQ(crashes, write_back ? 4 : 3) << "steps of one atomic write";
  EXPECT_GT(restarts_, 20);
}

TEST_P(AtomicCrash, WhatHasNoRoomIsPutBack) {
  World world({"abcde", ""}, -1);
  world.room = 2;
  int error = 0;
  loop_->run(write_in(world, GetParam(), 'N', error));
  EXPECT_EQ(error, ENOSPC);
  EXPECT_EQ(world.cache(), "abcde");
  EXPECT_EQ(world.intent(), "");
}

TEST_P(AtomicCrash, WhatCannotBePutBackKeepsItsIntentForTheNextStart) {
  World world({"abcde", ""}, -1);
  world.room = 2;
  world.writes_left = 1;
  int error = 0;
  loop_->run(write_in(world, GetParam(), 'N', error));
  EXPECT_EQ(error, ENOSPC);
  EXPECT_EQ(world.cache(), "aNNde") << "half done";
  ASSERT_NE(world.intent(), "");
  for (const Remains& remains : world.remains()) {
    World still_bad(remains, -1);
    still_bad.writes_left = 0;
    loop_->run(recover_in(still_bad, GetParam()));
    EXPECT_EQ(still_bad.intent(), is_half_done(remains.medium, 'N') ? remains.intent : "") << remains.medium;
    World mended(remains, -1);
    loop_->run(recover_in(mended, GetParam()));
    EXPECT_FALSE(is_half_done(mended.cache(), 'N')) << remains.medium << " became " << mended.cache();
    EXPECT_EQ(mended.intent(), "");
  }
}

TEST_P(AtomicCrash, AnotherMediumIsLeftAlone) {
  World world({"abcde", ""}, 1 + (GetParam() ? 1 : 0));
  int error = 0;
  loop_->run(write_in(world, GetParam(), 'N', error));
  ASSERT_TRUE(world.crashed());
  int with_an_intent = 0;
  for (const Remains& remains : world.remains()) {
    with_an_intent += remains.intent.empty() ? 0 : 1;
    World other({"aXNde", remains.intent}, -1);
    loop_->run(recover_in(other, GetParam()));
    EXPECT_EQ(other.cache(), "aXNde");
    EXPECT_EQ(other.intent(), "");
  }
  EXPECT_GT(with_an_intent, 0);
}

INSTANTIATE_TEST_SUITE_P(Caches, AtomicCrash, ::testing::Bool(),
                         [](const auto& tested) { return tested.param ? "write_back" : "write_through"; });

TEST(AtomicIntent, ComesBackAsItWasOrNotAtAll) {
  std::string data(3 * sector_bytes, 'x');
  data[700] = 'y';
  // Sectors that lie across vectors.
  std::array<iovec, 3> vectors{iovec{data.data(), 100}, iovec{data.data() + 100, 900},
                               iovec{data.data() + 1000, 536}};
  AtomicIntent intent = AtomicIntent::of_write(4096, vectors);
  for (char& byte : intent.before) byte = 'b';
  ASSERT_EQ(intent.after.size(), 3u);
  const std::span<const std::byte> found = std::as_bytes(std::span<const char>(data));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(intent.is_after(i, found.subspan(i * sector_bytes, sector_bytes)));
    EXPECT_FALSE(intent.is_before(i, found.subspan(i * sector_bytes, sector_bytes)));
  }
  const std::string text = intent.encode();
  const auto back = AtomicIntent::decode(text);
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, intent);
  for (std::size_t bytes = 0; bytes < text.size(); bytes += 7)
    EXPECT_FALSE(AtomicIntent::decode(text.substr(0, bytes))) << bytes;
  for (std::size_t at = 0; at < text.size(); at += 13) {
    std::string spoilt = text;
    spoilt[at] ^= 0x10;
    EXPECT_FALSE(AtomicIntent::decode(spoilt)) << at;
  }
}

}  // namespace
}  // namespace holdfast::target
