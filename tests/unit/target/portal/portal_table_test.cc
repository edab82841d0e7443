#include "target/portal/portal_table.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::target {
namespace {

SocketAddress address(const char* host, std::uint16_t port = 3260) { return SocketAddress::parse(host, port).value(); }

/// "ADDRESS,TAG ADDRESS,TAG"
std::string shown(const std::vector<Portal>& portals) {
  std::string all;
  for (const Portal& portal : portals)
    all += (all.empty() ? "" : " ") + portal.address.to_string() + "," + std::to_string(portal.group);
  return all;
}

const SocketAddress stranger = address("192.0.2.99", 40000);

TEST(PortalTable, KnowsTheGroupOfWhereOneCameTo) {
  const PortalTable table({{address("0.0.0.0"), 3}, {address("192.0.2.1"), 7}, {address("::", 860), 9}});
  EXPECT_EQ(table.group_of(address("192.0.2.1")), 7) << "the address that is named goes first";
  EXPECT_EQ(table.group_of(address("192.0.2.2")), 3);
  EXPECT_EQ(table.group_of(address("2001:db8::1", 860)), 9);
}

TEST(PortalTable, TellsAllPortalsFirstTheOneThatWasAsked) {
  const PortalTable table({{address("192.0.2.1"), 1}, {address("198.51.100.1"), 2}, {address("2001:db8::1"), 1}});
  EXPECT_EQ(shown(table.reachable({}, address("198.51.100.1"), stranger)),
            "198.51.100.1:3260,2 192.0.2.1:3260,1 [2001:db8::1]:3260,1");
  EXPECT_EQ(shown(table.reachable({1}, address("198.51.100.1"), stranger)), "192.0.2.1:3260,1 [2001:db8::1]:3260,1");
  EXPECT_EQ(shown(table.reachable({5}, address("198.51.100.1"), stranger)), "");
}

TEST(PortalTable, OnEveryAddressThatIsTheOneThatWasAsked) {
  const PortalTable table({{address("0.0.0.0"), 1}, {address("::"), 1}, {address("0.0.0.0", 860), 2}});
  EXPECT_EQ(shown(table.reachable({}, address("192.0.2.1"), stranger)), "192.0.2.1:3260,1 192.0.2.1:860,2");
  EXPECT_EQ(shown(table.reachable({}, address("2001:db8::1"), stranger)), "[2001:db8::1]:3260,1");
}

TEST(PortalTable, ThisMachinesOwnAddressesAreNotForOthers) {
  const PortalTable table({{address("192.0.2.1"), 1}, {address("127.0.0.1"), 1}});
  EXPECT_EQ(shown(table.reachable({}, address("192.0.2.1"), stranger)), "192.0.2.1:3260,1");
  EXPECT_EQ(shown(table.reachable({}, address("127.0.0.1"), address("127.0.0.1", 40000))),
            "127.0.0.1:3260,1 192.0.2.1:3260,1");
}

}  // namespace
}  // namespace holdfast::target
