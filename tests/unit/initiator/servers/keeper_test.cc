#include "initiator/servers/keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/unit/initiator/servers/processes.h"

namespace holdfast::initiator {
namespace {

namespace fs = std::filesystem;

class KeeperTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "holdfast-keeper.XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }

  KeptProgram shell(const std::string& script) const {
    return {.program = "sh",
            .arguments = {"-c", "cd " + folder_ + "; " + script},
            .log_path = folder_ + "/log",
            .patience = std::chrono::seconds(2)};
  }
  int pid_in(const std::string& name) const { return number_in(folder_ + "/" + name); }

  std::string folder_;
};

TEST_F(KeeperTest, AProgramIsAskedToEndAndDoes) {
  Result<Keeper> keeper = Keeper::start(shell("trap 'echo bye; exit' TERM; echo $$ > pid; while :; do sleep 0.01; done"), -1);
  ASSERT_TRUE(keeper) << keeper.error().message;
  ASSERT_TRUE(becomes_true([&] { return pid_in("pid") != 0; }));
  EXPECT_FALSE(keeper->ended());
  keeper->stop();
  EXPECT_FALSE(is_running(pid_in("pid")));
  EXPECT_THAT(keeper->last_words(3), testing::ElementsAre("bye"));
}

TEST_F(KeeperTest, AProgramThatWillNotEndIsKilled) {
  KeptProgram deaf = shell("trap '' TERM; echo $$ > pid; while :; do sleep 0.01; done");
  deaf.patience = std::chrono::milliseconds(200);
  Result<Keeper> keeper = Keeper::start(deaf, -1);
  ASSERT_TRUE(keeper) << keeper.error().message;
  ASSERT_TRUE(becomes_true([&] { return pid_in("pid") != 0; }));
  keeper->stop();
  EXPECT_FALSE(is_running(pid_in("pid")));
}

TEST_F(KeeperTest, HowAProgramEndedIsTold) {
  Result<Keeper> keeper = Keeper::start(shell("echo one; echo two; echo no port >&2; exit 7"), -1);
  ASSERT_TRUE(keeper) << keeper.error().message;
  ASSERT_TRUE(becomes_true([&] { return keeper->ended().has_value(); }));
  EXPECT_EQ(*keeper->ended(), "exit code 7");
  EXPECT_THAT(keeper->last_words(2), testing::ElementsAre("two", "no port"));
}

TEST_F(KeeperTest, AProgramThatIsNotThereIsTold) {
  Result<Keeper> keeper = Keeper::start({.program = "/nowhere/server", .arguments = {}, .log_path = folder_ + "/log"}, -1);
  ASSERT_TRUE(keeper) << keeper.error().message;
  ASSERT_TRUE(becomes_true([&] { return keeper->ended().has_value(); }));
  EXPECT_THAT(*keeper->ended(), testing::HasSubstr("No such file"));
}

TEST_F(KeeperTest, WhatGoesIntoTheBackgroundIsKeptTooAndEnds) {
  // As a daemon does it: the first process ends well, its child has a session of its own.
  Result<Keeper> keeper = Keeper::start(
      shell("setsid sh -c 'echo $$ > daemon; sleep 1000 & echo $! > child; wait' < /dev/null > /dev/null 2>&1 & exit 0"), -1);
  ASSERT_TRUE(keeper) << keeper.error().message;
  ASSERT_TRUE(becomes_true([&] { return pid_in("child") != 0; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_FALSE(keeper->ended()) << *keeper->ended();
  keeper->stop();
  EXPECT_FALSE(is_running(pid_in("daemon")));
  EXPECT_FALSE(is_running(pid_in("child")));
}

TEST_F(KeeperTest, NothingOutlivesUsWhenWeAreKilled) {
  const pid_t us = fork_and_stay([&] {
    static Result<Keeper> keeper = Keeper::start(shell("sleep 1000 & echo $! > child; echo $$ > pid; wait"), -1);
  });
  ASSERT_TRUE(becomes_true([&] { return pid_in("pid") != 0; }));
  EXPECT_TRUE(is_running(pid_in("child")));
  ::kill(us, SIGKILL);
  ::waitpid(us, nullptr, 0);
  EXPECT_TRUE(becomes_true([&] { return !is_running(pid_in("pid")) && !is_running(pid_in("child")); }));
}

TEST_F(KeeperTest, ALogHoldsTheEndOfWhatWasSaid) {
  Result<Keeper> keeper = Keeper::start(shell("seq 1 200000; echo last"), -1);
  ASSERT_TRUE(keeper) << keeper.error().message;
  ASSERT_TRUE(becomes_true([&] { return keeper->ended().has_value(); }));
  EXPECT_LE(fs::file_size(folder_ + "/log"), Keeper::log_bytes_max);
  EXPECT_THAT(keeper->last_words(2), testing::ElementsAre("200000", "last"));
}

}  // namespace
}  // namespace holdfast::initiator
