#include "target/config/access.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::target {
namespace {

constexpr const char* disk = "iqn.2026-11.example:disk";
constexpr const char* debian = "iqn.1993-08.org.debian:01:abc";

class AccessTest : public testing::Test {
 protected:
  AccessTest() {
    std::string made = testing::TempDir() + "holdfast-access-XXXXXX";
    folder_ = ::mkdtemp(made.data());
    std::filesystem::create_directory(folder_ / "beside");
    std::filesystem::create_directory(folder_ / "etc");
    access_.emplace(std::vector<std::string>{(folder_ / "beside").string(), (folder_ / "etc").string()});
  }
  ~AccessTest() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& content) { std::ofstream(folder_ / name) << content; }
  void remove(const std::string& name) { std::filesystem::remove(folder_ / name); }

  std::string refused(const char* initiator = debian, const char* peer = "192.0.2.7",
                      const char* local = "198.51.100.1") {
    said_.clear();
    for (const Diagnostic& one : access_->refresh()) said_ += one.to_string() + "\n";
    const Access::Decision decision = access_->decide(disk, initiator, IpAddress::parse(peer), IpAddress::parse(local));
    return decision.allowed ? "" : decision.why;
  }

  std::filesystem::path folder_;
  std::optional<Access> access_;
  std::string said_;
};

TEST_F(AccessTest, WithoutListsEverybodyIsLetIn) {
  EXPECT_EQ(refused(), "");
  EXPECT_FALSE(access_->lists_initiators());
}

TEST_F(AccessTest, AnAllowListLetsInWhomItNames) {
  write("etc/initiators.allow", std::string(disk) + " 192.0.2.7, " + debian + "\n");
  EXPECT_EQ(refused(), "");
  EXPECT_EQ(refused(debian, "203.0.113.1"), "") << "by its name";
  EXPECT_EQ(refused("iqn.x:y", "192.0.2.7"), "") << "by its address";
  EXPECT_NE(refused("iqn.x:y", "203.0.113.1").find("etc/initiators.allow:1 does not name it"), std::string::npos);
  write("etc/initiators.allow", "iqn.2026-11.example:other ALL\n");
  EXPECT_NE(refused().find("has no line for it"), std::string::npos);
}

TEST_F(AccessTest, ADenyListRefusesWhomItNamesUnlessTheyAreAllowed) {
  write("etc/initiators.deny", "ALL 192.0.2.0/24\n");
  EXPECT_NE(refused().find("etc/initiators.deny:1 denies it"), std::string::npos);
  EXPECT_EQ(refused(debian, "203.0.113.1"), "");
  write("etc/initiators.allow", std::string("ALL ") + debian + "\n");
  EXPECT_EQ(refused(), "") << "denied, and allowed";
  EXPECT_EQ(refused("iqn.x:y", "203.0.113.1"), "") << "with a deny list, who is not denied need not be allowed";
  EXPECT_NE(refused("iqn.x:y"), "");
}

TEST_F(AccessTest, TargetsAreServedOnThePortalsThatAreListed) {
  write("etc/targets.allow", std::string(disk) + " 198.51.100.0/24\n");
  EXPECT_EQ(refused(), "");
  EXPECT_NE(refused(debian, "192.0.2.7", "203.0.113.9"), "");
}

TEST_F(AccessTest, TheListBesideTheConfigurationComesFirst) {
  write("beside/initiators.allow", "ALL ALL\n");
  write("etc/initiators.allow", "ALL 203.0.113.1\n");
  EXPECT_EQ(refused(), "");
  remove("beside/initiators.allow");
  EXPECT_NE(refused(), "");
}

TEST_F(AccessTest, AnEditCountsFromTheNextLookOn) {
  write("etc/initiators.allow", "ALL 203.0.113.1\n");
  EXPECT_NE(refused(), "");
  write("etc/initiators.allow", "ALL 192.0.2.7\n");
  EXPECT_EQ(refused(), "");
  remove("etc/initiators.allow");
  EXPECT_EQ(refused("iqn.x:y", "203.0.113.77"), "");
}

TEST_F(AccessTest, ABrokenItemLetsNobodyInOnEitherList) {
  write("etc/initiators.allow", "ALL 192.0.2.0/99\n");
  EXPECT_NE(refused(), "");
  EXPECT_NE(said_.find("initiators.allow:1: error"), std::string::npos) << said_;
  remove("etc/initiators.allow");
  write("etc/initiators.deny", "ALL 192.0.2.0/99\n");
  EXPECT_NE(refused("iqn.x:y", "203.0.113.1"), "") << "it may have been meant";
  EXPECT_NE(said_, "");
  EXPECT_NE(refused("iqn.x:y", "203.0.113.1"), "");
  EXPECT_EQ(said_, "") << "what was said once is not said again";
}

TEST_F(AccessTest, AListThatCannotBeReadLetsNobodyIn) {
  std::filesystem::create_directory(folder_ / "etc/initiators.allow");
  EXPECT_NE(refused().find("cannot be read"), std::string::npos);
  EXPECT_NE(said_.find("nobody is let in"), std::string::npos) << said_;
  EXPECT_NE(refused(), "");
  EXPECT_EQ(said_, "") << "said once";
}

}  // namespace
}  // namespace holdfast::target
