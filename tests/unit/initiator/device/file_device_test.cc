#include "initiator/device/file_device.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace holdfast::initiator {
namespace {

class FileDeviceTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Loop>> created = Loop::create();
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
  }

  std::string refusal(const std::string& path) {
    Result<std::unique_ptr<FileDevice>> opened = FileDevice::open(*loop_, path);
    return opened ? "" : opened.error().message;
  }

  TemporaryFolder folder_;
  std::unique_ptr<Loop> loop_;
};

TEST_F(FileDeviceTest, AMissingImageIsRefusedWithTheCommandThatMakesIt) {
  const std::string path = folder_.file("none.img");
  EXPECT_NE(refusal(path).find("truncate -s 10G " + path), std::string::npos) << refusal(path);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(FileDeviceTest, WhatIsNoFileAndNoDeviceIsRefusedByName) {
  EXPECT_NE(refusal(folder_.path()).find("neither a regular file nor a block device"), std::string::npos);
  EXPECT_NE(refusal(folder_.path()).find(folder_.path()), std::string::npos);
}

TEST_F(FileDeviceTest, AnEmptyImageIsRefused) {
  EXPECT_NE(refusal(folder_.make_file("empty", 0)).find("is empty"), std::string::npos);
  EXPECT_NE(refusal(folder_.make_file("tiny", 511)).find("is empty"), std::string::npos);
}

TEST_F(FileDeviceTest, ALengthThatIsNoWholeBlockIsCutToOne) {
  Result<std::unique_ptr<FileDevice>> opened = FileDevice::open(*loop_, folder_.make_file("odd", 1025));
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ((*opened)->size(), 1024U);
}

TEST_F(FileDeviceTest, AnImageThatIsInUseIsRefused) {
  const std::string path = folder_.make_file("image", 65536);
  Result<std::unique_ptr<FileDevice>> first = FileDevice::open(*loop_, path);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_NE(refusal(path).find("in use"), std::string::npos) << refusal(path);
}

TEST_F(FileDeviceTest, ReadersShareAnImage) {
  const std::string path = folder_.make_file("image", 65536);
  Result<std::unique_ptr<FileDevice>> first = FileDevice::open(*loop_, path, true);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_TRUE((*first)->read_only());
  Result<std::unique_ptr<FileDevice>> second = FileDevice::open(*loop_, path, true);
  EXPECT_TRUE(second) << second.error().message;
}

Task<void> write_something(Device& device, int& error) {
  std::vector<std::byte> data(4096);
  iovec vector{data.data(), data.size()};
  DeviceRequest request;
  request.operation = DeviceOperation::write;
  request.bytes = data.size();
  request.vectors = std::span(&vector, 1);
  error = co_await perform(device, request);
}

TEST_F(FileDeviceTest, AReadOnlyDeviceRefusesWrites) {
  Result<std::unique_ptr<FileDevice>> opened =
      FileDevice::open(*loop_, folder_.make_file("image", 65536), true);
  ASSERT_TRUE(opened) << opened.error().message;
  int error = 0;
  loop_->run(write_something(**opened, error));
  EXPECT_EQ(error, EROFS);
}

Task<void> read_all(Device& device, int& error) {
  std::vector<std::byte> data(65536);
  iovec vector{data.data(), data.size()};
  DeviceRequest request;
  request.bytes = data.size();
  request.vectors = std::span(&vector, 1);
  error = co_await perform(device, request);
}

TEST_F(FileDeviceTest, AFileThatBecameShorterIsAnErrorAndNoEndlessRead) {
  const std::string path = folder_.make_file("image", 65536);
  Result<std::unique_ptr<FileDevice>> opened = FileDevice::open(*loop_, path);
  ASSERT_TRUE(opened) << opened.error().message;
  ASSERT_EQ(::truncate(path.c_str(), 6000), 0);
  int error = 0;
  loop_->run(read_all(**opened, error));
  EXPECT_EQ(error, EIO);
  EXPECT_NE((*opened)->last_error().find(path), std::string::npos);
}

}  // namespace
}  // namespace holdfast::initiator
