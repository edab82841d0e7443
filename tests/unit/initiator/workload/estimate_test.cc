#include "initiator/workload/estimate.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/units.h"
#include "tests/support/nasty_tree.h"
#include "tests/unit/initiator/workload/scratch.h"

namespace holdfast::initiator {
namespace {

TEST(Space, FilesTakeWholeBlocksAndExtents) {
  EXPECT_EQ(file_space({}), 0u);
  EXPECT_EQ(file_space({{0, 1}}), 4096u);
  EXPECT_EQ(file_space({{0, 4097}}), 8192u);
  EXPECT_EQ(file_space({{0, 512 * MiB}}), 512 * MiB);             // Four extents fit in the inode,
  EXPECT_EQ(file_space({{0, 513 * MiB}}), 513 * MiB + 2 * 4096);  // five do not.
  std::vector<DataRange> many;
  for (std::uint64_t i = 0; i < 1000; ++i) many.push_back({i * 8192, 4096});
  EXPECT_EQ(file_space(many), 1000 * 4096 + 4 * 4096u);
}

TEST(Space, DirectoriesSymlinksAndXattrs) {
  EXPECT_EQ(directory_space(0), 4096u);
  EXPECT_EQ(directory_entry_bytes(1), 12u);
  EXPECT_EQ(directory_entry_bytes(255), 264u);
  EXPECT_GE(directory_space(1000 * directory_entry_bytes(255)), 1000 * 264u);
  EXPECT_EQ(symlink_space(59), 0u);
  EXPECT_EQ(symlink_space(60), 4096u);
  EXPECT_EQ(xattr_space(0), 0u);
  EXPECT_EQ(xattr_space(91), 4096u);
}

TEST(Estimate, CountsEachFileOnceAndHolesNotAtAll) {
  const Scratch source;
  source.directory("directory");
  source.file("directory/file", std::string(10'000, 'x'));
  std::filesystem::create_hard_link(source / "directory/file", source / "again");
  std::filesystem::create_symlink("x", source / "symlink");
  const int sparse = ::open((source / "sparse").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
  ASSERT_EQ(::pwrite(sparse, "end", 3, 1 << 30), 3);
  ::close(sparse);
  Workload workload(source.path());
  ASSERT_TRUE(workload.look());
  const SourceEstimate& estimate = workload.estimate;
  EXPECT_EQ(estimate.directories, 2u);
  EXPECT_EQ(estimate.files, 2u);
  EXPECT_EQ(estimate.others, 1u);
  EXPECT_EQ(estimate.links, 1u);
  EXPECT_EQ(estimate.entries(), 6u);
  EXPECT_EQ(estimate.data_bytes, 10'003u);
  EXPECT_EQ(estimate.space_bytes, (3 + 1 + 2) * 4096u);  // Two files and two directories.
}

TEST(Estimate, ACancelledOneSaysSo) {
  const Scratch source;
  Workload workload(source.path());
  workload.cancelled = true;
  const Status status = workload.look();
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().kind, ErrorKind::cancelled);
}

}  // namespace
}  // namespace holdfast::initiator
