#include <gtest/gtest.h>

#include <fcntl.h>
#include <random>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "initiator/workload/copy.h"
#include "tests/support/nasty_tree.h"
#include "tests/unit/initiator/workload/scratch.h"

// A copy with several nodes under way at once. The memory tree notes whatever its contract does not
// allow: a node in a directory that is complete, a link to a file that is not, writes out of order,
// a forgotten node that is named again.

namespace holdfast::initiator {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

/// Answers in any order.
std::function<Duration(const std::string&)> at_random(unsigned seed) {
  return [random = std::mt19937(seed)](const std::string&) mutable {
    return Duration(microseconds(random() % 3 == 0 ? 0 : random() % 300));
  };
}

class ConcurrentCopy : public testing::Test {
 protected:
  /// Two levels of directories, files small and large, names of one file, a symlink, a fifo.
  void make_source() const {
    for (const std::string directory : {"a", "a/inner", "b", "b/empty"}) {
      source_.directory(directory);
      source_.file(directory + "/small", "small in " + directory);
      source_.file(directory + "/none", "");
    }
    source_.file("a/large", test::noise(3, (5 << 20) + 17));
    std::filesystem::create_hard_link(source_ / "a/large", source_ / "b/again");
    std::filesystem::create_hard_link(source_ / "a/large", source_ / "third");
    std::filesystem::create_symlink("target", source_ / "b/symlink");
    EXPECT_EQ(::mkfifo((source_ / "fifo").c_str(), 0644), 0);
  }

  Scratch source_;
};

TEST_F(ConcurrentCopy, AsManyNodesAreUnderWayAsTheTreeLikes) {
  for (int i = 0; i < 200; ++i) source_.file("file_" + std::to_string(i), "content");
  for (const std::uint32_t at_once : {1u, 2u, 8u, 32u}) {
    Workload workload(source_.path());
    MemoryTree tree(workload.loop());
    tree.calls_at_once = at_once;
    tree.delay_of = [](const std::string&) { return Duration(milliseconds(3)); };
    const CopyResult& copied = workload.copy(tree);
    ASSERT_TRUE(copied.status) << copied.status.error().message;
    EXPECT_EQ(tree.calls_most, at_once);
    EXPECT_EQ(tree.broken.size(), 0u) << text_of(tree.broken);
    EXPECT_EQ(copied.files, 200u);
  }
}

/// What a copy does one after the other: the names as the filesystem gives them, each directory with
/// all that is in it before the next name.
void expect_in(const std::filesystem::path& directory, std::vector<std::string>& verbs) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string name = entry.path().filename();
    if (entry.is_directory()) {
      verbs.push_back("make_directory " + name);
      expect_in(entry.path(), verbs);
    } else {
      verbs.push_back("create_file " + name);
      if (entry.file_size() > 0) verbs.emplace_back("write");
      verbs.emplace_back("finish_file");
    }
  }
  verbs.emplace_back("set_attributes");
}

TEST_F(ConcurrentCopy, WithOneAtATimeTheOrderIsTheSources) {
  for (const std::string directory : {"a", "a/inner", "a/inner/most", "b", "b/empty"}) {
    source_.directory(directory);
    source_.file(directory + "/file", "content");
    source_.file(directory + "/none", "");
  }
  Workload workload(source_.path());
  MemoryTree tree(workload.loop());
  tree.calls_at_once = 1;
  tree.delay_of = at_random(1);
  ASSERT_TRUE(workload.copy(tree).status);
  std::vector<std::string> expected;
  expect_in(source_.path(), expected);
  EXPECT_EQ(text_of(tree.verbs), text_of(expected));
  EXPECT_EQ(tree.calls_most, 1u);
}

