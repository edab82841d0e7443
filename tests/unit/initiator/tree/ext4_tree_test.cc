#include "initiator/tree/ext4_tree.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <memory>
#include <optional>
#include <random>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

#include "common/runtime/scope.h"
#include "tests/support/memory_device.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"

// What is ext4's own: what the contract of all trees cannot say.

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using Bytes = std::vector<std::byte>;

class Ext4TreeTest : public testing::Test {
 public:
  void SetUp() override {
    Result<std::unique_ptr<Loop>> loop = Loop::create();
    ASSERT_TRUE(loop) << loop.error().message;
    loop_ = std::move(loop).value();
    use_device(64 * MiB);
  }
  void TearDown() override {
    device_.reset();
    loop_.reset();
  }
  void use_device(std::uint64_t bytes) { device_ = std::make_unique<MemoryDevice>(*loop_, bytes); }

  /// Makes a tree, runs `body` with it and closes it; returns what closing said, or making.
  template <typename Body>
  Status with_new_tree(Body body) {
    Status status;
    loop_->run(run_new(*this, body, status));
    return status;
  }
  void expect_clean() {
    const ShellAnswer answer = run_shell("e2fsck -fn " + device_->path());
    EXPECT_EQ(answer.exit_code, 0) << answer.output;
  }

  std::unique_ptr<Loop> loop_;
  std::unique_ptr<MemoryDevice> device_;
  Ext4Options options_;

 private:
  template <typename Body>
  static Task<void> run_new(Ext4TreeTest& test, Body& body, Status& status) {
    Result<std::unique_ptr<Tree>> made =
        co_await Ext4Tree::make(*test.loop_, *test.device_, test.options_);
    if (!made) {
      status = made.error();
      co_return;
    }
    Task<void> running = body(test, **made);
    co_await running;
    status = co_await (*made)->close();
  }
};

Attributes attributes_of(std::uint32_t mode, std::uint64_t bytes = 0) {
  Attributes attributes;
  attributes.mode = mode;
  attributes.bytes = bytes;
  attributes.modified = {1'600'000'000, 123'456'789};
  attributes.accessed = {1'500'000'000, 987'654'321};
  return attributes;
}

Task<Status> put_file(Tree& tree, std::string_view called, std::uint64_t bytes,
                      std::uint32_t number) {
  const std::string name(called);
  const Attributes attributes = attributes_of(S_IFREG | 0644, bytes);
  const DataRange whole{0, bytes};
  const Result<NodeId> made =
      co_await tree.create_file(tree.root(), name, attributes, std::span(&whole, 1), number);
  if (!made) co_return made.error();
  const Bytes content(bytes, std::byte{0x42});
  const Status written = co_await tree.write(*made, 0, content);
  if (!written) co_return written;
  Status finished = co_await tree.finish_file(*made);
  co_return finished;
}

Task<void> put_nothing(Ext4TreeTest&, Tree&) {
  co_return;
}

TEST_F(Ext4TreeTest, ADeviceTooSmallForTheTreeIsRefusedWithBothSizesAndLeftAlone) {
  options_.bytes = 100 * MiB;
  const Status made = with_new_tree(&put_nothing);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::out_of_space);
  EXPECT_NE(made.error().message.find("67108864"), std::string::npos) << made.error().message;
  EXPECT_NE(made.error().message.find("104857600"), std::string::npos) << made.error().message;
  EXPECT_TRUE(device_->sent.empty());
}

TEST_F(Ext4TreeTest, ADeviceTooSmallForAFilesystemIsRefusedByItsSize) {
  use_device(16 * KiB);
  const Status made = with_new_tree(&put_nothing);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("16384 bytes is too small"), std::string::npos) << made.error().message;
  EXPECT_TRUE(device_->sent.empty());
}

