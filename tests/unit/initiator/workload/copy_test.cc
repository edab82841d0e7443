#include "initiator/workload/copy.h"

#include <algorithm>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/nasty_tree.h"
#include "tests/unit/initiator/workload/scratch.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;

std::string reason_of(const CopyResult& result, const std::string& path) {
  for (const SourceProblem& problem : result.problems.kept())
    if (problem.path == path) return problem.reason;
  return "";
}

TEST(Copy, EverythingOfANastyTreeArrives) {
  // Goal: nothing that cp -a keeps is lost. Method: copy into memory, then verify reads it all back
  // and compares it with the source.
  const Scratch source;
  for (const std::string& left_out : test::make_nasty_tree(source.path()))
    std::fprintf(stderr, "left out of the tree: %s\n", left_out.c_str());
  Workload workload(source.path());
  MemoryTree tree(workload.loop());

  const CopyResult& copied = workload.copy(tree);
  ASSERT_TRUE(copied.status) << copied.status.error().message;
  EXPECT_EQ(copied.problems.count(), 0u) << text_of(copied.problems);
  EXPECT_TRUE(tree.synced);
  EXPECT_TRUE(tree.closed);
  EXPECT_EQ(copied.directories, workload.estimate.directories);
  EXPECT_EQ(copied.files, workload.estimate.files);
  EXPECT_EQ(copied.others, workload.estimate.others);
  EXPECT_EQ(copied.links, workload.estimate.links);
  EXPECT_EQ(copied.data_bytes, workload.estimate.data_bytes);
  EXPECT_EQ(workload.progress.entries_done, workload.estimate.entries());

  const VerifyResult& verified = workload.verify(tree);
  ASSERT_TRUE(verified.status) << verified.status.error().message;
  EXPECT_EQ(verified.mismatches.count(), 0u) << text_of(verified.mismatches);
  EXPECT_EQ(verified.problems.count(), 0u) << text_of(verified.problems);
  EXPECT_EQ(verified.entries, workload.estimate.entries());
  EXPECT_EQ(verified.data_bytes, workload.estimate.data_bytes);
}

