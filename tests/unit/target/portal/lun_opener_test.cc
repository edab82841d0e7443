#include "target/portal/lun_opener.h"

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <unistd.h>
#include <vector>

#include "common/base/units.h"
#include "common/runtime/loop.h"
#include "target/config/parser.h"
#include "tests/support/loop_device.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::target {
namespace {

class LunOpenerTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Loop>> created = Loop::create();
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
  }

  /// Opens every Lun of `lines`, which begin at line 2, with paths relative to the folder. Returns
  /// what was said, without the folder's name.
  std::string open(const std::string& lines, bool only_look = false) {
    const ParsedConfig parsed =
        parse_config("Target iqn.2026-11.example:a\n" + lines, "t", folder_.path());
    EXPECT_TRUE(parsed.good()) << parsed.diagnostics.front().to_string();
    Diagnostics diagnostics("t");
    LunOpener opener(only_look, {}, diagnostics);
    units_.clear();
    for (const TargetConfig& target : parsed.config.targets)
      for (const LunConfig& lun : target.luns) units_.push_back(opener.open(target, lun));
    std::string said;
    for (const Diagnostic& diagnostic : diagnostics.take()) said += diagnostic.to_string() + "\n";
    for (std::size_t at = said.find(folder_.path()); at != std::string::npos;
         at = said.find(folder_.path()))
      said.replace(at, folder_.path().size(), "F");
    return said;
  }

  std::unique_ptr<Loop> loop_;
  TemporaryFolder folder_;
  std::vector<std::unique_ptr<LogicalUnit>> units_;
};

TEST_F(LunOpenerTest, AFileBecomesAUnitOfItsMode) {
  folder_.make_file("a", MiB);
  struct Case {
    const char* mode;
    bool write_cache, write_protected;
  };
  for (const Case& tried :
       {Case{"wt", false, false}, Case{"wb", true, false}, Case{"ro", false, true}}) {
    EXPECT_EQ(open(std::string("Lun 5 Path=a,IOMode=") + tried.mode), "");
    ASSERT_TRUE(units_.at(0)) << tried.mode;
    EXPECT_EQ(units_[0]->number(), 5u);
    EXPECT_EQ(units_[0]->geometry().blocks, 2048u);
    EXPECT_EQ(units_[0]->geometry().block_bytes, 512u);
    EXPECT_EQ(units_[0]->write_cache_enabled(), tried.write_cache) << tried.mode;
    EXPECT_EQ(units_[0]->write_protected(), tried.write_protected) << tried.mode;
  }
}

TEST_F(LunOpenerTest, ANullUnitHasTheBlocksThatItIsGiven) {
  EXPECT_EQ(open("Lun 0 Type=nullio,Blocks=1000,BlockSize=4096\nLun 1 Type=nullio\n"
                 "Lun 2 Type=nullio,BlockSize=4096\n"),
            "");
  EXPECT_EQ(units_.at(0)->geometry().blocks, 1000u);
  EXPECT_EQ(units_.at(0)->geometry().block_bytes, 4096u);
  EXPECT_EQ(units_.at(1)->geometry().blocks, 64 * GiB / 512);
  EXPECT_EQ(units_.at(2)->geometry().blocks, 64 * GiB / 4096);
}

TEST_F(LunOpenerTest, EveryLunThatCannotBeServedIsNamedWithItsLine) {
  folder_.make_file("small", 1000);
  folder_.make_file("good", MiB);
  EXPECT_EQ(open("Lun 0 Path=missing\nLun 1 Path=.\nLun 2 Path=good\nLun 3 "
                 "Path=good,Type=blockio,IOMode=ro\n"
                 "Lun 4 Path=small,BlockSize=1024\n"),
            "t:2: error: Lun 0: F/missing: No such file or directory\n"
            "t:3: error: Lun 1: F/.: is a directory, not a regular file or block device\n"
            "t:5: error: Lun 3: F/good is served already, by the Lun in line 4; only Luns with "
            "IOMode=ro may share it\n"
            "t:6: error: Lun 4: file F/small is smaller than one block of 1024 bytes\n");
  EXPECT_TRUE(units_.at(2));
  for (std::size_t i : {0u, 1u, 3u, 4u}) EXPECT_FALSE(units_.at(i)) << i;
}