TEST_F(Ext4TreeTest, EverySizeOfDeviceThatMke2fsAcceptsIsMadeClean) {
  for (const std::uint64_t bytes :
       {256 * KiB, 1 * MiB, 8 * MiB + 512, 500 * MiB, 9 * GiB, 3 * TiB}) {
    use_device(bytes);
    const Status made = with_new_tree(&put_nothing);
    EXPECT_TRUE(made) << bytes << ": " << made.error().message;
    if (bytes <= 9 * GiB) expect_clean();
  }
}

TEST_F(Ext4TreeTest, AReadOnlyDeviceIsRefused) {
  device_->is_read_only = true;
  const Status made = with_new_tree(&put_nothing);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, EROFS);
}

Task<void> open_and_say(Ext4TreeTest& test, std::optional<Error>& error) {
  Result<std::unique_ptr<Tree>> opened =
      co_await Ext4Tree::open(*test.loop_, *test.device_, test.options_);
  if (opened) {
    [[maybe_unused]] const Status closed = co_await (*opened)->close();
    co_return;
  }
  error = opened.error();
}

TEST_F(Ext4TreeTest, WhatIsNoFilesystemIsNotOpened) {
  std::memset(device_->memory(), 0xA5, 1 * MiB);
  std::optional<Error> error;
  loop_->run(open_and_say(*this, error));
  ASSERT_TRUE(error);
  EXPECT_NE(error->message.find("magic"), std::string::npos) << error->message;
}

TEST_F(Ext4TreeTest, ATreeOpenedForReadingRefusesToWrite) {
  ASSERT_TRUE(with_new_tree(&put_nothing));
  struct Bodies {
    static Task<void> write(Ext4TreeTest& test) {
      Result<std::unique_ptr<Tree>> opened =
          co_await Ext4Tree::open(*test.loop_, *test.device_, test.options_);
      EXPECT_TRUE(opened);
      test.device_->sent.clear();
      const Status put = co_await put_file(**opened, "f", 100, 1);
      EXPECT_FALSE(put);
      if (!put) {
        EXPECT_EQ(put.error().code, EROFS);
      }
      const Status closed = co_await (*opened)->close();
      EXPECT_TRUE(closed) << closed.error().message;
    }
  };
  loop_->run(Bodies::write(*this));
  EXPECT_EQ(device_->count(DeviceOperation::write), 0U);
}

TEST_F(Ext4TreeTest, DataIsWrittenInTheNameOfItsFileAndMetadataInNobodys) {
  struct Bodies {
    static Task<void> fill(Ext4TreeTest&, Tree& tree) {
      const Status first = co_await put_file(tree, "first", 6 * MiB, 7);
      EXPECT_TRUE(first);
      const Status second = co_await put_file(tree, "second", 6 * MiB, 9);
      EXPECT_TRUE(second);
    }
  };
  ASSERT_TRUE(with_new_tree(&Bodies::fill));
  std::map<std::uint32_t, std::uint64_t> bytes;
  for (const MemoryDevice::Sent& sent : device_->sent) bytes[sent.file] += sent.bytes;
  EXPECT_EQ(bytes.size(), 3U);
  EXPECT_GE(bytes[7], 5 * MiB);
  EXPECT_GE(bytes[9], 5 * MiB);
  EXPECT_LE(bytes[0], 2 * MiB);
}

TEST_F(Ext4TreeTest, WritesBackInItsRhythmWithoutBeingAsked) {
  options_.sync_every = milliseconds(20);
  struct Bodies {
    static Task<void> fill(Ext4TreeTest& test, Tree& tree) {
      const Status put = co_await put_file(tree, "f", 100, 1);
      EXPECT_TRUE(put);
      while (test.device_->count(DeviceOperation::flush) == 0)
        co_await sleep_for(*test.loop_, milliseconds(5));
      // The filesystem is whole on the device while the tree is still open.
      test.expect_clean();
      const std::size_t flushes = test.device_->count(DeviceOperation::flush);
      co_await sleep_for(*test.loop_, milliseconds(1500));
      EXPECT_EQ(test.device_->count(DeviceOperation::flush), flushes)
          << "nothing was changed, and yet it flushes";
    }
  };
  EXPECT_TRUE(with_new_tree(&Bodies::fill));
}

