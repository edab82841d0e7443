// Portals, their groups, and targets that have moved, as an ietd.conf says them.

#include <gtest/gtest.h>

#include <string>

#include "target/config/parser.h"
#include "target/config/portal_address.h"

namespace holdfast::target {
namespace {

TEST(PortalAddress, IsReadInEverySpellingAndWrittenInOne) {
  const struct {
    const char* text;
    const char* written;
  } cases[] = {
      {"192.0.2.1", "192.0.2.1:3260"},       {"192.0.2.1:860", "192.0.2.1:860"},
      {"2001:db8::1", "[2001:db8::1]:3260"}, {"[2001:db8::1]", "[2001:db8::1]:3260"},
      {"[::1]:65535", "[::1]:65535"},        {"0.0.0.0", "0.0.0.0:3260"},
      {"::", "[::]:3260"},
  };
  for (const auto& tried : cases) {
    const auto address = parse_portal_address(tried.text);
    ASSERT_TRUE(address) << tried.text;
    EXPECT_EQ(address->to_string(), tried.written);
  }
}

TEST(PortalAddress, IsNothingElse) {
  for (const char* text : {"", "host", "192.0.2", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:x",
                           "192.0.2.1:1:2", "[192.0.2.1]:1", "[::1", "[::1]x", "[::1]:", "[]:1", "::1:99999x"})
    EXPECT_FALSE(parse_portal_address(text)) << text;
}

ParsedConfig parse(std::string_view text) { return parse_config(text, "t.conf", "/etc/iet"); }

std::string said(const ParsedConfig& parsed) {
  std::string all;
  for (const Diagnostic& diagnostic : parsed.diagnostics) all += diagnostic.to_string() + "\n";
  return all;
}

constexpr const char* disk = "Target iqn.2026-11.example:disk\nLun 0 Path=/srv/disk.img\n";

TEST(PortalGroups, AreMadeBeforeTheFirstTargetAndChosenInIt) {
  const ParsedConfig parsed = parse(
      "PortalGroup 1 192.0.2.1 [2001:db8::1]:3261\n"
      "PortalGroup 7 198.51.100.1:860\n"
      "PortalGroup 1 192.0.2.2\n" +
      std::string(disk) + "PortalGroup 7 1\n" + "Target iqn.2026-11.example:other\nLun 0 Path=/srv/other.img\n");
  EXPECT_EQ(said(parsed), "");
  ASSERT_EQ(parsed.config.portal_groups.size(), 2u);
  EXPECT_EQ(parsed.config.portal_groups[0].tag, 1);
  ASSERT_EQ(parsed.config.portal_groups[0].portals.size(), 3u);
  EXPECT_EQ(parsed.config.portal_groups[0].portals[1].to_string(), "[2001:db8::1]:3261");
  EXPECT_EQ(parsed.config.portal_groups[0].portals[2].to_string(), "192.0.2.2:3260");
  EXPECT_EQ(parsed.config.portal_groups[1].tag, 7);
  EXPECT_EQ(parsed.config.targets[0].portal_groups, (std::vector<std::uint16_t>{7, 1}));
  EXPECT_TRUE(parsed.config.targets[1].portal_groups.empty()) << "reached by all";
}

TEST(PortalGroups, WhatIsWrongWithThemIsNamed) {
  const struct {
    std::string text;
    const char* says;
  } cases[] = {
      {"PortalGroup 1\n", "t.conf:1: error: PortalGroup needs a tag and addresses"},
      {"PortalGroup 0 192.0.2.1\n", "\"0\" is no tag of a portal group; 1 to 65535 is accepted"},
      {"PortalGroup 65536 192.0.2.1\n", "\"65536\" is no tag"},
      {"PortalGroup 1 storage\n", "\"storage\" is no address"},
      {"PortalGroup 1 192.0.2.1\nPortalGroup 2 192.0.2.1\n", "\"192.0.2.1\" is given twice; the first is in PortalGroup 1"},
      {std::string(disk) + "PortalGroup 5\n", "t.conf:3: error: there is no PortalGroup 5"},
      {std::string(disk) + "PortalGroup\n", "PortalGroup needs the tag of a group"},
      {"PortalGroup 1 192.0.2.1\n" + std::string(disk) + "PortalGroup 1\nPortalGroup 1\n", "PortalGroup is given twice"},
  };
  for (const auto& tried : cases) {
    const ParsedConfig parsed = parse(tried.text);
    EXPECT_FALSE(parsed.good()) << tried.text;
    EXPECT_NE(said(parsed).find(tried.says), std::string::npos) << said(parsed);
  }
}

TEST(Redirect, SaysWhereATargetHasMovedTo) {
  const ParsedConfig moved = parse(std::string(disk) + "Redirect 192.0.2.7\n");
  EXPECT_EQ(said(moved), "");
  ASSERT_TRUE(moved.config.targets[0].redirection);
  EXPECT_EQ(moved.config.targets[0].redirection->to.to_string(), "192.0.2.7:3260");
  EXPECT_FALSE(moved.config.targets[0].redirection->permanent);
  const ParsedConfig gone = parse(std::string(disk) + "Redirect [2001:db8::7]:860 Permanent\n");
  ASSERT_TRUE(gone.config.targets[0].redirection);
  EXPECT_EQ(gone.config.targets[0].redirection->to.to_string(), "[2001:db8::7]:860");
  EXPECT_TRUE(gone.config.targets[0].redirection->permanent);
}

TEST(Redirect, WhatIsWrongWithItIsNamed) {
  EXPECT_NE(said(parse(std::string(disk) + "Redirect\n")).find("Redirect needs an address"), std::string::npos);
  EXPECT_NE(said(parse(std::string(disk) + "Redirect there\n")).find("Redirect is \"there\"; ADDRESS"), std::string::npos);
  EXPECT_NE(said(parse(std::string(disk) + "Redirect 192.0.2.7 forever\n"))
                .find("Redirect says \"forever\"; Temporary or Permanent is accepted"),
            std::string::npos);
  EXPECT_NE(said(parse("Redirect 192.0.2.7\n")).find("Redirect belongs to a target"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::target