TEST_F(ConcurrentCopy, PiecesOfALargeFileAreWrittenSideBySide) {
  const std::string content = test::noise(9, (24 << 20) + 4097);
  source_.file("large", content);
  for (const std::uint32_t at_once : {2u, 6u}) {
    Workload workload(source_.path());
    MemoryTree tree(workload.loop());
    tree.calls_at_once = at_once;
    tree.delay = milliseconds(10);
    const CopyResult& copied = workload.copy(tree);
    ASSERT_TRUE(copied.status) << copied.status.error().message;
    EXPECT_GT(tree.writes_most, 1u);
    EXPECT_LE(tree.writes_most, at_once);
    EXPECT_EQ(tree.broken.size(), 0u) << text_of(tree.broken);
    EXPECT_EQ(tree.find("large")->content(), content);
    EXPECT_EQ(copied.data_bytes, content.size());
  }
}

TEST_F(ConcurrentCopy, EverythingOfANastyTreeArrivesWhateverTheOrderOfAnswers) {
  test::make_nasty_tree(source_.path(), {.long_paths = false, .wide = 300});
  for (const std::uint32_t at_once : {1u, 3u, 16u, 100u}) {
    Workload workload(source_.path());
    MemoryTree tree(workload.loop());
    tree.calls_at_once = at_once;
    tree.delay_of = at_random(at_once);
    const CopyResult& copied = workload.copy(tree);
    ASSERT_TRUE(copied.status) << copied.status.error().message;
    EXPECT_EQ(copied.problems.count(), 0u) << text_of(copied.problems);
    EXPECT_EQ(copied.files, workload.estimate.files);
    EXPECT_EQ(copied.links, workload.estimate.links);
    EXPECT_EQ(copied.data_bytes, workload.estimate.data_bytes);
    EXPECT_EQ(workload.progress.entries_done, workload.estimate.entries());
    EXPECT_EQ(tree.remembered(), 0u) << "nodes that were not forgotten in the end";

    const VerifyResult& verified = workload.verify(tree);
    EXPECT_TRUE(verified.status);
    EXPECT_EQ(verified.mismatches.count(), 0u) << text_of(verified.mismatches);
    EXPECT_EQ(tree.remembered(), 0u) << "nodes that were not forgotten by the verification";
    EXPECT_EQ(tree.broken.size(), 0u) << text_of(tree.broken);
  }
}

TEST_F(ConcurrentCopy, NodesAreForgottenAsSoonAsTheyAreOver) {
  // Goal: a tree's table of nodes stays small however large the source is.
  for (int d = 0; d < 40; ++d) {
    const std::string directory = "directory_" + std::to_string(d);
    source_.directory(directory);
    for (int i = 0; i < 40; ++i) source_.file(directory + "/" + std::to_string(i), "content");
  }
  Workload workload(source_.path());
  MemoryTree tree(workload.loop());
  tree.delay_of = at_random(7);
  ASSERT_TRUE(workload.copy(tree).status);
  EXPECT_EQ(tree.remembered(), 0u);
  EXPECT_LE(tree.remembered_most, 2 * tree.calls_at_once + 2);
  tree.remembered_most = 0;
  EXPECT_EQ(workload.verify(tree).mismatches.count(), 0u) << text_of(workload.verified.mismatches);
  EXPECT_EQ(tree.remembered(), 0u);
  // The names of the directories that are being looked through, and the jobs.
  EXPECT_LE(tree.remembered_most, 40u + 40u + 2 * tree.calls_at_once);
}

TEST_F(ConcurrentCopy, AFailureAtAnyStepEndsItInOrder) {
  make_source();
  for (const std::uint32_t at_once : {1u, 4u}) {
    for (int step = 1;; ++step) {
      Workload workload(source_.path());
      MemoryTree tree(workload.loop());
      tree.calls_at_once = at_once;
      tree.delay_of = at_random(static_cast<unsigned>(step));
      int calls = 0;
      tree.refuse = [&calls, step](const std::string&, const std::string&) -> Status {
        if (++calls < step) return {};
        return Error{ErrorKind::peer_closed, 0, "failure " + std::to_string(calls)};
      };
      const CopyResult& copied = workload.copy(tree);
      EXPECT_TRUE(tree.closed);
      EXPECT_EQ(tree.broken.size(), 0u) << text_of(tree.broken);
      if (calls < step) {
        EXPECT_TRUE(copied.status);
        EXPECT_GT(step, 20);
        break;
      }
      ASSERT_FALSE(copied.status) << step;
      const std::string& message = copied.status.error().message;
      EXPECT_EQ(message.rfind("failure ", 0), 0u) << message;
      if (at_once == 1) {
        EXPECT_EQ(message, "failure " + std::to_string(step));
      }
      EXPECT_LE(calls, step + static_cast<int>(at_once)) << "calls after the first failure";
    }
  }
}