TEST_F(LunOpenerTest, AFileThatMayBeWrittenIsServedOnceByAnyOfItsNames) {
  folder_.make_file("a", MiB);
  ASSERT_EQ(::link(folder_.file("a").c_str(), folder_.file("hard").c_str()), 0);
  ASSERT_EQ(::symlink("a", folder_.file("soft").c_str()), 0);
  const std::string once_only =
      ", which is F/a, is served already, by the Lun in line 2; only Luns with IOMode=ro may share "
      "it\n";
  EXPECT_EQ(open("Lun 0 Path=a\nLun 1 Path=hard\nLun 2 Path=soft,IOMode=ro\n"),
            "t:3: error: Lun 1: F/hard" + once_only + "t:4: error: Lun 2: F/soft" + once_only);
  EXPECT_EQ(open("Lun 0 Path=a,IOMode=ro\nLun 1 Path=hard\n"),
            "t:3: error: Lun 1: F/hard" + once_only);
  EXPECT_EQ(open("Lun 0 Path=a,IOMode=ro\nLun 1 Path=soft,IOMode=ro\n"), "");
}

TEST_F(LunOpenerTest, TheSameFileInTwoTargetsIsFoundToo) {
  folder_.make_file("a", MiB);
  EXPECT_EQ(open("Lun 0 Path=a\nTarget iqn.2026-11.example:b\nLun 0 Path=a\n"),
            "t:4: error: Lun 0: F/a is served already, by the Lun in line 2; only Luns with "
            "IOMode=ro may share it\n");
}

TEST_F(LunOpenerTest, BytesBeyondTheLastWholeBlockAreWarnedOf) {
  folder_.make_file("odd", MiB + 100);
  EXPECT_EQ(open("Lun 0 Path=odd\n"),
            "t:2: warning: Lun 0: the last 100 bytes of file F/odd are not served: they are no "
            "whole block of 512\n");
  ASSERT_TRUE(units_.at(0));
  EXPECT_EQ(units_[0]->geometry().blocks, 2048u);
}

TEST_F(LunOpenerTest, ADevicesOwnBlockIsTheDefaultAndTheLeast) {
  auto device = LoopDevice::attach(folder_.make_file("disk", 4 * MiB), 4096);
  if (!device) GTEST_SKIP() << "no loop device: " << device.error().message;
  const std::string& path = (*device)->path();
  EXPECT_EQ(open("Lun 0 Type=blockio,Path=" + path + "\n"), "");
  ASSERT_TRUE(units_.at(0));
  EXPECT_EQ(units_[0]->geometry().block_bytes, 4096u);
  EXPECT_EQ(open("Lun 0 Type=blockio,BlockSize=512,Path=" + path + "\n"),
            "t:2: error: Lun 0: device " + path + " has blocks of 4096 bytes, more than 512\n");
}

TEST_F(LunOpenerTest, ALookClaimsNothingAndSaysWhatIsClaimed) {
  auto device = LoopDevice::attach(folder_.make_file("disk", 4 * MiB));
  if (!device) GTEST_SKIP() << "no loop device: " << device.error().message;
  const std::string lun = "Lun 0 Type=blockio,Path=" + (*device)->path() + "\n";
  EXPECT_EQ(open(lun, true), "");
  EXPECT_EQ(open(lun), "") << "a look left it claimed";
  auto serving = std::move(units_);
  EXPECT_EQ(open(lun, true),
            "t:2: warning: Lun 0: " + (*device)->path() +
                " is mounted, or claimed by another program (a running holdfastd?); it could not "
                "be served now\n");
}

}  // namespace
}  // namespace holdfast::target
