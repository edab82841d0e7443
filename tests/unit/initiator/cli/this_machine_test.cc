#include "initiator/cli/this_machine.h"

#include <gtest/gtest.h>

namespace holdfast::initiator {
namespace {

TEST(ThisMachine, IsFoundOut) {
  const Machine machine = this_machine();
  EXPECT_FALSE(machine.kernel.empty());
  EXPECT_GE(machine.cores, 1U);
  EXPECT_GT(machine.memory_bytes, 1'000'000U);
}

TEST(WithoutPassword, LeavesOutNothingElse) {
  EXPECT_EQ(without_password("iscsi://user%secret@host:3260/iqn/0"), "iscsi://user@host:3260/iqn/0");
  EXPECT_EQ(without_password("nbd://user:secret@host/export"), "nbd://user@host/export");
  EXPECT_EQ(without_password("iscsi://user%p%40ss@host/iqn/0"), "iscsi://user@host/iqn/0");
  EXPECT_EQ(without_password("iscsi://user%a@b@host/iqn/0"), "iscsi://user@host/iqn/0") << "the last @ counts";
  for (const char* word : {"iscsi://user@host:3260/iqn/0", "iscsi://host:3260/iqn%x@y/0", "nfs://[::1]/export?a=b@c:d",
                           "nfs://host/a:b@c", "/usr/include", "a%b@c", "--json", "", "://"})
    EXPECT_EQ(without_password(word), word);
}

}  // namespace
}  // namespace holdfast::initiator
