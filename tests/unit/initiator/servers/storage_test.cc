#include "initiator/servers/storage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "initiator/servers/keeper.h"
#include "tests/unit/initiator/servers/processes.h"

namespace holdfast::initiator {
namespace {

namespace fs = std::filesystem;

TEST(Storage, GoesWithItsOwner) {
  std::string folder;
  {
    Result<Storage> storage = Storage::make(fs::temp_directory_path().string());
    ASSERT_TRUE(storage) << storage.error().message;
    folder = storage->folder();
    ASSERT_TRUE(storage->make_folder("deep"));
    std::ofstream(folder + "/deep/file") << "x";
    EXPECT_TRUE(fs::exists(folder + "/deep/file"));
    EXPECT_THAT(storage->filesystem(), testing::HasSubstr(" on "));
    EXPECT_GT(storage->free_bytes(), 0U);
  }
  EXPECT_FALSE(fs::exists(folder));
}

TEST(Storage, GoesWhenItsOwnerIsKilledAndTheServersHaveEnded) {
  // Goal: no server loses the floor under its feet, and nothing stays. Method: a server that takes
  // a while to end looks whether its folder is still there.
  Result<Storage> around = Storage::make(fs::temp_directory_path().string());
  ASSERT_TRUE(around) << around.error().message;
  const std::string notes = around->folder();
  const pid_t owner = fork_and_stay([&] {
    static Result<Storage> storage = Storage::make(notes);
    const std::string script = "echo " + storage->folder() + " > " + notes + "/name; echo $$ > " + notes +
                               "/pid; trap 'sleep 0.3; ls -d " + storage->folder() + " > " + notes +
                               "/seen; exit' TERM; while :; do sleep 0.01; done";
    static Result<Keeper> keeper = Keeper::start(
        {.program = "sh", .arguments = {"-c", script}, .log_path = storage->folder() + "/log"}, storage->held());
  });
  ASSERT_TRUE(becomes_true([&] { return number_in(notes + "/pid") != 0; }));
  std::string folder;
  std::ifstream(notes + "/name") >> folder;
  ASSERT_TRUE(fs::is_directory(folder));
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);
  EXPECT_TRUE(becomes_true([&] { return !fs::exists(folder); }));
  EXPECT_FALSE(is_running(number_in(notes + "/pid")));
  std::string seen;
  std::ifstream(notes + "/seen") >> seen;
  EXPECT_EQ(seen, folder);
}

TEST(Storage, AParentThatIsNotThereIsNamed) {
  const Result<Storage> storage = Storage::make("/nowhere/at/all");
  ASSERT_FALSE(storage);
  EXPECT_THAT(storage.error().message, testing::HasSubstr("/nowhere/at/all"));
}

TEST(Storage, ARenewedImageIsZerosAndTakesNoRoom) {
  Result<Storage> storage = Storage::make(fs::temp_directory_path().string());
  ASSERT_TRUE(storage) << storage.error().message;
  const std::string image = storage->folder() + "/image";
  ASSERT_TRUE(renew_image(image, 1 << 20));
  std::fstream(image, std::ios::in | std::ios::out) << std::string(70'000, 'x');
  ASSERT_TRUE(renew_image(image, 1 << 20));
  struct stat status {};
  ASSERT_EQ(::stat(image.c_str(), &status), 0);
  EXPECT_EQ(status.st_size, 1 << 20);
  EXPECT_EQ(status.st_blocks, 0);
}

TEST(Storage, AFolderIsEmptiedAndStays) {
  Result<Storage> storage = Storage::make(fs::temp_directory_path().string());
  ASSERT_TRUE(storage) << storage.error().message;
  const Result<std::string> folder = storage->make_folder("tree");
  ASSERT_TRUE(folder);
  fs::create_directories(*folder + "/a/b");
  std::ofstream(*folder + "/a/b/c") << "x";
  ASSERT_TRUE(empty_folder(*folder));
  EXPECT_TRUE(fs::is_empty(*folder));
}

TEST(Storage, RoomIsAskedOfTheFilesystemOfTheFolder) {
  const std::string folder = fs::temp_directory_path().string();
  EXPECT_TRUE(has_room_for(folder, 1));
  EXPECT_FALSE(has_room_for(folder, std::uint64_t{1} << 60));
  EXPECT_FALSE(has_room_for(folder + "/is/not/there", 1));
}

}  // namespace
}  // namespace holdfast::initiator