TEST_F(ConcurrentCopy, CancellingAtAnyStepEndsItInOrder) {
  make_source();
  for (const std::uint32_t at_once : {1u, 4u}) {
    for (int step = 1;; ++step) {
      Workload workload(source_.path());
      MemoryTree tree(workload.loop());
      tree.calls_at_once = at_once;
      tree.delay_of = at_random(static_cast<unsigned>(step));
      int calls = 0;
      tree.refuse = [&](const std::string&, const std::string&) -> Status {
        if (++calls == step) workload.cancelled = true;
        return {};
      };
      const CopyResult& copied = workload.copy(tree);
      EXPECT_TRUE(tree.closed);
      EXPECT_EQ(tree.broken.size(), 0u) << text_of(tree.broken);
      if (calls < step) break;
      if (!copied.status) {
        EXPECT_EQ(copied.status.error().kind, ErrorKind::cancelled);
        EXPECT_FALSE(tree.synced);
      }
      EXPECT_LE(calls, step + 2 * static_cast<int>(at_once) + 1) << "calls after the end was asked for";
    }
  }
}

TEST_F(ConcurrentCopy, ADirectoryThatCannotBeMadeTakesWhatIsInItAlong) {
  make_source();
  Workload workload(source_.path());
  MemoryTree tree(workload.loop());
  tree.delay_of = at_random(5);
  tree.refuse = [](const std::string& verb, const std::string& name) -> Status {
    if (verb != "make_directory" || name != "a") return {};
    return Error{ErrorKind::refused, 0, "no such name here"};
  };
  const CopyResult& copied = workload.copy(tree);
  ASSERT_TRUE(copied.status) << copied.status.error().message;
  EXPECT_EQ(tree.find("a"), nullptr);
  EXPECT_NE(tree.find("b/small"), nullptr);
  const std::string text = text_of(copied.problems);
  EXPECT_NE(text.find("/a: left out: no such name here"), std::string::npos) << text;
  // Only what lies elsewhere and belongs to a file from there is named beside it.
  EXPECT_EQ(text.find("/a/"), std::string::npos) << text;
  EXPECT_EQ(tree.broken.size(), 0u) << text_of(tree.broken);
  EXPECT_EQ(workload.progress.entries_done, workload.estimate.entries());
  EXPECT_EQ(workload.verify(tree).mismatches.count(), 0u) << text_of(workload.verified.mismatches);
}

std::uint64_t left_out(const std::vector<LeftOut>& list, const std::string& what) {
  for (const LeftOut& one : list)
    if (one.what == what) return one.nodes;
  return 0;
}

class Shortcomings : public ConcurrentCopy {
 protected:
  Shortcomings() : workload_(source_.path()), tree_(workload_.loop()) {}

  void lacks(Shortcoming::Of what) { tree_.lacking.push_back({what, "for a reason"}); }
  /// Copies and verifies: nothing is a problem, nothing a mismatch.
  void copy_and_verify() {
    std::this_thread::sleep_for(milliseconds(20));  // More than a tick of the clock of files.
    const CopyResult& copied = workload_.copy(tree_);
    ASSERT_TRUE(copied.status) << copied.status.error().message;
    EXPECT_EQ(copied.problems.count(), 0u) << text_of(copied.problems);
    if (spoil) spoil();
    const VerifyResult& verified = workload_.verify(tree_);
    ASSERT_TRUE(verified.status);
    EXPECT_EQ(verified.mismatches.count(), 0u) << text_of(verified.mismatches);
    EXPECT_EQ(verified.problems.count(), 0u) << text_of(verified.problems);
    for (const LeftOut& one : copied.left_out) EXPECT_EQ(one.why, "for a reason");
  }

