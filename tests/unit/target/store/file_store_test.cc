#include "target/store/file_store.h"

#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/units.h"
#include "tests/support/loop_device.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::target {
namespace {

class FileStoreTest : public testing::Test {
 protected:
  /// Why `path` cannot be served; empty when it can.
  static std::string refusal(const std::string& path, bool as_device = false,
                             const StoreOpenOptions& options = {}) {
    auto opened = as_device ? open_block_store(path, options) : open_file_store(path, options);
    return opened ? "" : opened.error().message;
  }
  TemporaryFolder folder_;
};

TEST_F(FileStoreTest, ARegularFileIsMeasured) {
  const std::string path = folder_.make_file("a.img", 3 * MiB + 512);
  auto opened = open_file_store(path);
  ASSERT_TRUE(opened) << opened.error().message;
  const DescriptorStore& store = **opened;
  EXPECT_EQ(store.size(), 3 * MiB + 512);
  EXPECT_FALSE(store.read_only());
  EXPECT_TRUE(store.has_volatile_cache());
  EXPECT_EQ(store.logical_block_bytes(), 512u);
  EXPECT_EQ(store.describe(), "file " + path);
}

TEST_F(FileStoreTest, AFileThatHasGrownIsMeasuredAnewAndServedWhenAsked) {
  const std::string path = folder_.make_file("a.img", MiB);
  auto opened = open_file_store(path);
  ASSERT_TRUE(opened) << opened.error().message;
  std::filesystem::resize_file(path, 2 * MiB);
  EXPECT_EQ((*opened)->measure().value(), 2 * MiB);
  EXPECT_EQ((*opened)->size(), MiB) << "nobody was told yet";
  (*opened)->set_size(2 * MiB);
  EXPECT_EQ((*opened)->size(), 2 * MiB);
}

TEST_F(FileStoreTest, ADeviceIsMeasured) {
  for (std::uint32_t block_bytes : {512u, 4096u}) {
    auto device = LoopDevice::attach(folder_.make_file("disk.img", 4 * MiB), block_bytes);
    if (!device) GTEST_SKIP() << "no loop device: " << device.error().message;
    const std::string& path = (*device)->path();
    for (bool as_device : {false, true}) {
      auto opened = as_device ? open_block_store(path) : open_file_store(path);
      ASSERT_TRUE(opened) << opened.error().message;
      const DescriptorStore& store = **opened;
      EXPECT_EQ(store.size(), 4 * MiB);
      EXPECT_EQ(store.logical_block_bytes(), block_bytes);
      EXPECT_GE(store.physical_block_bytes(), block_bytes);
      EXPECT_EQ(store.describe(), "device " + path);
    }
  }
}

TEST_F(FileStoreTest, TheRefusalNamesPathAndReason) {
  const std::string file = folder_.make_file("file", MiB);
  const std::string small = folder_.make_file("small", 511);
  const std::string fifo = folder_.file("fifo");
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  const std::string dangling = folder_.file("dangling");
  ASSERT_EQ(::symlink("nowhere", dangling.c_str()), 0);

  struct Case {
    const char* sentence;
    std::string path;
    bool as_device;
    std::string reason;
  };
  const Case cases[] = {
      {"missing", folder_.file("none"), false, "No such file or directory"},
      {"missing, as a device", folder_.file("none"), true, "No such file or directory"},
      {"a link to nothing", dangling, false, "No such file or directory"},
      {"a path through a file", file + "/x", false, "Not a directory"},
      {"a directory", folder_.path(), false, "is a directory, not a regular file or block device"},
      {"a fifo, which would block", fifo, false, "is a fifo, not a regular file or block device"},
      {"a character device", "/dev/null", false,
       "is a character device, not a regular file or block device"},
      {"a file as a device", file, true, "is a regular file, not a block device"},
      {"too small", small, false, "holds 511 bytes, less than one block of 512"},
      {"a name that is too long", "/" + std::string(300, 'x'), false, "File name too long"},
  };
  for (const Case& tried : cases)
    EXPECT_EQ(refusal(tried.path, tried.as_device), tried.path + ": " + tried.reason)
        << tried.sentence;
}

TEST_F(FileStoreTest, AClaimedDeviceIsBusy) {
  auto device = LoopDevice::attach(folder_.make_file("disk.img", 4 * MiB));
  if (!device) GTEST_SKIP() << "no loop device: " << device.error().message;
  const std::string& path = (*device)->path();
  auto first = open_block_store(path);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE(is_claimed(path));
  EXPECT_EQ(refusal(path, true),
            path + ": Device or resource busy (mounted, or claimed by another program)");
  EXPECT_EQ(refusal(path, true, {.only_look = true}), "") << "a look disturbs nobody";
  first->reset();
  EXPECT_FALSE(is_claimed(path));
  EXPECT_EQ(refusal(path, true), "");
}

TEST_F(FileStoreTest, WhatCannotBeWrittenCanBeServedReadOnly) {
  // A read-only mount stops even root, whom permissions would not.
  const std::string mount_point = folder_.file("mnt");
  std::filesystem::create_directory(mount_point);
  if (::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=1m") != 0)
    GTEST_SKIP() << "cannot mount a tmpfs: " << std::strerror(errno);
  const std::string path = mount_point + "/a.img";
  {
    const Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    EXPECT_EQ(::ftruncate(fd.get(), 65'536), 0);
  }
  EXPECT_EQ(::mount(nullptr, mount_point.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  const std::string reason =
      path + ": Read-only file system (it is to be written; IOMode=ro serves it without)";
  EXPECT_EQ(refusal(path), reason);
  EXPECT_EQ(refusal(path, false, {.only_look = true}), reason);
  {
    auto opened = open_file_store(path, {.read_only = true});
    EXPECT_TRUE(opened) << opened.error().message;
    EXPECT_TRUE(opened && (*opened)->read_only());
  }
  EXPECT_EQ(::umount(mount_point.c_str()), 0);
}

TEST_F(FileStoreTest, EveryPathToAFileHasTheSameIdentity) {
  const std::string path = folder_.make_file("a.img", MiB);
  const std::string hard_link = folder_.file("b.img");
  const std::string symbolic_link = folder_.file("c.img");
  ASSERT_EQ(::link(path.c_str(), hard_link.c_str()), 0);
  ASSERT_EQ(::symlink("a.img", symbolic_link.c_str()), 0);
  const std::string other = folder_.make_file("d.img", MiB);
  const auto identity = identify_store(path);
  ASSERT_TRUE(identity);
  EXPECT_TRUE(identify_store(hard_link) == identity);
  EXPECT_TRUE(identify_store(symbolic_link) == identity);
  EXPECT_TRUE(identify_store(folder_.path() + "/./a.img") == identity);
  EXPECT_FALSE(identify_store(other) == identity);
  EXPECT_FALSE(identify_store(folder_.file("none")));
}

TEST_F(FileStoreTest, EveryNodeOfADeviceHasTheSameIdentity) {
  auto device = LoopDevice::attach(folder_.make_file("disk.img", MiB));
  if (!device) GTEST_SKIP() << "no loop device: " << device.error().message;
  struct stat status {};
  ASSERT_EQ(::stat((*device)->path().c_str(), &status), 0);
  const std::string node = folder_.file("node");
  if (::mknod(node.c_str(), S_IFBLK | 0600, status.st_rdev) != 0)
    GTEST_SKIP() << "cannot make a device node: " << std::strerror(errno);
  EXPECT_TRUE(identify_store(node) == identify_store((*device)->path()));
}

}  // namespace
}  // namespace holdfast::target
