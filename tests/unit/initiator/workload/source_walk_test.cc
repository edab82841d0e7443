#include "initiator/workload/source_walk.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "tests/support/nasty_tree.h"
#include "tests/unit/initiator/workload/scratch.h"

namespace holdfast::initiator {
namespace {

struct Walked {
  std::vector<std::string> steps;  // "+path/" and "-path/" for directories, else "path"
  std::vector<SourceProblem> problems;
  std::size_t open_most = 0;  // descriptors
};

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    ++count;
  return count;
}

/// Walks all of `source`; `at` is told each path before the walk goes on.
Walked walk(const std::string& source, const std::function<void(const std::string&)>& at = {}) {
  Walked walked;
  SourceOptions options;
  options.path = source;
  Result<std::unique_ptr<SourceWalk>> opened = SourceWalk::open(options, false);
  EXPECT_TRUE(opened);
  bool more = true;
  while (more) {
    std::vector<SourceEntry> entries;
    more = (*opened)->step(entries, walked.problems);
    for (const SourceEntry& entry : entries) {
      const std::string path = entry.path();
      std::string step = path.substr(source.size());
      if (entry.kind == EntryKind::directory) step = "+" + step;
      if (entry.kind == EntryKind::directory_end) step = "-" + step;
      walked.steps.push_back(step);
      if (at) at(path);
    }
    walked.open_most = std::max(walked.open_most, open_descriptors());
  }
  return walked;
}

TEST(SourceWalk, ADirectoryComesBeforeItsEntriesAndOnceMoreAfter) {
  const Scratch source;
  source.directory("a/b");
  source.file("a/b/c", "c");
  const Walked walked = walk(source.path());
  EXPECT_EQ(walked.steps,
            (std::vector<std::string>{"+", "+/a", "+/a/b", "/a/b/c", "-/a/b", "-/a", "-"}));
  EXPECT_TRUE(walked.problems.empty());
}

TEST(SourceWalk, PathsMayBeLongerThanTheKernelAllowsAndDescriptorsStayFew) {
  // Goal: 70 levels of 200 bytes each, all of it found, with a bounded number of open directories,
  // and every level's later entries too, which are read after the way back up.
  const Scratch source;
  test::make_nasty_tree(source.path(), {.long_paths = true, .wide = 1});
  const std::size_t before = open_descriptors();
  const Walked walked = walk(source.path());
  EXPECT_TRUE(walked.problems.empty())
      << walked.problems.front().path.size() << " " << walked.problems.front().reason;
  const auto named = [&walked](const std::string& name) {
    return std::count_if(walked.steps.begin(), walked.steps.end(),
                         [&name](const std::string& step) { return step.ends_with("/" + name); });
  };
  EXPECT_EQ(named("before"), 70);
  EXPECT_EQ(named("late"), 70);
  EXPECT_EQ(named("bottom"), 1);
  EXPECT_LE(walked.open_most - before, DirectoryWalk::open_max + 8);
  EXPECT_EQ(open_descriptors(), before);
}

TEST(SourceWalk, ARenameAboveDoesNoHarm) {
  const Scratch source;
  source.directory("a/b/c");
  source.file("a/b/c/file", "x");
  const Walked walked = walk(source.path(), [&source](const std::string& reached) {
    if (reached == source / "a/b" && std::filesystem::exists(source / "a"))
      std::filesystem::rename(source / "a", source / "renamed");
  });
  EXPECT_NE(std::find(walked.steps.begin(), walked.steps.end(), "/a/b/c/file"), walked.steps.end());
}

TEST(SourceWalk, ADirectoryThatMovesAwayFarBelowIsFoundAgainAbove) {
  // Goal: the way back up does not end in a foreign directory. Method: the deepest directory of a
  // tree, whose upper levels are closed by then, is moved to the top while the walk is inside it.
  const Scratch source;
  std::string path = "top";
  for (int level = 0; level < 50; ++level) path += "/d";
  source.directory(path);
  for (std::string at = "top"; at.size() <= path.size(); at += "/d") source.file(at + "/file", "x");
  const Walked walked = walk(source.path(), [&](const std::string& reached) {
    if (reached == source / path && std::filesystem::exists(source / path))
      std::filesystem::rename(source / path, source / "elsewhere");
  });
  std::size_t files = 0;
  for (const std::string& step : walked.steps) files += step.ends_with("/file") ? 1u : 0u;
  EXPECT_GE(files, 51u);
}

TEST(SourceWalk, FurtherNamesAreLinksAndTheTableForgetsCompleteFiles) {
  LinkTable table(2);
  const FileIdentity one{.device = 1, .inode = 1};
  const FileIdentity two{.device = 1, .inode = 2};
  const FileIdentity three{.device = 1, .inode = 3};
  EXPECT_EQ(table.find(one), nullptr);
  const auto group = table.add(one, 3);
  ASSERT_NE(table.add(two, 2), nullptr);
  EXPECT_EQ(table.add(three, 2), nullptr) << "the table is full";
  EXPECT_EQ(table.find(one), group);
  EXPECT_EQ(table.find(one), group);
  EXPECT_EQ(table.find(one), nullptr) << "all three names were seen";
  EXPECT_NE(table.add(three, 2), nullptr);
}

TEST(SourceDirectory, AVeryDeepOneGoesWithoutDeepRecursion) {
  auto at = std::make_shared<const SourceDirectory>(nullptr, "top");
  for (int level = 0; level < 500'000; ++level)
    at = std::make_shared<const SourceDirectory>(std::move(at), "d");
  EXPECT_EQ(at->name(), "d");
}

}  // namespace
}  // namespace holdfast::initiator
