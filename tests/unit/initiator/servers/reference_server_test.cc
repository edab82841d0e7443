#include "initiator/servers/reference_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>

namespace holdfast::initiator {
namespace {

using testing::HasSubstr;

const ServerPlace place = {.folder = "/f", .image = "/f/image", .tree = "/f/tree", .port = 4711, .port2 = 4712};

TEST(ReferenceServers, EachHasANameOfItsOwnAndCanBeFoundByIt) {
  std::set<std::string_view> names;
  for (const ReferenceServer* server : reference_servers()) {
    EXPECT_TRUE(names.insert(server->name).second) << server->name;
    EXPECT_EQ(find_reference_server(server->name), server);
    EXPECT_NE(server->plan, nullptr);
    EXPECT_NE(server->url, nullptr);
    EXPECT_GT(server->starting, Duration(0));
    EXPECT_GT(server->ending, Duration(0));
  }
  EXPECT_EQ(find_reference_server("apache"), nullptr);
}

TEST(ReferenceServers, AllListenOnLoopbackAlone) {
  for (const ReferenceServer* server : reference_servers()) {
    const ServerPlan plan = server->plan(place);
    std::string all;
    for (const auto& file : plan.files) all += file.text;
    for (const auto& argument : plan.arguments) all += argument + " ";
    EXPECT_THAT(all, HasSubstr("127.0.0.1")) << server->name;
    EXPECT_THAT(all, testing::Not(HasSubstr("0.0.0.0"))) << server->name;
    EXPECT_THAT(server->url(place, 1), HasSubstr("://127.0.0.1")) << server->name;
  }
}

TEST(ReferenceServers, HoldfastdServesTheImageFromAnIetdConf) {
  ServerPlace unknown = place;
  unknown.port = 0;
  const ServerPlan plan = holdfastd_server.plan(unknown);
  ASSERT_EQ(plan.files.size(), 1U);
  EXPECT_EQ(plan.files[0].text,
            "Target iqn.2026-11.example.holdfast:compare\n    Lun 0 Path=/f/image,Type=fileio,IOMode=wb\n");
  EXPECT_THAT(plan.arguments, testing::IsSupersetOf({"-p", "0", "--ready-fd"}));
  EXPECT_EQ(holdfastd_server.url(place, 3), "iscsi://127.0.0.1:4711/iqn.2026-11.example.holdfast:compare/0");
}

TEST(ReferenceServers, NbdServerFlushesAndTrims) {
  const ServerPlan plan = nbd_server.plan(place);
  ASSERT_EQ(plan.files.size(), 1U);
  for (const char* line : {"port = 4711\n", "exportname = /f/image\n", "flush = true\n", "fua = true\n", "trim = true\n"})
    EXPECT_THAT(plan.files[0].text, HasSubstr(line));
}

TEST(ReferenceServers, EveryRunOverNfsHasAFolderOfItsOwn) {
  EXPECT_EQ(ganesha_v4_server.url(place, 7), "nfs://127.0.0.1/export/7?version=4&nfsport=4711");
  EXPECT_EQ(ganesha_v3_server.url(place, 8), "nfs://127.0.0.1/export/8?version=3&nfsport=4711&mountport=4712");
  EXPECT_THAT(ganesha_v4_server.plan(place).files[0].text, HasSubstr("NFS_Protocols = 4;"));
  EXPECT_THAT(ganesha_v3_server.plan(place).files[0].text, HasSubstr("NFS_Protocols = 3;"));
  EXPECT_THAT(ganesha_v3_server.plan(place).files[0].text, HasSubstr("MNT_Port = 4712;"));
}

TEST(ReferenceServers, WhatIsNotInstalledIsNamedWithItsPackage) {
  const char* before = std::getenv("PATH");
  const std::string path = before == nullptr ? "" : before;
  ::setenv("PATH", "", 1);
  const Result<std::string> found = find_server_program(nbdkit_server);
  const Result<std::string> ganesha = find_server_program(ganesha_v4_server);
  ::setenv("PATH", path.c_str(), 1);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message, "nbdkit is not installed: apt-get install nbdkit");
  ASSERT_FALSE(ganesha);
  EXPECT_THAT(ganesha.error().message, HasSubstr("apt-get install nfs-ganesha nfs-ganesha-vfs"));
}

TEST(VersionIn, FindsTheFirstNumberWithDots) {
  EXPECT_EQ(version_in("nbdkit 1.32.5\n"), "1.32.5");
  EXPECT_EQ(version_in("This is nbd-server version 3.24"), "3.24");
  EXPECT_EQ(version_in("NFS-Ganesha Release = V4.3\n"), "4.3");
  EXPECT_EQ(version_in("build 7 of 2.0. Done"), "2.0");
  EXPECT_EQ(version_in("version 12"), "");
  EXPECT_EQ(version_in(""), "");
}

}  // namespace
}  // namespace holdfast::initiator
