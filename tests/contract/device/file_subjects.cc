#include <utility>

#include "initiator/device/file_device.h"
#include "tests/contract/device/subject.h"
#include "tests/support/loop_device.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::initiator {
namespace {

Task<Result<std::unique_ptr<Device>>> open_path(Loop& loop, const std::string& path) {
  Result<std::unique_ptr<FileDevice>> opened = FileDevice::open(loop, path);
  if (!opened) co_return opened.error();
  std::unique_ptr<Device> device = std::move(opened).value();
  co_return device;
}

class ImageSubject final : public Subject {
 public:
  std::string prepare(std::uint64_t bytes) override {
    path_ = folder_.make_file("image", bytes);
    return {};
  }
  Task<Result<std::unique_ptr<Device>>> open(Loop& loop) override { return open_path(loop, path_); }

 private:
  TemporaryFolder folder_;
  std::string path_;
};

class BlockDeviceSubject final : public Subject {
 public:
  std::string prepare(std::uint64_t bytes) override {
    Result<std::unique_ptr<LoopDevice>> attached =
        LoopDevice::attach(folder_.make_file("image", bytes), 4096);
    if (!attached) return attached.error().message;
    device_ = std::move(attached).value();
    path_ = device_->path();
    return {};
  }
  Task<Result<std::unique_ptr<Device>>> open(Loop& loop) override { return open_path(loop, path_); }

 private:
  TemporaryFolder folder_;
  std::unique_ptr<LoopDevice> device_;
  std::string path_;
};

}  // namespace

std::unique_ptr<Subject> make_image_subject() { return std::make_unique<ImageSubject>(); }
std::unique_ptr<Subject> make_block_device_subject() { return std::make_unique<BlockDeviceSubject>(); }

}  // namespace holdfast::initiator