TEST_F(Ext4TreeTest, AFailedWriteFailsEveryLaterCallWithItsCause) {
  options_.sync_every = Duration(0);
  struct Bodies {
    static Task<void> fill(Ext4TreeTest& test, Tree& tree) {
      test.device_->judge = [](const DeviceRequest& request) {
        return request.operation == DeviceOperation::write ? EIO : 0;
      };
      const Status put = co_await put_file(tree, "f", 100, 1);
      EXPECT_TRUE(put) << "the cache has taken it";
      const Status synced = co_await tree.sync();
      expect_cause(synced);
      const Status later = co_await put_file(tree, "g", 100, 1);
      expect_cause(later);
      const Result<Attributes> read = co_await tree.read_attributes(tree.root());
      EXPECT_FALSE(read);
    }
    static void expect_cause(const Status& status) {
      ASSERT_FALSE(status);
      EXPECT_EQ(status.error().code, EIO);
      EXPECT_NE(status.error().message.find("write"), std::string::npos) << status.error().message;
      EXPECT_NE(status.error().message.find("the test said so"), std::string::npos);
    }
  };
  const Status closed = with_new_tree(&Bodies::fill);
  ASSERT_FALSE(closed);
  EXPECT_NE(closed.error().message.find("the test said so"), std::string::npos);
}

/// Gives a device up after a while.
Task<void> abandon_later(Ext4TreeTest& test) {
  co_await sleep_for(*test.loop_, milliseconds(30));
  test.device_->abandon();
}

TEST_F(Ext4TreeTest, ADeviceThatNeverAnswersIsGivenUpAndEverythingUnwinds) {
  options_.dirty_bytes_max = 2 * MiB;
  options_.sync_every = milliseconds(10);
  struct Bodies {
    static Task<void> fill(Ext4TreeTest& test, Tree& tree) {
      test.device_->judge = [](const DeviceRequest&) { return MemoryDevice::never; };
      Scope scope;
      scope.spawn(abandon_later(test));
      const Status put = co_await put_file(tree, "f", 20 * MiB, 1);
      EXPECT_FALSE(put);
      if (!put) {
        EXPECT_EQ(put.error().kind, ErrorKind::cancelled) << put.error().message;
      }
      co_await scope.join();
    }
  };
  const Status closed = with_new_tree(&Bodies::fill);
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().kind, ErrorKind::cancelled) << closed.error().message;
}

TEST_F(Ext4TreeTest, ADeviceThatDiesWhileItIsOpenedIsGivenUpToo) {
  ASSERT_TRUE(with_new_tree(&put_nothing));
  device_->judge = [](const DeviceRequest&) { return MemoryDevice::never; };
  struct Bodies {
    static Task<void> both(Ext4TreeTest& test, std::optional<Error>& error) {
      Scope scope;
      scope.spawn(abandon_later(test));
      co_await open_and_say(test, error);
      co_await scope.join();
    }
  };
  std::optional<Error> error;
  loop_->run(Bodies::both(*this, error));
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, ErrorKind::cancelled) << error->message;
}

TEST_F(Ext4TreeTest, EveryBlockCanBeFilledAndTheNextOneIsRefusedInOrder) {
  use_device(4 * MiB);
  options_.nodes = 2000;
  struct Bodies {
    static Task<void> fill(Ext4TreeTest&, Tree& tree) {
      Status put;
      for (int i = 0; put && i < 2000; ++i) {
        const std::string name = std::to_string(i);
        put = co_await put_file(tree, name, 4096, 1);
      }
      EXPECT_FALSE(put);
      if (!put) {
        EXPECT_EQ(put.error().kind, ErrorKind::out_of_space) << put.error().message;
      }
      EXPECT_EQ(tree.free_bytes(), 0U);
    }
  };
  const Status closed = with_new_tree(&Bodies::fill);
  EXPECT_TRUE(closed) << closed.error().message;
  expect_clean();
}

