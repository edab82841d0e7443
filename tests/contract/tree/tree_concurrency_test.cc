#include <cerrno>

#include "common/runtime/scope.h"
#include "tests/contract/tree/tree_contract.h"

// What a tree promises while several calls are under way: a file that is finished can be read though
// others are being written, writes of one file may overlap, and locks come and go beside all that.

namespace holdfast::initiator {
namespace {

class TreeConcurrency : public TreeContract {};

constexpr int files = 40;
constexpr std::uint64_t seed_of_large = 99;
constexpr std::size_t large_bytes = 6 * MiB + 100;

std::size_t bytes_of(int number) { return 1 + static_cast<std::size_t>(number) * 9'001; }

/// The finished files, by number, and whether more will come.
struct Finished {
  std::vector<NodeId> nodes;
  bool all = false;
  int reads = 0;
};

Task<void> read_while_written(Tree& tree, Finished& finished, unsigned seed) {
  std::mt19937 random(seed);
  while (!finished.all) {
    if (finished.nodes.empty()) {
      co_await sleep_for(Loop::current(), std::chrono::microseconds(100));
      continue;
    }
    const int number = static_cast<int>(random() % finished.nodes.size());
    const Bytes expected = noise(bytes_of(number), static_cast<std::uint64_t>(number));
    const std::size_t from = random() % (expected.size() / 4096 + 1) * 4096;
    if (from >= expected.size()) continue;
    const NodeId node = finished.nodes[static_cast<std::size_t>(number)];
    const Bytes got = co_await content_of(tree, node, from, 64 * KiB);
    const std::size_t length = std::min<std::size_t>(64 * KiB, expected.size() - from);
    EXPECT_TRUE(std::equal(got.begin(), got.end(), expected.begin() + static_cast<std::ptrdiff_t>(from),
                           expected.begin() + static_cast<std::ptrdiff_t>(from + length)))
        << "file " << number << " from " << from << " on, while others are written";
    ++finished.reads;
    co_await sleep_for(Loop::current(), std::chrono::microseconds(200));
  }
}

TEST_P(TreeConcurrency, FinishedFilesAreReadWhileOthersAreWritten) {
  struct Bodies {
    static Task<void> fill(Tree& tree) {
      Finished finished;
      Scope readers;
      for (unsigned i = 0; i < 3; ++i) readers.spawn(read_while_written(tree, finished, i));
      for (int number = 0; number < files; ++number) {
        const Bytes content = noise(bytes_of(number), static_cast<std::uint64_t>(number));
        Attributes attributes = attributes_of(S_IFREG | 0644);
        attributes.bytes = content.size();
        const std::string name = std::to_string(number);
        const NodeId made = co_await put_file(tree, tree.root(), name, attributes, content);
        finished.nodes.push_back(made);
        // So that even the fastest tree is read meanwhile.
        co_await sleep_for(Loop::current(), std::chrono::milliseconds(1));
      }
      finished.all = true;
      co_await readers.join();
      EXPECT_GT(finished.reads, 3);
    }
    static Task<void> read(Tree& tree) {
      const Entries entries = co_await entries_of(tree, tree.root());
      EXPECT_EQ(entries.size(), static_cast<std::size_t>(files));
      for (const auto& [name, entry] : entries) {
        const int number = std::stoi(name);
        const Bytes got = co_await content_of(tree, entry.node, 0, bytes_of(number) + 1);
        EXPECT_EQ(got, noise(bytes_of(number), static_cast<std::uint64_t>(number))) << name;
      }
    }
  };
  fill_and_read(Bodies::fill, Bodies::read);
}

Task<void> write_piece(Tree& tree, NodeId file, std::uint64_t offset, std::span<const std::byte> data) {
  const Status written = co_await tree.write(file, offset, data);
  EXPECT_TRUE(written) << written.error().message;
}

TEST_P(TreeConcurrency, WritesOfOneFileMayOverlap) {
  struct Bodies {
    static Task<void> fill(Tree& tree) {
      const Bytes content = noise(large_bytes, seed_of_large);
      Attributes attributes = attributes_of(S_IFREG | 0644);
      attributes.bytes = content.size();
      const DataRange whole{0, content.size()};
      const std::span<const DataRange> ranges(&whole, 1);
      const std::string name = "large";
      const Result<NodeId> made = co_await tree.create_file(tree.root(), name, attributes, ranges, 1);
      EXPECT_TRUE(made) << made.error().message;
      if (!made) co_return;
      const std::size_t at_once = std::min(tree.concurrency(), 8u);
      constexpr std::size_t piece = 256 * KiB;
      Scope writes;
      for (std::size_t at = 0; at < content.size(); at += piece) {
        const auto part = std::span(content).subspan(at, std::min(piece, content.size() - at));
        writes.spawn(write_piece(tree, *made, at, part));
        if (writes.running() == at_once) co_await writes.join();
      }
      co_await writes.join();
      const Status finished = co_await tree.finish_file(*made);
      EXPECT_TRUE(finished) << finished.error().message;
    }
    static Task<void> read(Tree& tree) {
      const Entries entries = co_await entries_of(tree, tree.root());
      EXPECT_EQ(entries.size(), 1u);
      if (entries.empty()) co_return;
      const Bytes got = co_await content_of(tree, entries.begin()->second.node, 0, large_bytes + 1);
      EXPECT_TRUE(got == noise(large_bytes, seed_of_large)) << "the content differs";
    }
  };
  fill_and_read(Bodies::fill, Bodies::read);
}

TEST_P(TreeConcurrency, LocksAreTakenAndReleasedWhereThereAreSome) {
  struct Bodies {
    static Task<void> take(Tree& tree, NodeId node, std::uint64_t range, bool& refused) {
      for (int round = 0; round < 3 && !refused; ++round) {
        const bool exclusive = round % 2 == 0;
        const Status locked = co_await tree.lock(node, range * 4096, 4096, exclusive);
        if (!locked && locked.error().kind == ErrorKind::refused) {
          refused = true;
          co_return;
        }
        EXPECT_TRUE(locked) << locked.error().message;
        if (!locked) co_return;
        const Status unlocked = co_await tree.unlock(node, range * 4096, 4096);
        EXPECT_TRUE(unlocked) << unlocked.error().message;
      }
    }
    static Task<void> fill(Tree& tree) {
      const NodeId one = co_await put_small_file(tree, tree.root(), "one", "to be locked");
      const NodeId other = co_await put_small_file(tree, tree.root(), "other", "as well");
      bool refused = false;
      Scope lockers;
      for (std::uint64_t range = 0; range < 3; ++range) {
        lockers.spawn(take(tree, one, range, refused));
        lockers.spawn(take(tree, other, range, refused));
      }
      co_await lockers.join();
      // A refusal says that there are no locks here: then there is none, ever.
      const Status again = co_await tree.lock(one, 0, 1, true);
      EXPECT_EQ(again.ok(), !refused);
      if (!again) co_return;
      const Status unlocked = co_await tree.unlock(one, 0, 1);
      EXPECT_TRUE(unlocked) << unlocked.error().message;
    }
    static Task<void> read(Tree& tree) {
      const Entries entries = co_await entries_of(tree, tree.root());
      EXPECT_EQ(entries.size(), 2u);
    }
  };
  fill_and_read(Bodies::fill, Bodies::read);
}

INSTANTIATE_TEST_SUITE_P(Trees, TreeConcurrency, every_tree(), name_of);

}  // namespace
}  // namespace holdfast::initiator
