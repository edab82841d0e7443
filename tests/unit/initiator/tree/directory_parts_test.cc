#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <semaphore>

#include "common/runtime/scope.h"
#include "initiator/tree/directory_calls.h"
#include "initiator/tree/directory_errors.h"
#include "initiator/tree/directory_node.h"
#include "initiator/tree/directory_place.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::initiator {
namespace {

TEST(DirectoryError, TellsNodesFromRoomFromServersFromTheRest) {
  EXPECT_EQ(directory_error(ENAMETOOLONG, "make").kind, ErrorKind::refused);
  EXPECT_EQ(directory_error(EOPNOTSUPP, "make").kind, ErrorKind::refused);
  EXPECT_EQ(directory_error(ENOSPC, "write").kind, ErrorKind::out_of_space);
  EXPECT_EQ(directory_error(EDQUOT, "write").kind, ErrorKind::out_of_space);
  EXPECT_EQ(directory_error(E2BIG, "set").kind, ErrorKind::out_of_space);
  EXPECT_EQ(directory_error(ENOTCONN, "open").kind, ErrorKind::peer_closed);
  EXPECT_EQ(directory_error(ESTALE, "open").kind, ErrorKind::peer_closed);
  EXPECT_EQ(directory_error(EIO, "write").kind, ErrorKind::system);
  EXPECT_EQ(directory_error(EROFS, "write").kind, ErrorKind::system);
  EXPECT_EQ(directory_error(EIO, "write").message, "write: Input/output error");
}

TEST(KeptThere, WhatThePlaceCannotHoldIsLeftOut) {
  const std::map<std::string, std::string> all = {
      {"user.one", "1"}, {"security.capability", "c"}, {"system.posix_acl_access", "a"}, {"system.posix_acl_default", "d"}};
  EXPECT_EQ(kept_there(all, {.xattrs = true, .acls = true, .owners = true}), all);
  EXPECT_EQ(kept_there(all, {.xattrs = true, .acls = false, .owners = true}).size(), 2U);
  EXPECT_EQ(kept_there(all, {.xattrs = false, .acls = true, .owners = true}).size(), 2U);
  EXPECT_TRUE(kept_there(all, {.xattrs = false, .acls = false, .owners = true}).empty());
}

class DirectoryCallsTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Loop>> created = Loop::create();
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
    Result<std::unique_ptr<BlockingCrew>> crew = BlockingCrew::create(*loop_, 2);
    ASSERT_TRUE(crew) << crew.error().message;
    crew_ = std::move(crew).value();
  }
  void TearDown() override {
    crew_.reset();
    loop_.reset();
  }

  std::unique_ptr<Loop> loop_;
  std::unique_ptr<BlockingCrew> crew_;
  DirectoryCalls calls_;
};

struct StuckBody {
  /// A call sticks, another one waits behind it; both are given up; the first comes back later.
  static Task<void> run(DirectoryCalls& calls, BlockingCrew& crew, std::counting_semaphore<>& gate,
                        std::counting_semaphore<>& begun) {
    auto stick = [&gate, &begun](CallSite& site) -> Result<int> {
      site.enter("fsync");
      begun.release();
      gate.acquire();
      return 7;
    };
    auto stuck = calls.start(crew, std::move(stick));
    begun.acquire();
    const Instant later = clock_now() + std::chrono::milliseconds(3200);
    EXPECT_TRUE(calls.oldest(later).starts_with("the kernel has been in fsync for 3.")) << calls.oldest(later);
    calls.abandon();
    co_await stuck->wait();
    const Result<int> answer = stuck->take();
    EXPECT_FALSE(answer);
    EXPECT_EQ(answer ? ErrorKind::system : answer.error().kind, ErrorKind::cancelled);
    EXPECT_FALSE(calls.idle()) << "the kernel still has it";

    bool made = false;
    auto never = [&made](CallSite&) -> Status {
      made = true;
      return {};
    };
    auto refused = calls.start(crew, std::move(never));
    co_await refused->wait();
    const Status status = refused->take();
    EXPECT_FALSE(status);
    EXPECT_FALSE(made);

    gate.release();
    co_await calls.came_back().wait();
    EXPECT_TRUE(calls.idle());
    EXPECT_EQ(calls.take_given_up().size(), 1U) << "its answer may hold a descriptor";
    EXPECT_TRUE(calls.oldest(later).empty());
  }
};