TEST_F(Ext4TreeTest, InodesRunOutInOrderToo) {
  struct Bodies {
    static Task<void> fill(Ext4TreeTest&, Tree& tree) {
      const Attributes attributes = attributes_of(S_IFIFO | 0600);
      for (int i = 0; i < 100'000; ++i) {
        const std::string name = std::to_string(i);
        const Result<NodeId> made = co_await tree.make_special(tree.root(), name, attributes);
        if (made) continue;
        EXPECT_EQ(made.error().kind, ErrorKind::out_of_space) << made.error().message;
        co_return;
      }
      ADD_FAILURE() << "a hundred thousand inodes in 64 MiB";
    }
  };
  const Status closed = with_new_tree(&Bodies::fill);
  EXPECT_TRUE(closed) << closed.error().message;
  expect_clean();
}

TEST_F(Ext4TreeTest, AFileHasAtMost65000NamesAndADirectoryMoreSubdirectories) {
  use_device(512 * MiB);
  options_.nodes = 70'000;
  struct Bodies {
    static Task<void> fill(Ext4TreeTest&, Tree& tree) {
      const Attributes directory = attributes_of(S_IFDIR | 0755);
      const Attributes fifo = attributes_of(S_IFIFO | 0644);
      const std::string first = "first";
      const Result<NodeId> names = co_await tree.make_directory(tree.root(), first, directory);
      EXPECT_TRUE(names);
      const Result<NodeId> node = co_await tree.make_special(*names, first, fifo);
      EXPECT_TRUE(node);
      Status linked;
      int links = 1;
      for (; linked && links < 70'000; ++links) {
        const std::string name = std::to_string(links);
        linked = co_await tree.link(*node, *names, name);
      }
      EXPECT_EQ(links - 1, 65'000);
      if (!linked) {
        EXPECT_EQ(linked.error().code, EMLINK);
      }
      for (int i = 0; i < 65'100; ++i) {
        const std::string name = std::to_string(i);
        const Result<NodeId> made = co_await tree.make_directory(tree.root(), name, directory);
        EXPECT_TRUE(made) << i << ": " << made.error().message;
        if (!made) co_return;
      }
      const Result<Attributes> root = co_await tree.read_attributes(tree.root());
      EXPECT_EQ(root->links, 1U) << "ext4's way of saying: many";
    }
  };
  const Status closed = with_new_tree(&Bodies::fill);
  EXPECT_TRUE(closed) << closed.error().message;
  expect_clean();
}

TEST_F(Ext4TreeTest, AnUnreadableDirectoryIsNamedWithItsPlaceAndTheRestIsRead) {
  struct Bodies {
    static Task<void> fill(Ext4TreeTest&, Tree& tree) {
      const Attributes attributes = attributes_of(S_IFDIR | 0755);
      for (int i = 0; i < 100; ++i) {  // so that the last one is beyond what is read ahead
        const std::string name = std::to_string(i);
        const Result<NodeId> made = co_await tree.make_directory(tree.root(), name, attributes);
        EXPECT_TRUE(made);
      }
    }
    static Task<void> read(Ext4TreeTest& test) {
      Result<std::unique_ptr<Tree>> opened =
          co_await Ext4Tree::open(*test.loop_, *test.device_, test.options_);
      EXPECT_TRUE(opened);
      Tree& tree = **opened;
      const Result<std::vector<DirectoryEntry>> root = co_await tree.read_directory(tree.root());
      EXPECT_TRUE(root) << root.error().message;
      test.device_->judge = [](const DeviceRequest&) { return EIO; };
      Result<std::vector<DirectoryEntry>> read = Error{};
      for (const DirectoryEntry& entry : *root)
        if (entry.name == "99") read = co_await tree.read_directory(entry.node);
      test.device_->judge = nullptr;
      EXPECT_FALSE(read);
      EXPECT_NE(read.error().message.find("at byte"), std::string::npos) << read.error().message;
      EXPECT_NE(read.error().message.find("the test said so"), std::string::npos);
      for (const DirectoryEntry& entry : *root) {
        const Result<Attributes> attributes = co_await tree.read_attributes(entry.node);
        EXPECT_TRUE(attributes) << attributes.error().message;
      }
      const Status closed = co_await tree.close();
      EXPECT_TRUE(closed) << closed.error().message;
    }
  };
  ASSERT_TRUE(with_new_tree(&Bodies::fill));
  loop_->run(Bodies::read(*this));
}

/// Reads all that can be reached, as far as it can be read.
Task<void> read_everything(Ext4TreeTest& test, int& errors) {
  Result<std::unique_ptr<Tree>> opened =
      co_await Ext4Tree::open(*test.loop_, *test.device_, test.options_);
  if (!opened) {
    ++errors;
    co_return;
  }
  Tree& tree = **opened;
  std::vector<NodeId> left{tree.root()};
  Bytes content(64 * KiB);
  for (int visited = 0; !left.empty() && visited < 500; ++visited) {
    const NodeId node = left.back();
    left.pop_back();
    const Result<Attributes> attributes = co_await tree.read_attributes(node);
    const Result<std::vector<DirectoryEntry>> entries = co_await tree.read_directory(node);
    const Result<std::string> target = co_await tree.read_link(node);
    const Result<std::vector<DataRange>> ranges = co_await tree.read_data_ranges(node);
    const Result<std::size_t> got = co_await tree.read(node, 0, content, 1);
    errors += attributes ? 0 : 1;
    errors += entries || target || (ranges && got) || !attributes ? 0 : 1;
    if (!entries) continue;
    for (const DirectoryEntry& entry : *entries) left.push_back(entry.node);
  }
  [[maybe_unused]] const Status closed = co_await tree.close();
}

TEST_F(Ext4TreeTest, WhatIsDamagedIsAnErrorAndNeverACrash) {
  use_device(4 * MiB);
  struct Bodies {
    static Task<void> fill(Ext4TreeTest&, Tree& tree) {
      NodeId at = tree.root();
      for (int depth = 0; depth < 10; ++depth) {
        Attributes attributes = attributes_of(S_IFDIR | 0755);
        attributes.xattrs["user.large"] = std::string(2000, 'x');
        const std::string name = "d";
        const Result<NodeId> made = co_await tree.make_directory(at, name, attributes);
        EXPECT_TRUE(made) << made.error().message;
        std::vector<DataRange> ranges;
        for (std::uint64_t i = 0; i < 20; ++i) ranges.push_back({i * 8192, 4096});
        const Attributes file = attributes_of(S_IFREG | 0644, 20 * 8192);
        const std::string file_name = "f";
        const Result<NodeId> sparse = co_await tree.create_file(at, file_name, file, ranges, 1);
        EXPECT_TRUE(sparse) << sparse.error().message;
        const Attributes link = attributes_of(S_IFLNK | 0777);
        const std::string link_name = "l";
        const std::string target(1000, 't');
        const Result<NodeId> symlink = co_await tree.make_symlink(at, link_name, target, link);
        EXPECT_TRUE(symlink) << symlink.error().message;
        at = *made;
      }
    }
  };
  ASSERT_TRUE(with_new_tree(&Bodies::fill));
  const Bytes whole(device_->memory(), device_->memory() + device_->size());
  int errors = 0;
  loop_->run(read_everything(*this, errors));
  EXPECT_EQ(errors, 0);
  std::mt19937_64 random(1);
  for (int round = 0; round < 100; ++round) {
    std::memcpy(device_->memory(), whole.data(), whole.size());
    // Only where something lies: most of the device is empty.
    for (int hit = 0; hit < 40;) {
      const std::size_t at = random() % whole.size();
      if (whole[at] == std::byte{0}) continue;
      device_->memory()[at] = static_cast<std::byte>(random());
      ++hit;
    }
    loop_->run(read_everything(*this, errors));
  }
  EXPECT_GT(errors, 30) << "the damage is not where it is read";
}

TEST_F(Ext4TreeTest, TheKernelMountsItAndSeesTheSame) {
  std::memset(device_->memory(), 0xA5, device_->size());
  struct Bodies {
    static Task<void> fill(Ext4TreeTest&, Tree& tree) {
      Attributes attributes = attributes_of(S_IFDIR | S_ISVTX | 0751);
      attributes.uid = 70'000;
      attributes.xattrs["user.note"] = "of a directory";
      attributes.xattrs["system.posix_acl_default"] = std::string(
          "\2\0\0\0\1\0\7\0\xFF\xFF\xFF\xFF\4\0\5\0\xFF\xFF\xFF\xFF\40\0\0\0\xFF\xFF\xFF\xFF", 28);
      const std::string directory = "directory";
      const Result<NodeId> made = co_await tree.make_directory(tree.root(), directory, attributes);
      EXPECT_TRUE(made) << made.error().message;
      Attributes device = attributes_of(S_IFBLK | 0660);
      device.device = makedev(259, 70'000);
      const std::string disk = "disk";
      const Result<NodeId> special = co_await tree.make_special(*made, disk, device);
      EXPECT_TRUE(special) << special.error().message;
      const Attributes link = attributes_of(S_IFLNK | 0777);
      const std::string name = "symlink";
      const std::string target(200, 't');
      const Result<NodeId> symlink = co_await tree.make_symlink(*made, name, target, link);
      EXPECT_TRUE(symlink) << symlink.error().message;
      const Status put = co_await put_file(tree, "file", 5 * MiB + 1, 1);
      EXPECT_TRUE(put) << put.error().message;
    }
  };
  ASSERT_TRUE(with_new_tree(&Bodies::fill));
  expect_clean();

  TemporaryFolder folder;
  const ShellAnswer mounted =
      run_shell("mount -o loop,ro " + device_->path() + " " + folder.path());
  if (mounted.exit_code != 0) GTEST_SKIP() << "cannot mount here: " << mounted.output;
  struct stat status {};
  EXPECT_EQ(::stat(folder.file("directory").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode, static_cast<mode_t>(S_IFDIR | S_ISVTX | 0751));
  EXPECT_EQ(status.st_uid, 70'000U);
  EXPECT_EQ(status.st_mtim.tv_sec, 1'600'000'000);
  EXPECT_EQ(status.st_mtim.tv_nsec, 123'456'789);
  char value[64] = {};
  EXPECT_EQ(::getxattr(folder.file("directory").c_str(), "user.note", value, sizeof value), 14);
  EXPECT_STREQ(value, "of a directory");
  EXPECT_EQ(::getxattr(folder.file("directory").c_str(), "system.posix_acl_default", value, 64),
            28);
  EXPECT_EQ(::lstat(folder.file("directory/disk").c_str(), &status), 0);
  EXPECT_EQ(status.st_rdev, makedev(259, 70'000));
  char target[512];
  EXPECT_EQ(::readlink(folder.file("directory/symlink").c_str(), target, sizeof target), 200);
  std::ifstream file(folder.file("file"), std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(file)),
                            std::istreambuf_iterator<char>());
  EXPECT_EQ(content, std::string(5 * MiB + 1, '\x42'));
  file.close();
  EXPECT_NE(::access(folder.file("lost+found").c_str(), F_OK), 0) << "no source has one";
  const ShellAnswer unmounted = run_shell("umount " + folder.path());
  EXPECT_EQ(unmounted.exit_code, 0) << unmounted.output;
}

}  // namespace
}  // namespace holdfast::initiator
