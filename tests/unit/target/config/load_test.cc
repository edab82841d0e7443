#include "target/config/load.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <string>

namespace holdfast::target {
namespace {

class LoadTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string made = testing::TempDir() + "holdfast-load-XXXXXX";
    ASSERT_NE(::mkdtemp(made.data()), nullptr);
    folder_ = made;
    std::filesystem::create_directories(folder_ / "etc" / "iet");
    std::filesystem::create_directories(folder_ / "mine");
    places_.folders = {path("etc/iet"), path("etc")};
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write(const std::string& name, const std::string& content) const {
    std::ofstream(path(name)) << content;
  }
  static std::string said(const ParsedConfig& parsed) {
    std::string all;
    for (const Diagnostic& diagnostic : parsed.diagnostics) all += diagnostic.to_string() + "\n";
    return all;
  }

  static constexpr const char* text = "Target iqn.2026-11.example:a\nLun 0 Path=a.img\n";
  std::filesystem::path folder_;
  ConfigPlaces places_;
};

TEST_F(LoadTest, ANamedFileIsReadAndItsRelativePathsBeginBesideIt) {
  write("mine/my.conf", text);
  write("etc/iet/ietd.conf", "broken\n");
  const ParsedConfig parsed = load_config(path("mine/my.conf"), places_);
  ASSERT_TRUE(parsed.good()) << said(parsed);
  EXPECT_EQ(parsed.config.file, path("mine/my.conf"));
  EXPECT_EQ(parsed.config.targets.at(0).luns.at(0).path, path("mine/a.img"));
}

TEST_F(LoadTest, WithoutANameTheUsualPlacesAreTriedInOrder) {
  write("etc/ietd.conf", text);
  EXPECT_EQ(load_config("", places_).config.file, path("etc/ietd.conf"));
  write("etc/iet/ietd.conf", text);
  EXPECT_EQ(load_config("", places_).config.file, path("etc/iet/ietd.conf"));
}

TEST_F(LoadTest, NoConfigurationIsAnErrorThatNamesThePlaces) {
  EXPECT_EQ(said(load_config("", places_)), "ietd.conf: error: is neither in " + path("etc/iet") +
                                                " nor in " + path("etc") +
                                                "; name a configuration with -c\n");
}

TEST_F(LoadTest, ANamedFileThatIsMissingIsNotReplacedByAnother) {
  write("etc/iet/ietd.conf", text);
  EXPECT_EQ(said(load_config(path("mine/none.conf"), places_)),
            path("mine/none.conf") + ": error: open: No such file or directory\n");
}

TEST_F(LoadTest, AFolderIsNoConfiguration) {
  EXPECT_EQ(said(load_config(path("mine"), places_)),
            path("mine") + ": error: read: Is a directory\n");
}

TEST_F(LoadTest, AnEndlessFileIsGivenUp) {
  const ParsedConfig parsed = load_config("/dev/zero", places_);
  EXPECT_EQ(said(parsed), "/dev/zero: error: is larger than 4194304 bytes\n");
}

TEST_F(LoadTest, AMistakeInAnAccessListIsFoundWithTheConfigurationWhereverItIs) {
  write("mine/my.conf", text);
  for (const char* list : {"mine/initiators.allow", "etc/iet/initiators.deny", "etc/targets.allow"}) {
    write(list, "ALL ALL\n# a comment\nALL 192.0.2.0/33\n");
    const ParsedConfig parsed = load_config(path("mine/my.conf"), places_);
    EXPECT_FALSE(parsed.good()) << list;
    EXPECT_EQ(said(parsed), path(list) + ":3: error: \"192.0.2.0/33\": a network's prefix is 0 to 32\n");
    std::filesystem::remove(path(list));
  }
  EXPECT_TRUE(load_config(path("mine/my.conf"), places_).good());
}

TEST_F(LoadTest, SecretsThatEverybodyCanReadAreWarnedOf) {
  write("mine/my.conf", std::string(text) + "IncomingUser alice alices-own-secret\n");
  std::filesystem::permissions(path("mine/my.conf"), std::filesystem::perms(0644));
  EXPECT_NE(said(load_config(path("mine/my.conf"), places_)).find("can be read by everybody"), std::string::npos);
  std::filesystem::permissions(path("mine/my.conf"), std::filesystem::perms(0640));
  EXPECT_EQ(said(load_config(path("mine/my.conf"), places_)), "");
}

}  // namespace
}  // namespace holdfast::target