TEST(Copy, TheTreeHoldsWhatTheSourceHolds) {
  // Goal: the two halves are not wrong in the same way. Method: a few nodes looked at by hand.
  const Scratch source;
  test::make_nasty_tree(source.path(), {.long_paths = false, .wide = 10});
  Workload workload(source.path());
  MemoryTree tree(workload.loop());
  ASSERT_TRUE(workload.copy(tree).status);

  ASSERT_NE(tree.find("plain/bytes_4097"), nullptr);
  EXPECT_EQ(tree.find("plain/bytes_4097")->content(), test::noise(6, 4097));
  EXPECT_EQ(tree.find("links/three_names"), tree.find("links_too/third"));
  EXPECT_EQ(tree.find("links/three_names")->attributes.links, 3u);
  EXPECT_EQ(tree.find("links/symlink"), tree.find("links_too/same_symlink"));
  EXPECT_EQ(tree.find("symlinks/to_nowhere")->target, "no/such/thing");
  EXPECT_EQ(tree.find("sparse/hole_at_start")->ranges,
            (std::vector<DataRange>{{.offset = 1 << 20, .bytes = 10'000}}));
  EXPECT_TRUE(tree.find("sparse/only_hole")->ranges.empty());
  EXPECT_EQ(tree.find("modes/setuid")->attributes.mode, S_IFREG | 04755u);
  EXPECT_EQ(tree.find("times/1902")->attributes.modified,
            (FileTime{.seconds = -2'145'000'000, .nanoseconds = 123'456'789}));
  EXPECT_EQ(tree.find("times")->attributes.modified,
            (FileTime{.seconds = 1'300'000'000, .nanoseconds = 42}));
  EXPECT_EQ(tree.at(tree.root()).attributes.mode, S_IFDIR | 0751u);
  EXPECT_NE(tree.find("names/\xff\xfe\x80"), nullptr);
}

TEST(Copy, ATooSmallTreeIsRefusedBeforeAnythingIsWritten) {
  const Scratch source;
  source.file("large", std::string(3 << 20, 'x'));
  Workload workload(source.path());
  MemoryTree tree(workload.loop());
  tree.free = 2 << 20;
  const CopyResult& copied = workload.copy(tree);
  ASSERT_FALSE(copied.status);
  EXPECT_EQ(copied.status.error().kind, ErrorKind::out_of_space);
  EXPECT_EQ(copied.status.error().message,
            "the source needs 4 MiB, but the destination has room for 2 MiB");
  EXPECT_EQ(tree.find("large"), nullptr);
  EXPECT_TRUE(tree.closed);
}

TEST(Copy, AFileThatShrinksIsNamedAndTheRestGoesOn) {
  const Scratch source;
  source.file("a_first", "first");
  source.file("shrinks", std::string(8 << 20, 's'));
  source.file("z_last", "last");
  Workload workload(source.path());
  MemoryTree tree(workload.loop());
  tree.on_write = [&source, done = false]() mutable {
    if (!done) std::filesystem::resize_file(source / "shrinks", 100'000);
    done = true;
  };
  // The stream reads ahead, up to its memory, so the end of the file is not yet read then.
  source.file("shrinks", std::string(32 << 20, 's'));
  const CopyResult& copied = workload.copy(tree);
  ASSERT_TRUE(copied.status) << copied.status.error().message;
  EXPECT_EQ(copied.files, 3u);
  EXPECT_EQ(reason_of(copied, source / "shrinks"), "became shorter while it was read")
      << text_of(copied.problems);
  EXPECT_EQ(tree.find("z_last")->content(), "last");
  EXPECT_EQ(tree.find("shrinks")->content().size(), 32u << 20);

  const VerifyResult& verified = workload.verify(tree);
  EXPECT_EQ(verified.mismatches.count(), 0u) << text_of(verified.mismatches);
}

TEST(Copy, AFileThatIsWrittenWhileItIsCopiedIsNamed) {
  const Scratch source;
  source.file("grows", std::string(20 << 20, 'g'));
  Workload workload(source.path());
  MemoryTree tree(workload.loop());
  tree.on_write = [&source] {
    std::ofstream(source / "grows", std::ios::binary | std::ios::app) << "more";
  };
  const CopyResult& copied = workload.copy(tree);
  ASSERT_TRUE(copied.status);
  EXPECT_EQ(reason_of(copied, source / "grows"), "changed while it was read");
  EXPECT_EQ(tree.find("grows")->content(), std::string(20 << 20, 'g'));
}

TEST(Copy, ANameThatVanishesIsNamed) {
  // The walk stands still while its queue is full, so the names at the end go before it gets there.
  const Scratch source;
  for (int i = 0; i < 600; ++i) source.file("file_" + std::to_string(i), "content");
  Workload workload(source.path());
  MemoryTree tree(workload.loop());
  std::uint64_t removed = 0;
  tree.on_write = [&source, &removed, done = false]() mutable {
    if (done) return;
    done = true;
    for (const auto& entry : std::filesystem::directory_iterator(source.path()))
      removed += std::filesystem::remove(entry.path()) ? 1 : 0;
  };
  const CopyResult& copied = workload.copy(tree);
  ASSERT_TRUE(copied.status);
  EXPECT_EQ(removed, 600u);
  EXPECT_GT(copied.problems.count(), 0u);
  EXPECT_LT(copied.files, 600u);
  const std::string text = text_of(copied.problems);
  EXPECT_NE(text.find("No such file or directory"), std::string::npos) << text;
  EXPECT_NE(text.find("entries may have come or gone"), std::string::npos) << text;
}

TEST(Copy, TheImageInsideTheSourceIsLeftOut) {
  const Scratch source;
  source.file("image", "the destination itself");
  source.file("other", "other");
  struct stat status {};
  ASSERT_EQ(::stat((source / "image").c_str(), &status), 0);
  Workload workload(source.path());
  workload.options.skip.push_back({.device = status.st_dev, .inode = status.st_ino});
  MemoryTree tree(workload.loop());
  const CopyResult& copied = workload.copy(tree);
  ASSERT_TRUE(copied.status);
  EXPECT_EQ(workload.estimate.files, 1u);
  EXPECT_EQ(copied.files, 1u);
  EXPECT_EQ(tree.find("image"), nullptr);
  EXPECT_EQ(reason_of(copied, source / "image"), "is what is being written to; left out");
  EXPECT_EQ(workload.verify(tree).mismatches.count(), 0u) << text_of(workload.verified.mismatches);
  EXPECT_EQ(workload.verified.problems.count(), 0u) << "said once is enough";
}

TEST(Copy, WhatTheTreeCannotHoldIsLeftOutByName) {
  const Scratch source;
  source.directory("refused/below");
  source.file("refused/below/file", "x");
  source.file("kept", "kept");
  Workload workload(source.path());
  MemoryTree tree(workload.loop());
  tree.refuse = [](const std::string&, const std::string& name) -> Status {
    if (name != "refused") return {};
    return Error{ErrorKind::refused, 0, "no such name here"};
  };
  const CopyResult& copied = workload.copy(tree);
  ASSERT_TRUE(copied.status);
  EXPECT_EQ(copied.problems.count(), 1u) << text_of(copied.problems);
  EXPECT_EQ(reason_of(copied, source / "refused"), "left out: no such name here");
  EXPECT_EQ(tree.find("kept")->content(), "kept");
  EXPECT_EQ(workload.verify(tree).mismatches.count(), 0u) << text_of(workload.verified.mismatches);
}

TEST(Copy, ADirectoryWhoseAttributesAreRefusedIsNamedAndAllInItIsCopied) {
  const Scratch source;
  source.directory("sub");
  source.file("sub/file", "kept");
  Workload workload(source.path());
  MemoryTree tree(workload.loop());
  tree.refuse = [](const std::string& verb, const std::string&) -> Status {
    if (verb != "set_attributes") return {};
    return Error{ErrorKind::refused, EPERM, "set attributes: Operation not permitted"};
  };
  const CopyResult& copied = workload.copy(tree);
  ASSERT_TRUE(copied.status) << copied.status.error().message;
  EXPECT_EQ(copied.problems.count(), 2u) << text_of(copied.problems);
  EXPECT_EQ(reason_of(copied, source / "sub"), "attributes left out: set attributes: Operation not permitted");
  EXPECT_EQ(tree.find("sub/file")->content(), "kept");
  EXPECT_EQ(workload.verify(tree).mismatches.count(), 0u) << text_of(workload.verified.mismatches);
}

TEST(Copy, AFileWhoseXattrsFindNoRoomIsCopiedWithoutThem) {
  const Scratch source;
  const auto left_out = test::make_nasty_tree(source.path(), {.long_paths = false, .wide = 1});
  Workload workload(source.path());
  MemoryTree tree(workload.loop());
  tree.refuse = [tries = 0](const std::string& verb, const std::string& name) mutable -> Status {
    if (verb != "create_file" || name != "needs_a_block" || tries++ > 0) return {};
    return Error{ErrorKind::out_of_space, 0, "too large"};
  };
  const CopyResult& copied = workload.copy(tree);
  ASSERT_TRUE(copied.status);
  if (std::any_of(left_out.begin(), left_out.end(),
                  [](const std::string& one) { return one.starts_with("user."); }))
    GTEST_SKIP() << "no user xattrs on this filesystem";
  EXPECT_EQ(reason_of(copied, source / "xattrs/needs_a_block"),
            "extended attributes left out: too large");
  ASSERT_NE(tree.find("xattrs/needs_a_block"), nullptr);
  EXPECT_TRUE(tree.find("xattrs/needs_a_block")->attributes.xattrs.empty());
  EXPECT_EQ(workload.verify(tree).mismatches.count(), 0u) << text_of(workload.verified.mismatches);
}

TEST(Copy, ATransportThatFailsEndsTheCopy) {
  const Scratch source;
  source.file("large", std::string(40 << 20, 'x'));
  Workload workload(source.path());
  MemoryTree tree(workload.loop());
  tree.refuse = [writes = 0](const std::string& verb, const std::string&) mutable -> Status {
    if (verb != "write" || ++writes < 5) return {};
    return Error{ErrorKind::system, EIO, "write: Input/output error"};
  };
  const CopyResult& copied = workload.copy(tree);
  ASSERT_FALSE(copied.status);
  EXPECT_EQ(copied.status.error().message, "write: Input/output error");
  EXPECT_TRUE(tree.closed);
  EXPECT_FALSE(tree.synced);
}

TEST(Copy, CancellingStopsInMidFile) {
  const Scratch source;
  source.file("large", std::string(40 << 20, 'x'));
  Workload workload(source.path());
  MemoryTree tree(workload.loop());
  tree.calls_at_once = 1;
  tree.on_write = [&workload, writes = 0]() mutable {
    if (++writes == 3) workload.cancelled = true;
  };
  const CopyResult& copied = workload.copy(tree);
  ASSERT_FALSE(copied.status);
  EXPECT_EQ(copied.status.error().kind, ErrorKind::cancelled);
  EXPECT_EQ(copied.data_bytes, 3u << 20);
  EXPECT_TRUE(tree.closed);
}

TEST(Copy, ASourceThatIsNoDirectoryIsSaidBeforehand) {
  const Scratch source;
  source.file("file", "x");
  Workload file(source / "file");
  const Status no_directory = file.look();
  ASSERT_FALSE(no_directory);
  EXPECT_EQ(no_directory.error().message, source / "file" + ": Not a directory");
}

TEST(Copy, ASourceThatIsNotThereIsSaidBeforehand) {
  const Scratch source;
  Workload missing(source / "missing");
  const Status none = missing.look();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message, source / "missing" + ": No such file or directory");
}

/// Copies as an ordinary user, in a child. Returns 0, or the number of the expectation that failed.
int copy_unprivileged(const std::string& source) {
  if (::setgid(65534) != 0 || ::setuid(65534) != 0) return 1;
  Workload workload(source);
  MemoryTree tree(workload.loop());
  const CopyResult& copied = workload.copy(tree);
  if (!copied.status) return 2;
  if (copied.problems.count() != 2) return 3;
  if (reason_of(copied, source + "/secret") != "Permission denied") return 4;
  if (reason_of(copied, source + "/closed") != "Permission denied") return 5;
  if (tree.find("secret") != nullptr || tree.find("open") == nullptr) return 6;
  // The closed directory is there, with its attributes, as with cp -a.
  if (tree.find("closed") == nullptr || tree.find("closed")->attributes.mode != (S_IFDIR | 0700u))
    return 7;
  if (workload.verify(tree).mismatches.count() != 0) return 8;
  return 0;
}

TEST(Copy, WhatMayNotBeReadIsNamedAndTheRestGoesOn) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to make files that somebody else may not read";
  const Scratch source;
  source.file("open", "open");
  source.file("secret", "secret");
  source.directory("closed");
  source.file("closed/inside", "inside");
  ASSERT_EQ(::chmod(source.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod((source / "secret").c_str(), 0600), 0);
  ASSERT_EQ(::chmod((source / "closed").c_str(), 0700), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(copy_unprivileged(source.path()));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << "the number of the check that failed";
}

}  // namespace
}  // namespace holdfast::initiator
