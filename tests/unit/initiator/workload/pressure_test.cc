#include "initiator/workload/pressure.h"

#include <gtest/gtest.h>
#include <random>
#include <set>

#include "initiator/workload/copy.h"
#include "tests/support/nasty_tree.h"
#include "tests/unit/initiator/workload/scratch.h"

namespace holdfast::initiator {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

class FinishedFilesTest : public testing::Test {
 protected:
  FinishedFilesTest() : workload_("/"), tree_(workload_.loop()) {}

  /// The numbers of the files that are in the sample after `count` were offered.
  std::set<std::uint32_t> sample(std::uint64_t seed, std::uint32_t count, std::size_t most) {
    FinishedFiles files(tree_, seed, most);
    for (std::uint32_t i = 0; i < count; ++i)
      if (files.wants_next()) files.add(files.begin("file", 10, i), next_node());
    EXPECT_LE(files.size(), most);
    std::set<std::uint32_t> numbers;
    std::mt19937_64 random(1);
    for (int i = 0; i < 2000; ++i) numbers.insert(files.pick(random)->number());
    return numbers;
  }
  NodeId next_node() { return tree_.make_file("file_" + std::to_string(made_++)); }

  Workload workload_;
  MemoryTree tree_;
  int made_ = 0;
};

TEST_F(FinishedFilesTest, TheSampleIsBoundedAndFairAndTheSameForTheSameSeed) {
  const std::set<std::uint32_t> once = sample(7, 3000, 20);
  EXPECT_EQ(once, sample(7, 3000, 20));
  EXPECT_NE(once, sample(8, 3000, 20));
  EXPECT_GE(once.size(), 15u);
  EXPECT_GT(*once.rbegin(), 1500u) << "the later half counts as well";
  EXPECT_LT(*once.begin(), 1500u) << "and so does the earlier one";
  EXPECT_EQ(tree_.remembered(), 0u) << "what left the sample is forgotten, and the rest with it";
}

TEST_F(FinishedFilesTest, EveryBlockIsKnownByItsContent) {
  const std::string content = test::noise(5, 3 * 4096 + 17);
  FinishedFile file(tree_, "file", content.size(), 1);
  // The second block is a hole.
  file.note(0, bytes_of(content).first(4096));
  file.note(8192, bytes_of(content).subspan(8192));
  std::string read = content;
  read.replace(4096, 4096, 4096, '\0');
  EXPECT_EQ(file.first_difference(0, bytes_of(read)), std::nullopt);
  EXPECT_EQ(file.first_difference(12288, bytes_of(read).subspan(12288)), std::nullopt);
  EXPECT_EQ(file.first_difference(0, bytes_of(content)), 4096u);
  read.back() = static_cast<char>(read.back() ^ 1);
  EXPECT_EQ(file.first_difference(4096, bytes_of(read).subspan(4096)), 12288u);
}

TEST(Readers, SmallFilesAreReadWholeAndOfLargeOnesAPieceAnywhere) {
  std::mt19937_64 random(3);
  for (const std::uint64_t bytes : {1ul, 4096ul, 65536ul}) {
    EXPECT_EQ(Readers::choose(bytes, random), (DataRange{.offset = 0, .bytes = bytes}));
  }
  const std::uint64_t large = (10 << 20) + 5;
  std::uint64_t first = large;
  std::uint64_t last = 0;
  for (int i = 0; i < 10'000; ++i) {
    const DataRange range = Readers::choose(large, random);
    ASSERT_EQ(range.offset % 4096, 0u);
    ASSERT_GT(range.bytes, 0u);
    ASSERT_LE(range.bytes, 128u * 1024);
    ASSERT_LE(range.offset + range.bytes, large);
    first = std::min(first, range.offset);
    last = std::max(last, range.offset + range.bytes);
  }
  EXPECT_EQ(first, 0u);
  EXPECT_EQ(last, large);
}

class PressureTest : public testing::Test {
 protected:
  PressureTest() : workload_(source_.path()), tree_(workload_.loop()) {
    tree_.delay_of = [random = std::mt19937(4)](const std::string&) mutable {
      return Duration(microseconds(300 + random() % 700));
    };
    tree_.calls_at_once = 4;
    workload_.pressure.readers = 3;
    workload_.pressure.locks = true;
  }
  void make_source(int files) const {
    source_.file("large", test::noise(1, (3 << 20) + 100));
    for (int i = 0; i < files; ++i)
      source_.file("file_" + std::to_string(i), test::noise(static_cast<unsigned>(i), 100 + 37 * i));
  }