TEST_F(DirectoryCallsTest, AbandonAnswersWhatIsStuckAtOnceAndKeepsItUntilItComesBack) {
  std::counting_semaphore<> gate(0);
  std::counting_semaphore<> begun(0);
  loop_->run(StuckBody::run(calls_, *crew_, gate, begun));
}

struct CountingBody {
  static Task<void> run(DirectoryCalls& calls, BlockingCrew& crew) {
    auto three = [](CallSite& site) -> Status {
      for (const char* name : {"openat", "fchown", "close"}) site.enter(name);
      return {};
    };
    for (int i = 0; i < 5; ++i) {
      auto work = three;
      auto call = calls.start(crew, std::move(work));
      co_await call->wait();
      const Status status = call->take();
      EXPECT_TRUE(status);
    }
    EXPECT_EQ(calls.system_calls(), 15U);
    EXPECT_TRUE(calls.take_given_up().empty());
  }
};

TEST_F(DirectoryCallsTest, SystemCallsAreCounted) { loop_->run(CountingBody::run(calls_, *crew_)); }

std::size_t open_descriptors() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& one : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

TEST(OpenPlaces, SoManyAreOpenAndTheRestIsFoundAgain) {
  // Goal: descriptors are bounded whatever the tree, and a place is found though none above it is
  // open. Method: a chain of directories, deeper than the bound, asked from both ends.
  const TemporaryFolder folder;
  OpenPlaces places(4);
  CallSite site;
  Place root = std::make_shared<DirectoryPlace>(nullptr, "", S_IFDIR);
  places.set_root(root, std::make_shared<const Fd>(open_to_read(AT_FDCWD, folder.path().c_str(), true)));
  const std::size_t before = open_descriptors();
  std::vector<Place> chain = {root};
  for (int depth = 0; depth < 50; ++depth) {
    Result<SharedFd> above = places.open(chain.back(), site);
    ASSERT_TRUE(above) << above.error().message;
    ASSERT_EQ(::mkdirat((*above)->get(), "deeper", 0700), 0);
    chain.push_back(std::make_shared<DirectoryPlace>(chain.back(), "deeper", S_IFDIR));
  }
  for (const Place& place : chain) EXPECT_TRUE(places.open(place, site));
  EXPECT_TRUE(places.open(chain.back(), site));
  EXPECT_TRUE(places.open(chain[1], site));
  EXPECT_EQ(open_descriptors(), before + 4);
  const Place missing = std::make_shared<DirectoryPlace>(chain[7], "missing", S_IFREG);
  EXPECT_FALSE(places.open(missing, site));
  places.close_all();
  EXPECT_EQ(open_descriptors(), before - 1) << "the root is closed too";
  EXPECT_FALSE(places.open(chain[1], site));
}

TEST(OpenPlaces, NothingIsFollowed) {
  const TemporaryFolder folder;
  folder.make_file("target", 1);
  std::filesystem::create_symlink("target", folder.file("link"));
  OpenPlaces places(4);
  CallSite site;
  Place root = std::make_shared<DirectoryPlace>(nullptr, "", S_IFDIR);
  places.set_root(root, std::make_shared<const Fd>(open_to_read(AT_FDCWD, folder.path().c_str(), true)));
  const Place link = std::make_shared<DirectoryPlace>(root, "link", S_IFREG);
  Result<SharedFd> opened = places.open(link, site);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ELOOP);
  places.close_all();
}

TEST(DirectoryPlace, ADeepTreeEndsWithoutDeepRecursion) {
  Place place = std::make_shared<DirectoryPlace>(nullptr, "", S_IFDIR);
  for (int depth = 0; depth < 200'000; ++depth) place = std::make_shared<DirectoryPlace>(std::move(place), "d", S_IFDIR);
  place.reset();
}

}  // namespace
}  // namespace holdfast::initiator
