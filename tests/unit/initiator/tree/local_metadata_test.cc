#include "initiator/tree/local_metadata.h"

#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <thread>
#include <unistd.h>

#include "common/runtime/fd.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::initiator {
namespace {

TEST(WholePages, RangesGrowToPagesAndMeet) {
  EXPECT_EQ(whole_pages({{1000, 10}}, 10'000), (std::vector<DataRange>{{0, 4096}}));
  EXPECT_EQ(whole_pages({{5000, 4000}}, 9000), (std::vector<DataRange>{{4096, 4904}}));
  EXPECT_EQ(whole_pages({{0, 1}, {4096, 1}}, 10'000), (std::vector<DataRange>{{0, 8192}}));
  EXPECT_EQ(whole_pages({{512, 512}, {2048, 512}, {8192, 1}}, 10'000),
            (std::vector<DataRange>{{0, 4096}, {8192, 1808}}));
  EXPECT_TRUE(whole_pages({}, 10'000).empty());
  EXPECT_TRUE(whole_pages({{20'000, 5}}, 10'000).empty());
}

TEST(MapData, FindsTheDataBetweenTheHoles) {
  const TemporaryFolder folder;
  const Fd file(::open(folder.file("file").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_EQ(::pwrite(file.get(), "x", 1, 1 << 20), 1);
  ASSERT_EQ(::pwrite(file.get(), "x", 1, 3 << 20), 1);
  ASSERT_EQ(::ftruncate(file.get(), 5 << 20), 0);
  EXPECT_EQ(map_data(file.get(), 5 << 20),
            (std::vector<DataRange>{{1 << 20, 4096}, {3 << 20, 4096}}));
  EXPECT_TRUE(map_data(file.get(), 0).empty());
}

TEST(MapData, AFilesystemThatCannotTellHasNoHoles) {
  const Fd pipe_like(::open("/proc/self/status", O_RDONLY | O_CLOEXEC));
  if (!pipe_like) GTEST_SKIP() << "no /proc";
  EXPECT_EQ(map_data(pipe_like.get(), 100), (std::vector<DataRange>{{0, 100}}));
}

TEST(KeptXattrs, ThoseThatCpKeeps) {
  for (const char* name : {"user.x", "trusted.x", "security.capability", "system.posix_acl_access",
                           "system.posix_acl_default"})
    EXPECT_TRUE(is_kept_xattr(name)) << name;
  for (const char* name :
       {"system.nfs4_acl", "trusted.SGI_ACL_FILE", "btrfs.compression", "users.x"})
    EXPECT_FALSE(is_kept_xattr(name)) << name;
}

TEST(Xattrs, ThePathsOfBothWaysLeadToTheSame) {
  // Goal: the fallback for where a thread may not have a directory of its own. The first way moves
  // the thread's directory, so it gets a thread.
  const TemporaryFolder folder;
  folder.make_file("file", 1);
  const std::string large(5000, 'v');
  if (::setxattr(folder.file("file").c_str(), "user.one", "value", 5, 0) != 0)
    GTEST_SKIP() << "no user xattrs here";
  const Fd directory(::open(folder.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::map<std::string, std::string> expected = {{"user.one", "value"}};

  std::map<std::string, std::string> by_proc;
  XattrReader proc_reader(false);
  const Status by_proc_read = proc_reader.read_at(directory.get(), "file", by_proc);
  EXPECT_TRUE(by_proc_read) << by_proc_read.error().message;
  EXPECT_EQ(by_proc, expected);

  std::map<std::string, std::string> by_directory;
  bool separated = false;
  const std::filesystem::path before = std::filesystem::current_path();
  std::thread([&] {
    separated = separate_working_directory();
    XattrReader reader(separated);
    EXPECT_TRUE(reader.read_at(directory.get(), "file", by_directory));
  }).join();
  EXPECT_EQ(by_directory, expected);
  EXPECT_EQ(std::filesystem::current_path(), before);
  if (!separated) GTEST_SKIP() << "a thread may not have a directory of its own here";
}

TEST(Xattrs, ManyNamesArriveWhole) {
  const TemporaryFolder folder;
  folder.make_file("file", 1);
  std::map<std::string, std::string> expected;
  const Fd file(::open(folder.file("file").c_str(), O_RDONLY | O_CLOEXEC));
  for (int i = 0; i < 60; ++i) {
    const std::string name = "user.a_name_that_is_long_enough_" + std::to_string(i);
    if (::fsetxattr(file.get(), name.c_str(), "v", 1, 0) != 0) break;
    expected[name] = "v";
  }
  if (expected.size() < 20) GTEST_SKIP() << "this filesystem holds too few xattrs";
  std::map<std::string, std::string> found;
  XattrReader reader(false);
  ASSERT_TRUE(reader.read(file.get(), found));
  EXPECT_EQ(found, expected);
}

}  // namespace
}  // namespace holdfast::initiator
