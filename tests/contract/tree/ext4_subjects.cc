#include <cstring>
#include <utility>

#include "initiator/device/file_device.h"
#include "initiator/tree/ext4_tree.h"
#include "tests/contract/tree/subject.h"
#include "tests/support/memory_device.h"
#include "tests/support/shell.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::initiator {
namespace {

constexpr std::uint64_t device_bytes = 64 * MiB;

/// An ext4 tree on a file that e2fsck can look at.
class Ext4Subject : public TreeSubject {
 public:
  std::string prepare(Loop& loop) override {
    loop_ = &loop;
    options_.nodes = 30'000;
    return {};
  }
  Task<Result<std::unique_ptr<Tree>>> make() override {
    Result<std::unique_ptr<Tree>> tree = co_await Ext4Tree::make(*loop_, device(), options_);
    co_return tree;
  }
  Task<Result<std::unique_ptr<Tree>>> reopen() override {
    Result<std::unique_ptr<Tree>> tree = co_await Ext4Tree::open(*loop_, device(), options_);
    co_return tree;
  }
  std::string judge() override {
    const ShellAnswer answer = run_shell("e2fsck -fn " + image());
    return answer.exit_code == 0 ? "" : answer.output;
  }

 protected:
  virtual std::string image() const = 0;
  virtual Device& device() = 0;

  Loop* loop_ = nullptr;
  Ext4Options options_;
};

/// On memory that held garbage before.
class Ext4InMemory : public Ext4Subject {
 public:
  std::string prepare(Loop& loop) override {
    Ext4Subject::prepare(loop);
    device_ = std::make_unique<MemoryDevice>(loop, device_bytes);
    std::memset(device_->memory(), 0xA5, device_bytes);
    return {};
  }

 protected:
  std::string image() const override { return device_->path(); }
  Device& device() override { return *device_; }
  std::unique_ptr<MemoryDevice> device_;
};

/// The same with next to no cache, one request at a time, small ones, and syncs all the time.
class Ext4InANarrowPlace final : public Ext4InMemory {
 public:
  std::string prepare(Loop& loop) override {
    Ext4InMemory::prepare(loop);
    device_->depth = 1;
    device_->transfer_bytes = 32 * 1024;
    options_.dirty_bytes_max = 2 * MiB;
    options_.metadata_bytes_max = 256 * KiB;
    options_.sync_every = std::chrono::milliseconds(2);
    return {};
  }
};

class Ext4OnAnImage final : public Ext4Subject {
 public:
  ~Ext4OnAnImage() override {
    if (device_) loop_->run(device_->close(std::chrono::seconds(5)));
  }
  std::string prepare(Loop& loop) override {
    Ext4Subject::prepare(loop);
    folder_.make_file("image", device_bytes);
    Result<std::unique_ptr<FileDevice>> opened = FileDevice::open(loop, image());
    if (!opened) return opened.error().message;
    device_ = std::move(opened).value();
    return {};
  }

 private:
  std::string image() const override { return folder_.file("image"); }
  Device& device() override { return *device_; }

  TemporaryFolder folder_;
  std::unique_ptr<FileDevice> device_;
};

}  // namespace

std::unique_ptr<TreeSubject> make_ext4_in_memory() {
  return std::make_unique<Ext4InMemory>();
}
std::unique_ptr<TreeSubject> make_ext4_in_a_narrow_place() {
  return std::make_unique<Ext4InANarrowPlace>();
}
std::unique_ptr<TreeSubject> make_ext4_on_an_image() {
  return std::make_unique<Ext4OnAnImage>();
}

}  // namespace holdfast::initiator