  std::function<void()> spoil;  // what the tree makes of it
  Workload workload_;
  MemoryTree tree_;
};

TEST_F(Shortcomings, ExtendedAttributesAreNeitherHandedOverNorMissed) {
  const auto missing = test::make_nasty_tree(source_.path(), {.long_paths = false, .wide = 1});
  for (const std::string& one : missing)
    if (one.find("xattr") != std::string::npos || one.starts_with("user.")) GTEST_SKIP() << one;
  lacks(Shortcoming::Of::xattrs);
  lacks(Shortcoming::Of::acls);
  copy_and_verify();
  ASSERT_NE(tree_.find("xattrs/needs_a_block"), nullptr);
  EXPECT_TRUE(tree_.find("xattrs/needs_a_block")->attributes.xattrs.empty());
  EXPECT_GT(left_out(workload_.copied.left_out, "extended attributes"), 0u);
  EXPECT_EQ(left_out(workload_.verified.left_out, "extended attributes"),
            left_out(workload_.copied.left_out, "extended attributes"));
}

TEST_F(Shortcomings, SpecialFilesAreCountedAndTheirOtherNamesToo) {
  make_source();
  ASSERT_EQ(::link((source_ / "fifo").c_str(), (source_ / "b/fifo_again").c_str()), 0);
  lacks(Shortcoming::Of::specials);
  copy_and_verify();
  EXPECT_EQ(tree_.find("fifo"), nullptr);
  EXPECT_EQ(tree_.find("b/fifo_again"), nullptr);
  EXPECT_EQ(left_out(workload_.copied.left_out, "special files"), 1u);
  EXPECT_EQ(left_out(workload_.verified.left_out, "special files"), 1u);
  EXPECT_EQ(workload_.copied.others, 1u) << "the symlink";
}

TEST_F(Shortcomings, HolesThatBecameZerosAreNoMismatchButOtherContentIs) {
  const int sparse = ::open((source_ / "sparse").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  ASSERT_EQ(::pwrite(sparse, "end", 3, 1 << 20), 3);
  ::close(sparse);
  source_.file("whole", "whole");
  lacks(Shortcoming::Of::holes);
  spoil = [this] { tree_.find("sparse")->ranges = {{.offset = 0, .bytes = (1 << 20) + 3}}; };
  copy_and_verify();
  EXPECT_EQ(left_out(workload_.copied.left_out, "holes"), 1u);
  EXPECT_EQ(left_out(workload_.verified.left_out, "holes"), 1u);

  tree_.find("sparse")->pieces[40960] = std::string(100, '\0') + "x";
  EXPECT_EQ(workload_.verify(tree_).mismatches.count(), 1u) << "what stands in the hole is looked at";
}

TEST_F(Shortcomings, TimesAndOwnersThatTheTreeMakesItsOwnAreNoMismatch) {
  make_source();
  const timespec times[2] = {{1'500'000'000, 123}, {1'400'000'000, 456}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (source_ / "a/small").c_str(), times, 0), 0);
  lacks(Shortcoming::Of::nanoseconds);
  lacks(Shortcoming::Of::access_times);
  lacks(Shortcoming::Of::owners);
  spoil = [this] {
    Attributes& held = tree_.find("a/small")->attributes;
    held.modified.nanoseconds = 0;
    held.accessed.seconds += 77;
    held.uid += 1;
  };
  copy_and_verify();
  for (const char* what : {"fractions of a second", "access times", "owners"})
    EXPECT_EQ(left_out(workload_.verified.left_out, what), 1u) << what;
  EXPECT_EQ(left_out(workload_.copied.left_out, "owners"), 0u) << "all is ours";
  EXPECT_GT(left_out(workload_.copied.left_out, "fractions of a second"), 0u);

  tree_.find("a/small")->attributes.modified.seconds += 1;
  EXPECT_EQ(workload_.verify(tree_).mismatches.count(), 1u) << "a whole second is no fraction";
}

}  // namespace
}  // namespace holdfast::initiator
