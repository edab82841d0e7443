#include "target/store/descriptor_store.h"

#include <algorithm>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include "common/base/units.h"
#include "common/runtime/loop.h"
#include "target/store/file_store.h"
#include "tests/support/loop_device.h"
#include "tests/support/store_call.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::target {
namespace {

class DescriptorStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Loop>> created = Loop::create();
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
  }
  static std::unique_ptr<Store> open(const std::string& path,
                                     const StoreOpenOptions& options = {}) {
    auto opened = open_file_store(path, options);
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(opened).value() : nullptr;
  }
  TemporaryFolder folder_;
  std::unique_ptr<Loop> loop_;
};

struct Answer {
  int error = -1;
  std::uint64_t failed_offset = 0;
};

Task<void> ask(Store& store, StoreOperation operation, std::uint64_t offset, std::size_t bytes,
               bool durable, Answer& answer) {
  std::vector<std::byte> data(bytes, std::byte{0x5a});
  StoreCall call(store);
  call.use(data);
  call.request.bytes = bytes;
  call.request.durable = durable;
  call.submit(operation, offset);
  co_await call.answer();
  answer.error = call.request.error;
  answer.failed_offset = call.request.failed_offset;
}

TEST_F(DescriptorStoreTest, AReadOnlyStoreRefusesChangesAndServesTheRest) {
  auto store = open(folder_.make_file("a.img", MiB), {.read_only = true});
  ASSERT_TRUE(store);
  EXPECT_TRUE(store->read_only());
  for (StoreOperation operation : {StoreOperation::write, StoreOperation::unmap}) {
    Answer answer;
    loop_->run(ask(*store, operation, 8192, 4096, true, answer));
    EXPECT_EQ(answer.error, EROFS);
    EXPECT_EQ(answer.failed_offset, 8192u);
  }
  for (StoreOperation operation : {StoreOperation::read, StoreOperation::flush}) {
    Answer answer;
    loop_->run(ask(*store, operation, 8192, 4096, false, answer));
    EXPECT_EQ(answer.error, 0);
  }
}

TEST_F(DescriptorStoreTest, AFileThatShrankIsAnErrorAtItsNewEnd) {
  const std::string path = folder_.make_file("a.img", MiB);
  auto store = open(path);
  ASSERT_TRUE(store);
  ASSERT_EQ(::truncate(path.c_str(), 64 * KiB), 0);
  Answer across;
  loop_->run(ask(*store, StoreOperation::read, 60 * KiB, 16 * KiB, false, across));
  EXPECT_EQ(across.error, EIO);
  EXPECT_EQ(across.failed_offset, 64 * KiB);
  Answer beyond;
  loop_->run(ask(*store, StoreOperation::read, 512 * KiB, 4096, false, beyond));
  EXPECT_EQ(beyond.error, EIO);
  EXPECT_EQ(beyond.failed_offset, 512 * KiB);
  EXPECT_EQ(store->size(), MiB);
}

