#include "target/config/access_list.h"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::target {
namespace {

constexpr const char* disk = "iqn.2026-11.example:disk";

std::string said(Diagnostics& diagnostics) {
  std::string all;
  for (const Diagnostic& one : diagnostics.take()) all += one.to_string() + "\n";
  return all;
}

AccessList parse(const std::string& text) {
  Diagnostics diagnostics("list");
  AccessList list = AccessList::parse(text, AccessList::Items::addresses_and_names, diagnostics);
  EXPECT_EQ(said(diagnostics), "") << text;
  return list;
}

bool lets_in(const std::string& items, const std::string& address, const std::string& name = "iqn.x:y") {
  const AccessList list = parse("ALL " + items + "\n");
  return list.look_up({.target = disk, .initiator = name, .address = IpAddress::parse(address)}).matches;
}

TEST(AccessList, ItemsAreAddressesNetworksAndNames) {
  EXPECT_TRUE(lets_in("ALL", "192.0.2.7"));
  EXPECT_TRUE(lets_in("192.0.2.7", "192.0.2.7"));
  EXPECT_FALSE(lets_in("192.0.2.7", "192.0.2.8"));
  EXPECT_TRUE(lets_in("192.0.2.0/25", "192.0.2.127"));
  EXPECT_FALSE(lets_in("192.0.2.0/25", "192.0.2.128"));
  EXPECT_TRUE(lets_in("192.0.2.7/32", "192.0.2.7"));
  EXPECT_TRUE(lets_in("0.0.0.0/0", "203.0.113.9"));
  EXPECT_FALSE(lets_in("0.0.0.0/0", "2001:db8::1")) << "all of IPv4 is not IPv6";
  EXPECT_TRUE(lets_in("[2001:db8::1]", "2001:db8:0::1"));
  EXPECT_TRUE(lets_in("[2001:db8::]/33", "2001:db8:7fff::9"));
  EXPECT_FALSE(lets_in("[2001:db8::]/33", "2001:db8:8000::9"));
  EXPECT_TRUE(lets_in("192.0.2.7", "::ffff:192.0.2.7")) << "IPv4 on an IPv6 socket";
  EXPECT_TRUE(lets_in("10.0.0.1,192.0.2.7", "192.0.2.7"));
  EXPECT_TRUE(lets_in("10.0.0.1, 10.0.0.2 ,192.0.2.7", "192.0.2.7"));
}

TEST(AccessList, ANameIsABasicRegularExpressionForAllOfIt) {
  const std::string name = "iqn.1993-08.org.debian:01:abc";
  EXPECT_TRUE(lets_in(name, "192.0.2.7", name));
  EXPECT_TRUE(lets_in("iqn.1993-08.org.debian:.*", "192.0.2.7", name));
  EXPECT_TRUE(lets_in("iqn.1993-08.org.debian:0[12]:[a-c]*", "192.0.2.7", name));
  EXPECT_FALSE(lets_in("iqn.1993-08.org.debian", "192.0.2.7", name)) << "only its beginning";
  EXPECT_FALSE(lets_in("debian:01:abc", "192.0.2.7", name)) << "only its end";
  EXPECT_FALSE(lets_in("IQN.1993-08.ORG.DEBIAN:01:ABC", "192.0.2.7", name)) << "case counts";
  EXPECT_TRUE(lets_in("iqn+1993.08.*", "192.0.2.7", "iqn+1993-08.x")) << "a plus is a plus in basic expressions";
  EXPECT_TRUE(lets_in("\\(ab\\)\\1", "192.0.2.7", "abab"));
}

TEST(AccessList, OnlyTheFirstLineForATargetCounts) {
  const AccessList list = parse(
      "# iqn.2026-11.example:disk ALL\n"
      "\n"
      "iqn.2026-11.example:other ALL\n"
      "IQN.2026-11.Example:Disk 192.0.2.1\n"
      "iqn.2026-11.example:disk 192.0.2.2\n"
      "ALL 192.0.2.3");
  const auto look = [&](const char* target, const char* address) {
    return list.look_up({.target = target, .initiator = "iqn.x:y", .address = IpAddress::parse(address)});
  };
  EXPECT_TRUE(look(disk, "192.0.2.1").matches);
  EXPECT_EQ(look(disk, "192.0.2.2").line, 4);
  EXPECT_FALSE(look(disk, "192.0.2.2").matches) << "the second line for it";
  EXPECT_FALSE(look(disk, "192.0.2.3").matches) << "nor the line for all";
  EXPECT_TRUE(look("iqn.2026-11.example:third", "192.0.2.3").matches) << "a last line without its end";
  EXPECT_EQ(parse("").look_up({.target = disk, .initiator = "", .address = {}}).line, 0);
}

TEST(AccessList, WhatCannotBeReadIsSaidAndMatchesNothing) {
  const std::pair<const char*, const char*> cases[] = {
      {"192.0.2.0/33", "a network's prefix is 0 to 32"},
      {"192.0.2.0/x", "a network's prefix is 0 to 32"},
      {"192.0.2.1/24", "bits of the address lie beyond the network's prefix"},
      {"[2001:db8::1]/129", "a network's prefix is 0 to 128"},
      {"[2001:db8::1", "the [ of an IPv6 address has no ]"},
      {"[2001:db8::g]", "no IPv6 address"},
      {"iqn.x[a", "no basic regular expression"}};
  for (const auto& [item, words] : cases) {
    Diagnostics diagnostics("list");
    const AccessList list =
        AccessList::parse(std::string("ALL ") + item, AccessList::Items::addresses_and_names, diagnostics);
    EXPECT_TRUE(diagnostics.has_errors()) << item;
    EXPECT_NE(said(diagnostics).find(words), std::string::npos) << item;
    const AccessList::Answer answer =
        list.look_up({.target = disk, .initiator = "iqn.x:y", .address = IpAddress::parse("192.0.2.1")});
    EXPECT_FALSE(answer.matches) << item;
    EXPECT_TRUE(answer.broken) << item;
  }
}

TEST(AccessList, PortalsHaveNoNames) {
  Diagnostics diagnostics("targets.allow");
  AccessList::parse("ALL iqn.x:y\n", AccessList::Items::addresses, diagnostics);
  EXPECT_NE(said(diagnostics).find("neither ALL nor an address nor a network"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::target
