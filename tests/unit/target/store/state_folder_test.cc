#include "target/store/state_folder.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

#include "common/runtime/task.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::target {
namespace {

class StateFolderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Loop>> loop = Loop::create();
    ASSERT_TRUE(loop);
    loop_ = std::move(*loop);
    Result<std::unique_ptr<StateFolder>> folder = StateFolder::open(path_, *loop_);
    ASSERT_TRUE(folder) << folder.error().message;
    folder_ = std::move(*folder);
  }

  int save(StateFile& file, std::string content) {
    int error = -1;
    file.save(std::move(content), [&error](int answer) { error = answer; });
    EXPECT_EQ(error, -1) << "it was answered from inside";
    loop_->run(wait_for(*loop_, error));
    return error;
  }
  std::string read(const std::string& name) {
    const auto content = folder_->read(name, 1000);
    EXPECT_TRUE(content) << content.error().message;
    return content && *content ? **content : "(none)";
  }

  TemporaryFolder temporary_;
  const std::string path_ = temporary_.file("state");
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<StateFolder> folder_;

 private:
  static Task<void> wait_for(Loop& loop, const int& error) {
    for (int i = 0; i < 10'000 && error < 0; ++i)
      co_await sleep_for(loop, std::chrono::milliseconds(1));
  }
};

TEST_F(StateFolderTest, IsMadeForItsOwnerAlone) {
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700u);
  EXPECT_TRUE(folder_->check_writable());
}

TEST_F(StateFolderTest, WhatIsSavedReplacesWhatWasThere) {
  EXPECT_EQ(read("a"), "(none)");
  const std::unique_ptr<StateFile> file = folder_->file("a");
  EXPECT_EQ(save(*file, std::string(900, 'x')), 0);
  EXPECT_EQ(save(*file, "second"), 0);
  EXPECT_EQ(read("a"), "second");
  EXPECT_FALSE(std::filesystem::exists(path_ + "/a.new"));
}

TEST_F(StateFolderTest, WhatWasLeftHalfWrittenIsNotRead) {
  const std::unique_ptr<StateFile> file = folder_->file("a");
  EXPECT_EQ(save(*file, "whole"), 0);
  std::ofstream(path_ + "/a.new") << "ha";  // as a crash leaves it
  EXPECT_EQ(read("a"), "whole");
  EXPECT_EQ(save(*file, "next"), 0);
  EXPECT_EQ(read("a"), "next");
}

TEST_F(StateFolderTest, AFailureIsToldAndLeavesTheOldContent) {
  const std::unique_ptr<StateFile> file = folder_->file("a");
  EXPECT_EQ(save(*file, "old"), 0);
  std::filesystem::create_directory(path_ + "/a.new");  // so that it cannot be written
  EXPECT_EQ(save(*file, "new"), EISDIR);
  EXPECT_EQ(read("a"), "old");
}

TEST_F(StateFolderTest, WhatIsTooLongIsRefused) {
  const std::unique_ptr<StateFile> file = folder_->file("a");
  EXPECT_EQ(save(*file, std::string(1001, 'x')), 0);
  const auto content = folder_->read("a", 1000);
  ASSERT_FALSE(content);
  EXPECT_EQ(content.error().code, EFBIG);
}

TEST_F(StateFolderTest, SecondDaemonIsRefusedWhileTheFirstHasIt) {
  const auto second = StateFolder::open(path_, *loop_);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("another holdfastd"), std::string::npos)
      << second.error().message;
  const auto look = StateFolder::look_into(path_);
  ASSERT_TRUE(look);
  EXPECT_EQ((*look)->file("a"), nullptr);
  folder_.reset();
  EXPECT_TRUE(StateFolder::open(path_, *loop_));
}

TEST_F(StateFolderTest, APlaceThatCannotBeIsNamed) {
  const auto folder = StateFolder::open(path_ + "/no/such", *loop_);
  ASSERT_FALSE(folder);
  EXPECT_NE(folder.error().message.find(path_ + "/no/such"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::target