TEST_F(DescriptorStoreTest, AFullFilesystemIsENOSPCAtTheFirstByteThatFoundNoRoom) {
  const std::string mount_point = folder_.file("mnt");
  std::filesystem::create_directory(mount_point);
  if (::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=64k") != 0)
    GTEST_SKIP() << "cannot mount a tmpfs: " << std::strerror(errno);
  const std::string path = mount_point + "/a.img";
  {
    const Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    EXPECT_EQ(::ftruncate(fd.get(), MiB), 0);
  }
  for (bool durable : {false, true}) {
    auto store = open(path);
    EXPECT_TRUE(store);
    if (!store) break;
    Answer answer;
    loop_->run(ask(*store, StoreOperation::write, 0, 256 * KiB, durable, answer));
    EXPECT_EQ(answer.error, ENOSPC);
    EXPECT_LE(answer.failed_offset, 64 * KiB);
    EXPECT_EQ(answer.failed_offset % 4096, 0u);
  }
  EXPECT_EQ(::umount(mount_point.c_str()), 0);
}

Task<void> ask_room(Store& store, int& error, StoreRoom& room) {
  StoreCall call(store);
  call.submit(StoreOperation::room, 0);
  co_await call.answer();
  error = call.request.error;
  room = call.request.room;
}

TEST_F(DescriptorStoreTest, TheRoomOfAFileIsThatOfItsFilesystem) {
  const std::string path = folder_.path() + "/file";
  std::ofstream(path) << std::string(MiB, 'x');
  std::unique_ptr<Store> store = open(path);
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(store->tells_room());
  int error = -1;
  StoreRoom room;
  loop_->run(ask_room(*store, error, room));
  ASSERT_EQ(error, 0);
  EXPECT_GE(room.used_bytes, MiB);
  const std::uint64_t capacity = std::filesystem::space(path).capacity;
  EXPECT_GT(room.available_bytes, 0u);
  EXPECT_LT(room.available_bytes, capacity);
}

TEST_F(DescriptorStoreTest, UnmappedBlocksOfAFileAreGivenBack) {
  const std::string path = folder_.make_file("a.img", 4 * MiB);
  auto store = open(path);
  ASSERT_TRUE(store);
  Answer answer;
  loop_->run(ask(*store, StoreOperation::write, 0, 4 * MiB, true, answer));
  struct stat before {};
  struct stat after {};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  loop_->run(ask(*store, StoreOperation::unmap, 1 * MiB, 2 * MiB, true, answer));
  EXPECT_EQ(answer.error, 0);
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_EQ(after.st_size, before.st_size);
  if (after.st_blocks == before.st_blocks) GTEST_SKIP() << "this filesystem punches no holes";
  EXPECT_LE(after.st_blocks, before.st_blocks - static_cast<blkcnt_t>(1 * MiB / 512));
}

Task<void> unmap_and_look(Store& store, std::vector<std::byte>& data,
                          std::vector<std::byte>& back) {
  const int written = co_await write_store(store, 0, data);
  EXPECT_EQ(written, 0);
  const int unmapped = co_await unmap_store(store, 512, data.size() - 1024, true);
  EXPECT_EQ(unmapped, 0);
  const int read = co_await read_store(store, 0, back);
  EXPECT_EQ(read, 0);
}

TEST_F(DescriptorStoreTest, WhereTheFilesystemRefusesToUnmapZerosAreWritten) {
  // A ramfs knows no fallocate at all, so the store meets a real refusal and finds its way by
  // itself.
  const std::string mount_point = folder_.file("mnt");
  std::filesystem::create_directory(mount_point);
  if (::mount("ramfs", mount_point.c_str(), "ramfs", 0, nullptr) != 0)
    GTEST_SKIP() << "cannot mount a ramfs: " << std::strerror(errno);
  const std::string path = mount_point + "/a.img";
  std::vector<std::byte> data(700 * KiB, std::byte{0x5a});
  std::vector<std::byte> back(data.size());
  {
    const Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    EXPECT_EQ(::ftruncate(fd.get(), MiB), 0);
    EXPECT_NE(::fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), 0);
  }
  if (auto store = open(path)) {
    loop_->run(unmap_and_look(*store, data, back));
    // Once more, by what it has learnt.
    loop_->run(unmap_and_look(*store, data, back));
  }
  std::fill(data.begin() + 512, data.end() - 512, std::byte{0});
  EXPECT_TRUE(back == data);
  EXPECT_EQ(::umount(mount_point.c_str()), 0);
}

/// The kernel's count of pages of a file that are not yet on the medium (cachestat, Linux 6.5); -1
/// where it cannot be asked.
std::int64_t unwritten_pages(const std::string& path) {
  constexpr long cachestat_number = 451;
  struct {
    std::uint64_t offset = 0, bytes = 0;
  } range;
  struct {
    std::uint64_t cached, dirty, in_writeback, evicted, recently_evicted;
  } counts{};
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (::syscall(cachestat_number, fd.get(), &range, &counts, 0) != 0) return -1;
  return static_cast<std::int64_t>(counts.dirty + counts.in_writeback);
}

constexpr DescriptorStoreOptions no_dsync{.dsync_writes = false};

/// Goal: what is promised to be on the medium is there when the answer comes. Method: ask the
/// kernel how much of the file it still holds back; a plain write shows that it would tell.
void expect_durability(Loop& loop, const std::string& path) {
  for (const DescriptorStoreOptions& ways : {DescriptorStoreOptions{}, no_dsync}) {
    SCOPED_TRACE(ways.dsync_writes ? "with RWF_DSYNC" : "without RWF_DSYNC");
    auto store = open_file_store(path, {.ways = ways});
    ASSERT_TRUE(store) << store.error().message;
    Answer answer;
    loop.run(ask(**store, StoreOperation::write, 0, 256 * KiB, false, answer));
    ASSERT_EQ(answer.error, 0);
    if (unwritten_pages(path) == 0) GTEST_SKIP() << "a plain write is written at once here";
    loop.run(ask(**store, StoreOperation::flush, 0, 0, false, answer));
    EXPECT_EQ(answer.error, 0);
    EXPECT_EQ(unwritten_pages(path), 0) << "after a flush";
    loop.run(ask(**store, StoreOperation::write, 64 * KiB, 256 * KiB, true, answer));
    EXPECT_EQ(answer.error, 0);
    EXPECT_EQ(unwritten_pages(path), 0) << "after a durable write";
  }
}

