#include "target/store/file_view.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "common/base/units.h"
#include "common/runtime/fd.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::target {
namespace {

/// A file on tmpfs with data in its first half, and a hole in its second.
class FileViewTest : public testing::Test {
 protected:
  static constexpr std::uint64_t half = 2 * FileView::stretch_bytes;
  static constexpr std::uint64_t bytes = 2 * half;

  void SetUp() override {
    fd_ = Fd(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_TRUE(fd_);
    const std::vector<char> data(half, 'd');
    ASSERT_EQ(::pwrite(fd_.get(), data.data(), data.size(), 0), static_cast<ssize_t>(half));
    ASSERT_EQ(::ftruncate(fd_.get(), bytes), 0);
    view_ = FileView::of(fd_.get(), bytes, true);
    if (view_ == nullptr) GTEST_SKIP() << "/dev/shm is no tmpfs";
  }

  bool read(std::uint64_t offset, std::size_t length) {
    buffer_.assign(length, '?');
    iovec vectors[2] = {{buffer_.data(), length / 2}, {buffer_.data() + length / 2, length - length / 2}};
    return view_->is_filled(offset, length) && view_->read(offset, vectors);
  }
  bool write(std::uint64_t offset, const std::string& text) {
    iovec vector{const_cast<char*>(text.data()), text.size()};
    return view_->write(offset, {&vector, 1});
  }
  std::uint64_t room_taken() const {
    struct stat status {};
    EXPECT_EQ(::fstat(fd_.get(), &status), 0);
    return static_cast<std::uint64_t>(status.st_blocks) * 512;
  }

  TemporaryFolder folder_{"/dev/shm"};
  const std::string path_ = folder_.file("image");
  Fd fd_;
  std::unique_ptr<FileView> view_;
  std::vector<char> buffer_;
};

TEST_F(FileViewTest, ReadsAndWritesWhatIsThere) {
  EXPECT_TRUE(write(4096, "written"));
  ASSERT_TRUE(read(4090, 20));
  EXPECT_EQ(std::string(buffer_.begin(), buffer_.end()), "ddddddwrittenddddddd");
  char from_file[7];
  ASSERT_EQ(::pread(fd_.get(), from_file, 7, 4096), 7);
  EXPECT_EQ(std::string(from_file, 7), "written");
}

TEST_F(FileViewTest, LeavesHolesAlone) {
  const std::uint64_t before = room_taken();
  EXPECT_FALSE(read(half, 4096));
  EXPECT_FALSE(write(bytes - 4096, "x"));
  EXPECT_FALSE(read(half - 4096, 8192)) << "across the border";
  EXPECT_EQ(room_taken(), before);
}

TEST_F(FileViewTest, SeesThatAHoleHasBeenFilledInTheEnd) {
  ASSERT_FALSE(write(half, "x"));
  const std::vector<char> data(half, 'e');
  ASSERT_EQ(::pwrite(fd_.get(), data.data(), data.size(), half), static_cast<ssize_t>(half));
  int refused = 0;
  while (!write(half, "x")) ASSERT_LT(++refused, 200);
  EXPECT_TRUE(read(half, 4096));
}

TEST_F(FileViewTest, LooksAgainWhereARangeWasGivenBack) {
  ASSERT_TRUE(read(0, 4096));
  ASSERT_EQ(::fallocate(fd_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096), 0);
  view_->forget(0, 4096);
  const std::uint64_t before = room_taken();
  EXPECT_FALSE(read(0, 4096));
  EXPECT_EQ(room_taken(), before);
  EXPECT_TRUE(read(FileView::stretch_bytes, 4096)) << "the next stretch is as it was";
}

TEST_F(FileViewTest, PromisesNothingOfAFileThatOthersShorten) {
  ASSERT_TRUE(read(64 * KiB, 4096));
  ASSERT_EQ(::ftruncate(fd_.get(), 64 * KiB), 0);
  EXPECT_FALSE(read(64 * KiB, 4096));
  EXPECT_FALSE(write(1 * MiB, "x"));
  ASSERT_EQ(::ftruncate(fd_.get(), bytes), 0);
  EXPECT_FALSE(read(64 * KiB, 4096)) << "it is a hole now";
}

TEST_F(FileViewTest, EndsWhereTheFileEndedAtFirst) {
  ASSERT_EQ(::ftruncate(fd_.get(), 2 * bytes), 0);
  const std::vector<char> data(half, 'g');
  ASSERT_EQ(::pwrite(fd_.get(), data.data(), data.size(), bytes), static_cast<ssize_t>(half));
  EXPECT_FALSE(read(bytes, 4096));
  EXPECT_FALSE(read(bytes - 4096, 8192));
  EXPECT_FALSE(write(bytes, "x"));
  EXPECT_TRUE(read(0, 4096));
}

TEST_F(FileViewTest, KeepsTheTimeOfChangeUpToDate) {
  const timespec long_ago[2] = {{.tv_sec = 1'000, .tv_nsec = 0}, {.tv_sec = 1'000, .tv_nsec = 0}};
  ASSERT_EQ(::futimens(fd_.get(), long_ago), 0);
  ASSERT_TRUE(write(0, "x"));
  view_->note_change();
  struct stat status {};
  ASSERT_EQ(::fstat(fd_.get(), &status), 0);
  EXPECT_GT(status.st_mtime, 1'000);
}

TEST(FileView, IsNotHadOfAFileThatMayHaveToWaitForAMedium) {
  const Fd fd(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(fd);
  EXPECT_EQ(FileView::of(fd.get(), 4096, false), nullptr);
}

}  // namespace
}  // namespace holdfast::target
