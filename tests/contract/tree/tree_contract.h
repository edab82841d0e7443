#pragma once

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <vector>

#include "common/base/units.h"
#include "tests/contract/tree/subject.h"

// What every tree promises, as one body of tests that runs against every implementation. Each test
// fills an empty tree, closes it, lets a judge who is not ours look at it, and reads it back in a
// new session.

namespace holdfast::initiator {

using Bytes = std::vector<std::byte>;
using Body = Task<void> (*)(Tree&);

inline Bytes noise(std::size_t bytes, std::uint64_t seed) {
  Bytes made(bytes);
  std::mt19937_64 random(seed);
  for (std::size_t at = 0; at < bytes; at += sizeof(std::uint64_t)) {
    const std::uint64_t word = random();
    std::memcpy(made.data() + at, &word, std::min(sizeof word, bytes - at));
  }
  return made;
}

inline Attributes attributes_of(std::uint32_t mode) {
  Attributes attributes;
  attributes.mode = mode;
  attributes.uid = 1000;
  attributes.gid = 100;
  attributes.accessed = {1'700'000'000, 123'456'789};
  attributes.modified = {1'600'000'000, 987'654'321};
  return attributes;
}

/// Whether the tree says that it cannot carry this. It is said in the test's output too, so that nobody
/// takes a comparison for made that was not.
inline bool lacks(const Tree& tree, Shortcoming::Of what) {
  for (const Shortcoming& one : tree.shortcomings()) {
    if (one.of != what) continue;
    std::cout << "not compared: " << one.reason << "\n";
    return true;
  }
  return false;
}

inline void expect_same_time(const Tree& tree, const FileTime& got, const FileTime& expected,
                             const std::string& what) {
  EXPECT_EQ(got.seconds, expected.seconds) << what;
  if (lacks(tree, Shortcoming::Of::nanoseconds)) return;
  EXPECT_EQ(got.nanoseconds, expected.nanoseconds) << what;
}

/// What must be the same; links are compared where a test speaks of them.
inline void expect_same(const Tree& tree, const Attributes& got, const Attributes& expected,
                        const std::string& what) {
  EXPECT_EQ(got.mode, expected.mode) << what;
  if (!lacks(tree, Shortcoming::Of::owners)) {
    EXPECT_EQ(got.uid, expected.uid) << what;
    EXPECT_EQ(got.gid, expected.gid) << what;
  }
  const bool times = !S_ISLNK(expected.mode) || !lacks(tree, Shortcoming::Of::symlink_times);
  if (times) expect_same_time(tree, got.modified, expected.modified, what);
  if (times && !lacks(tree, Shortcoming::Of::access_times))
    expect_same_time(tree, got.accessed, expected.accessed, what);
  EXPECT_EQ(got.device, expected.device) << what;
  EXPECT_EQ(got.xattrs, expected.xattrs) << what;
  if (S_ISREG(expected.mode)) {
    EXPECT_EQ(got.bytes, expected.bytes) << what;
  }
}

class TreeContract : public testing::TestWithParam<TreeSubjectCase> {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Loop>> created = Loop::create();
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
    subject_ = GetParam().make();
    const std::string reason = subject_->prepare(*loop_);
    if (!reason.empty()) GTEST_SKIP() << reason;
    limits = subject_->limits();
  }
  void TearDown() override {
    subject_.reset();
    loop_.reset();
  }

  /// Of the subject under test.
  static inline TreeLimits limits;

  void fill_and_read(Body fill, Body read) {
    loop_->run(with_tree(true, fill));
    const std::string complaint = subject_->judge();
    EXPECT_TRUE(complaint.empty()) << complaint;
    if (!HasFailure()) loop_->run(with_tree(false, read));
  }

 private:
  Task<void> with_tree(bool make, Body body) {
    Task<Result<std::unique_ptr<Tree>>> opening = make ? subject_->make() : subject_->reopen();
    Result<std::unique_ptr<Tree>> tree = co_await opening;
    if (!tree) {
      ADD_FAILURE() << tree.error().message;
      co_return;
    }
    co_await body(**tree);
    const Status closed = co_await (*tree)->close();
    EXPECT_TRUE(closed) << closed.error().message;
  }

  std::unique_ptr<Loop> loop_;
  std::unique_ptr<TreeSubject> subject_;
};

// The verbs, for tests that expect them to succeed.

inline Task<NodeId> put_directory(Tree& tree, NodeId parent, std::string_view called) {
  const std::string name(called);
  const Attributes attributes = attributes_of(S_IFDIR | 0755);
  const Result<NodeId> made = co_await tree.make_directory(parent, name, attributes);
  EXPECT_TRUE(made) << name << ": " << made.error().message;
  co_return made ? *made : NodeId{0};
}

inline Task<NodeId> put_file(Tree& tree, NodeId parent, const std::string& name,
                             const Attributes& attributes, const Bytes& content) {
  const DataRange whole{0, content.size()};
  const std::span<const DataRange> ranges(&whole, content.empty() ? 0 : 1);
  const Result<NodeId> made = co_await tree.create_file(parent, name, attributes, ranges, 1);
  EXPECT_TRUE(made) << name << ": " << made.error().message;
  if (!made) co_return NodeId{0};
  constexpr std::size_t piece = 256 * KiB;
  for (std::size_t at = 0; at < content.size(); at += piece) {
    const auto part = std::span(content).subspan(at, std::min(piece, content.size() - at));
    const Status written = co_await tree.write(*made, at, part);
    EXPECT_TRUE(written) << name << ": " << written.error().message;
  }
  const Status finished = co_await tree.finish_file(*made);
  EXPECT_TRUE(finished) << name << ": " << finished.error().message;
  co_return *made;
}

inline Task<NodeId> put_small_file(Tree& tree, NodeId parent, std::string_view called,
                                   std::string_view text) {
  const std::string name(called);
  Attributes attributes = attributes_of(S_IFREG | 0644);
  attributes.bytes = text.size();
  Bytes content(text.size());
  std::transform(text.begin(), text.end(), content.begin(),
                 [](char letter) { return static_cast<std::byte>(letter); });
  const NodeId made = co_await put_file(tree, parent, name, attributes, content);
  co_return made;
}

using Entries = std::map<std::string, DirectoryEntry>;

inline Task<Entries> entries_of(Tree& tree, NodeId directory) {
  const Result<std::vector<DirectoryEntry>> read = co_await tree.read_directory(directory);
  EXPECT_TRUE(read) << read.error().message;
  Entries entries;
  if (!read) co_return entries;
  for (const DirectoryEntry& entry : *read)
    EXPECT_TRUE(entries.emplace(entry.name, entry).second) << entry.name << " is there twice";
  co_return entries;
}

inline Task<Attributes> attributes_at(Tree& tree, NodeId node) {
  const Result<Attributes> read = co_await tree.read_attributes(node);
  EXPECT_TRUE(read) << read.error().message;
  co_return read ? *read : Attributes{};
}

inline Task<Bytes> content_of(Tree& tree, NodeId node, std::uint64_t from, std::size_t bytes) {
  Bytes content(bytes, std::byte{0x77});
  const Result<std::size_t> got = co_await tree.read(node, from, content, 1);
  EXPECT_TRUE(got) << got.error().message;
  content.resize(got ? *got : 0);
  co_return content;
}

inline auto every_tree() {
  return testing::Values(TreeSubjectCase{"Ext4InMemory", &make_ext4_in_memory},
                         TreeSubjectCase{"Ext4InANarrowPlace", &make_ext4_in_a_narrow_place},
                         TreeSubjectCase{"Ext4OnAnImage", &make_ext4_on_an_image},
                         TreeSubjectCase{"DirectoryOnDisk", &make_directory_on_disk},
                         TreeSubjectCase{"DirectoryOnTmpfs", &make_directory_on_tmpfs},
                         TreeSubjectCase{"DirectoryOnExt4", &make_directory_on_ext4},
                         TreeSubjectCase{"DirectoryOnXfs", &make_directory_on_xfs},
                         TreeSubjectCase{"Nfs4OnGanesha", &make_nfs4_on_ganesha},
                         TreeSubjectCase{"Nfs3OnGanesha", &make_nfs3_on_ganesha},
                         TreeSubjectCase{"DirectoryOnFuse", &make_directory_on_fuse});
}

inline std::string name_of(const testing::TestParamInfo<TreeSubjectCase>& subject) {
  return subject.param.name;
}

}  // namespace holdfast::initiator