TEST_F(DescriptorStoreTest, DurableWritesAndFlushesReachAFilesMedium) {
  const std::string path = folder_.make_file("a.img", MiB);
  struct statfs system {};
  ASSERT_EQ(::statfs(path.c_str(), &system), 0);
  if (system.f_type == TMPFS_MAGIC) GTEST_SKIP() << "TMPDIR is a tmpfs, which has no medium";
  if (unwritten_pages(path) < 0) GTEST_SKIP() << "this kernel has no cachestat (Linux 6.5)";
  expect_durability(*loop_, path);
}

TEST_F(DescriptorStoreTest, DurableWritesAndFlushesReachADevice) {
  auto device = LoopDevice::attach(folder_.make_file("disk.img", MiB));
  if (!device) GTEST_SKIP() << "no loop device: " << device.error().message;
  if (unwritten_pages((*device)->path()) < 0)
    GTEST_SKIP() << "this kernel has no cachestat (Linux 6.5)";
  expect_durability(*loop_, (*device)->path());
}

Task<void> note_write(Store& store, std::span<std::byte> data, int& error) {
  error = co_await write_store(store, 0, data);
}

TEST(DirectWay, TakesWhatIsAlignedInMemoryAndOnTheMedium) {
  alignas(4096) static std::byte memory[8192];
  DirectWay way;
  std::vector<iovec> vectors = {{memory, 4096}, {memory + 4096, 4096}};
  EXPECT_FALSE(way.takes(vectors, 0)) << "there is no such way";
  way.fd = Fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  way.memory_alignment = 512;
  way.offset_alignment = 4096;
  EXPECT_TRUE(way.takes(vectors, 4096));
  EXPECT_FALSE(way.takes(vectors, 512)) << "the offset is not aligned";
  vectors[1].iov_len = 512;
  EXPECT_FALSE(way.takes(vectors, 0)) << "a length is not aligned";
  vectors[1] = {memory + 512, 4096};
  EXPECT_TRUE(way.takes(vectors, 0));
  vectors[1] = {memory + 8, 4096};
  EXPECT_FALSE(way.takes(vectors, 0)) << "an address is not aligned";
}

TEST_F(DescriptorStoreTest, ADirectStoreLeavesNothingInThePageCache) {
  const std::string path = folder_.make_file("a.img", 4 * MiB);
  auto opened = open_file_store(path, {.direct = true});
  if (!opened) GTEST_SKIP() << opened.error().message;
  struct statfs filesystem {};
  ASSERT_EQ(::statfs(path.c_str(), &filesystem), 0);
  if (filesystem.f_type == TMPFS_MAGIC) GTEST_SKIP() << "on tmpfs the page cache is all that there is";
  alignas(4096) static std::byte memory[64 * KiB];
  std::ranges::fill(memory, std::byte{7});
  int error = -1;
  loop_->run(note_write(**opened, memory, error));
  ASSERT_EQ(error, 0);
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  void* mapping = ::mmap(nullptr, sizeof memory, PROT_READ, MAP_SHARED, fd.get(), 0);
  ASSERT_NE(mapping, MAP_FAILED);
  std::vector<unsigned char> resident(sizeof memory / 4096);
  EXPECT_EQ(::mincore(mapping, sizeof memory, resident.data()), 0);
  ::munmap(mapping, sizeof memory);
  EXPECT_EQ(std::ranges::count_if(resident, [](unsigned char page) { return (page & 1) != 0; }), 0);
}

/// A read that waits for a medium which may never come back.
Task<void> give_up_a_read(Store& store) {
  std::vector<std::byte> data(512);
  StoreCall call(store);
  call.use(data);
  call.submit(StoreOperation::read, 0);
  co_await sleep_for(Loop::current(), std::chrono::milliseconds(20));
  EXPECT_FALSE(call.is_answered());
  Store::give_up(call.request);
  co_await call.answer();
  EXPECT_EQ(call.request.error, ECANCELED);
}

TEST_F(DescriptorStoreTest, AReadThatWaitsIsTakenBackFromTheKernel) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Fd writing(ends[1]);
  Fd reading(ends[0]);
  DescriptorStore store(std::move(reading), {}, {.description = "a pipe", .identity = {}, .size = 4096}, {});
  loop_->run(give_up_a_read(store));
}

}  // namespace
}  // namespace holdfast::target