  Scratch source_;
  Workload workload_;
  MemoryTree tree_;
};

TEST_F(PressureTest, FinishedFilesAreReadAndLockedWhileTheCopyRuns) {
  make_source(300);
  std::uint64_t told = 0;
  workload_.pressure.on_read = [&told](Duration latency) {
    ++told;
    EXPECT_GT(latency.count(), 0);
  };
  const CopyResult& copied = workload_.copy(tree_);
  ASSERT_TRUE(copied.status) << copied.status.error().message;
  const PressureResult& pressure = copied.pressure;
  EXPECT_GT(pressure.readers.reads, 20u);
  EXPECT_GT(pressure.readers.bytes, 1000u);
  EXPECT_EQ(pressure.readers.latency.count(), pressure.readers.reads);
  EXPECT_EQ(told, pressure.readers.reads);
  EXPECT_EQ(pressure.readers.mismatches.count(), 0u) << text_of(pressure.readers.mismatches);
  EXPECT_GT(pressure.locks.shared, 0u);
  EXPECT_GT(pressure.locks.exclusive, 0u);
  EXPECT_EQ(pressure.locks.waits.count(), pressure.locks.shared + pressure.locks.exclusive);
  EXPECT_EQ(pressure.locks.refusal, "");
  EXPECT_EQ(tree_.locks_held(), 0u);
  EXPECT_EQ(tree_.remembered(), 0u);
  EXPECT_EQ(tree_.broken.size(), 0u);
  for (const std::string& one : tree_.broken) ADD_FAILURE() << one;
}

TEST_F(PressureTest, AStaleReadIsAMismatch) {
  make_source(100);
  workload_.pressure.locks = false;
  tree_.on_read = [reads = 0](std::span<std::byte> data) mutable {
    if (++reads == 5 && !data.empty()) data[data.size() / 2] ^= std::byte{1};
  };
  const CopyResult& copied = workload_.copy(tree_);
  ASSERT_TRUE(copied.status);
  ASSERT_GT(copied.pressure.readers.reads, 5u);
  EXPECT_EQ(copied.pressure.readers.mismatches.count(), 1u);
  EXPECT_NE(text_of(copied.pressure.readers.mismatches).find("other content than was written"),
            std::string::npos);
}

TEST_F(PressureTest, ATreeWithoutLocksIsSaidOnceAndTheCopyGoesOn) {
  make_source(50);
  tree_.has_locks = false;
  const CopyResult& copied = workload_.copy(tree_);
  EXPECT_TRUE(copied.status);
  EXPECT_EQ(copied.pressure.locks.refusal, "lock: memory has no locks");
  EXPECT_EQ(copied.pressure.locks.waits.count(), 0u);
}

TEST_F(PressureTest, WhereNothingIsEverFinishedNobodyWaitsForEver) {
  source_.directory("only/directories");
  source_.file("empty", "");
  const CopyResult& copied = workload_.copy(tree_);
  EXPECT_TRUE(copied.status);
  EXPECT_EQ(copied.pressure.readers.reads, 0u);
  EXPECT_EQ(copied.pressure.locks.waits.count(), 0u);
}

TEST(PressureEnds, WithTheCopyWhereverThatEnds) {
  const Scratch source;
  for (int i = 0; i < 20; ++i) source.file("file_" + std::to_string(i), test::noise(1, 1000 + 50 * i));
  for (const bool cancel : {true, false}) {
    for (int step = 1; step < 60; step += 7) {
      Workload workload(source.path());
      MemoryTree tree(workload.loop());
      tree.delay_of = [](const std::string&) { return Duration(microseconds(400)); };
      workload.pressure.readers = 3;
      workload.pressure.locks = true;
      int calls = 0;
      tree.refuse = [&](const std::string&, const std::string&) -> Status {
        if (++calls < step) return {};
        if (!cancel) return Error{ErrorKind::peer_closed, 0, "gone"};
        workload.cancelled = true;
        return {};
      };
      const CopyResult& copied = workload.copy(tree);
      EXPECT_FALSE(copied.status);
      EXPECT_TRUE(tree.closed);
      EXPECT_EQ(copied.pressure.locks.refusal, "");
      EXPECT_EQ(tree.broken.size(), 0u) << tree.broken.front();
    }
  }
}

}  // namespace
}  // namespace holdfast::initiator
