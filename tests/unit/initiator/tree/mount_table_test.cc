#include "initiator/tree/mount_table.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "common/runtime/fd.h"

namespace holdfast::initiator {
namespace {

constexpr const char* table =
    "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n"
    "40 22 0:35 / /mnt/with\\040blank rw,nosuid shared:7 master:1 - nfs4 server:/my\\040export rw,vers=4.2,rsize=1048576\n"
    "41 22 0:36 / /mnt/fuse rw - fuse.sshfs user@host: rw,user_id=0\n"
    "50 22 0:37 / /mnt/cut rw - tmpfs\n";

TEST(MountTable, AMountIsFoundByItsNumber) {
  const auto root = find_mount(table, 22);
  ASSERT_TRUE(root);
  EXPECT_EQ(root->type, "ext4");
  EXPECT_EQ(root->source, "/dev/vda");
  EXPECT_EQ(root->options, "rw,discard");
}

TEST(MountTable, OptionalFieldsAreSkippedAndBlanksReadBack) {
  const auto nfs = find_mount(table, 40);
  ASSERT_TRUE(nfs);
  EXPECT_EQ(nfs->type, "nfs4");
  EXPECT_EQ(nfs->source, "server:/my export");
  EXPECT_EQ(nfs->options, "rw,vers=4.2,rsize=1048576");
}

TEST(MountTable, WhatIsNotThereIsNotFound) {
  EXPECT_FALSE(find_mount(table, 4));
  EXPECT_FALSE(find_mount(table, 50)) << "a line that ends too early";
  EXPECT_FALSE(find_mount("", 22));
}

TEST(MountTable, AnOpenFilesMountAndPathAreToldByTheKernel) {
  const Fd proc(::open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!proc) GTEST_SKIP() << "no /proc";
  const auto mount = mount_of(proc.get());
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->type, "proc");
  const Fd root(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_EQ(path_of_open_file(root.get()).value_or(""), "/");
}

}  // namespace
}  // namespace holdfast::initiator
