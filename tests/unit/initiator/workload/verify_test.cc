#include "initiator/workload/verify.h"

#include <fcntl.h>
#include <functional>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "tests/support/nasty_tree.h"
#include "tests/unit/initiator/workload/scratch.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t content_bytes = (3 << 20) + 1000;

/// A small source, copied into memory and old enough that nothing of it counts as changed.
class VerifyTest : public testing::Test {
 protected:
  VerifyTest() : workload_(source_.path()), tree_(workload_.loop()) {
    source_.directory("directory/empty");
    source_.file("directory/large", test::noise(1, content_bytes));
    source_.file("directory/small", "small");
    std::filesystem::create_hard_link(source_ / "directory/small", source_ / "again");
    std::filesystem::create_symlink("target", source_ / "symlink");
    const int sparse = ::open((source_ / "sparse").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    EXPECT_EQ(::pwrite(sparse, "end", 3, 1 << 20), 3);
    ::close(sparse);
    std::this_thread::sleep_for(milliseconds(20));  // More than a tick of the clock of files.
    EXPECT_TRUE(workload_.copy(tree_).status);
    EXPECT_EQ(workload_.copied.problems.count(), 0u) << text_of(workload_.copied.problems);
  }

  /// The one mismatch that there shall be, as "path: what at offset".
  std::string only_mismatch() {
    const VerifyResult& verified = workload_.verify(tree_);
    EXPECT_TRUE(verified.status) << verified.status.error().message;
    EXPECT_EQ(verified.mismatches.count(), 1u) << text_of(verified.mismatches);
    EXPECT_EQ(verified.problems.count(), 0u) << text_of(verified.problems);
    std::string text = text_of(verified.mismatches);
    const std::size_t at = text.find(source_.path());
    if (at == 0) text.erase(0, source_.path().size() + 1);
    return text;
  }

  void forget_entry(const std::string& directory, const std::string& name) {
    auto& entries = tree_.find(directory)->entries;
    std::erase_if(entries, [&name](const auto& entry) { return entry.first == name; });
  }

  Scratch source_;
  Workload workload_;
  MemoryTree tree_;
};

TEST_F(VerifyTest, AGoodCopyHasNoMismatch) {
  const VerifyResult& verified = workload_.verify(tree_);
  ASSERT_TRUE(verified.status) << verified.status.error().message;
  EXPECT_EQ(verified.mismatches.count(), 0u) << text_of(verified.mismatches);
  EXPECT_EQ(verified.problems.count(), 0u) << text_of(verified.problems);
  EXPECT_EQ(verified.entries, 8u);
  EXPECT_TRUE(tree_.closed);
}

TEST_F(VerifyTest, OneFlippedBitIsFoundWithItsPlace) {
  for (const std::size_t at : {std::size_t{0}, std::size_t{1'048'576}, content_bytes - 1}) {
    auto& pieces = tree_.find("directory/large")->pieces;
    auto piece = std::prev(pieces.upper_bound(at));
    char& byte = piece->second[at - piece->first];
    byte = static_cast<char>(byte ^ 1);
    EXPECT_EQ(only_mismatch(), "directory/large: content at " + std::to_string(at) + "\n");
    byte = static_cast<char>(byte ^ 1);
  }
}

TEST_F(VerifyTest, OfSeveralDifferencesInOneFileTheFirstIsTold) {
  for (auto& [offset, piece] : tree_.find("directory/large")->pieces) piece[5] ^= 1;
  EXPECT_EQ(only_mismatch(), "directory/large: content at 5\n");
}

TEST_F(VerifyTest, EveryAttributeCounts) {
  using Spoil = std::function<void(Attributes&)>;
  const std::pair<Spoil, std::string> spoilings[] = {
      {[](Attributes& held) { held.mode ^= 02000; }, "mode: 0644, 2644"},
      {[](Attributes& held) { held.uid += 1; }, "owner: "},
      {[](Attributes& held) { held.gid += 1; }, "group: "},
      {[](Attributes& held) { held.modified.nanoseconds ^= 1; }, "time modified: "},
      {[](Attributes& held) { held.accessed.seconds += 1; }, "time accessed: "},
      {[](Attributes& held) { held.xattrs["user.new"] = "x"; },
       "xattr user.new: only in the copy"}};
  for (const auto& [spoil, expected] : spoilings) {
    Attributes& held = tree_.find("sparse")->attributes;
    const Attributes before = held;
    spoil(held);
    const std::string found = only_mismatch();
    EXPECT_TRUE(found.starts_with("sparse: " + expected)) << found;
    held = before;
  }
}

TEST_F(VerifyTest, AMissingNameIsFound) {
  forget_entry("directory", "large");
  EXPECT_EQ(only_mismatch(), "directory/large: missing in the copy\n");
}

TEST_F(VerifyTest, OfAMissingDirectoryOnlyItselfIsTold) {
  forget_entry("", "directory");
  const VerifyResult& verified = workload_.verify(tree_);
  const std::string text = text_of(verified.mismatches);
  EXPECT_NE(text.find("/directory: missing"), std::string::npos) << text;
  EXPECT_EQ(text.find("/directory/"), std::string::npos) << text;
}

TEST_F(VerifyTest, ANameThatOnlyTheCopyHasIsFound) {
  tree_.find("directory/empty")->entries.emplace_back("ghost", tree_.root());
  EXPECT_EQ(only_mismatch(), "directory/empty/ghost: only in the copy\n");
}

TEST_F(VerifyTest, ALinkThatBecameAFileOfItsOwnIsFound) {
  for (auto& [name, node] : tree_.find("")->entries) {
    if (name == "again") node = tree_.find("")->entries.front().second;
  }
  const VerifyResult& verified = workload_.verify(tree_);
  EXPECT_NE(text_of(verified.mismatches).find("not the same file as"), std::string::npos)
      << text_of(verified.mismatches);
}

TEST_F(VerifyTest, ALinkTooManyIsFound) {
  ++tree_.find("again")->attributes.links;
  EXPECT_NE(only_mismatch().find("names: 2 of it were found, the copy counts 3"),
            std::string::npos);
}

TEST_F(VerifyTest, AnotherTargetOfASymlinkIsFound) {
  tree_.find("symlink")->target = "elsewhere";
  EXPECT_EQ(only_mismatch(), "symlink: target: target, elsewhere\n");
}

TEST_F(VerifyTest, AHoleThatWasNotKeptIsFoundEvenIfItHoldsZeros) {
  MemoryTree::Node& sparse = *tree_.find("sparse");
  sparse.ranges.insert(sparse.ranges.begin(), {.offset = 8192, .bytes = 4096});
  EXPECT_EQ(only_mismatch(), "sparse: a hole was not kept at 8192\n");
  sparse.pieces[8192] = std::string(4095, '\0') + "x";
  const VerifyResult& verified = workload_.verify(tree_);
  EXPECT_EQ(verified.mismatches.count(), 2u) << text_of(verified.mismatches);
  EXPECT_NE(text_of(verified.mismatches).find("content at 12287"), std::string::npos);
}

TEST_F(VerifyTest, AShorterCopyIsFound) {
  tree_.find("directory/large")->attributes.bytes -= 10;
  const VerifyResult& verified = workload_.verify(tree_);
  const std::string text = text_of(verified.mismatches);
  EXPECT_NE(text.find("size: 3146728, 3146718"), std::string::npos) << text;
  EXPECT_NE(text.find("content at 3146718"), std::string::npos) << text;
}

TEST_F(VerifyTest, WhatTheSourceChangedSinceIsNotHeldAgainstTheCopy) {
  source_.file("directory/small", "other");
  source_.file("new", "came after the copy");
  std::filesystem::remove(source_ / "symlink");
  const VerifyResult& verified = workload_.verify(tree_);
  ASSERT_TRUE(verified.status);
  EXPECT_EQ(verified.mismatches.count(), 0u) << text_of(verified.mismatches);
  const std::string text = text_of(verified.problems);
  EXPECT_NE(text.find("changed since it was copied: content"), std::string::npos) << text;
  EXPECT_NE(text.find("/new: changed since it was copied: missing in the copy"), std::string::npos)
      << text;
  EXPECT_NE(text.find("/symlink: changed since it was copied: only in the copy"), std::string::npos)
      << text;
}

TEST_F(VerifyTest, ReadingTheSourceIsNoChange) {
  // Goal: a source without O_NOATIME gets new access times from our own reading, which must not
  // count against the copy, nor hide one that is really wrong.
  const timespec later[2] = {{.tv_sec = ::time(nullptr) + 1, .tv_nsec = 0}, {0, UTIME_OMIT}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (source_ / "sparse").c_str(), later, 0), 0);
  const VerifyResult& verified = workload_.verify(tree_);
  EXPECT_EQ(verified.mismatches.count(), 0u) << text_of(verified.mismatches);
}

TEST_F(VerifyTest, SeveralReadsAreInFlight) {
  tree_.delay = milliseconds(2);
  tree_.calls_most = 0;
  workload_.verify(tree_);
  EXPECT_GE(tree_.calls_most, 3u);
  EXPECT_LE(tree_.calls_most, tree_.calls_at_once);
}

TEST_F(VerifyTest, OneReadAtATimeIsEnough) {
  tree_.calls_at_once = 1;
  tree_.delay = milliseconds(1);
  const VerifyResult& verified = workload_.verify(tree_);
  EXPECT_EQ(verified.mismatches.count(), 0u) << text_of(verified.mismatches);
  EXPECT_EQ(tree_.calls_most, 1u);
}

TEST_F(VerifyTest, CancellingEndsIt) {
  workload_.cancelled = true;
  const VerifyResult& verified = workload_.verify(tree_);
  ASSERT_FALSE(verified.status);
  EXPECT_EQ(verified.status.error().kind, ErrorKind::cancelled);
}

}  // namespace
}  // namespace holdfast::initiator
