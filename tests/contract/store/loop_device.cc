#include "tests/contract/store/loop_device.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include <filesystem>

#include "common/base/check.h"

namespace holdfast::target {

Result<std::unique_ptr<LoopDevice>> LoopDevice::attach(const std::string& file,
                                                       std::uint32_t block_bytes) {
  Fd backing(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  if (!backing) return Error::from_errno(errno, "open " + file);
  Fd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control) return Error::from_errno(errno, "open /dev/loop-control");
  loop_config config{};
  config.fd = static_cast<__u32>(backing.get());
  config.block_size = block_bytes;
  config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
  // Another program may take the free device that we were told of, so a busy one is no failure yet.
  for (int attempt = 0; attempt < 50; ++attempt) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return Error::from_errno(errno, "find a free loop device");
    std::string path = "/dev/loop" + std::to_string(number);
    Fd device(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!device) return Error::from_errno(errno, "open " + path);
    if (::ioctl(device.get(), LOOP_CONFIGURE, &config) == 0)
      return std::unique_ptr<LoopDevice>(new LoopDevice(std::move(device), std::move(path)));
    if (errno != EBUSY) return Error::from_errno(errno, "attach " + path);
  }
  return Error::from_errno(EBUSY, "attach a loop device");
}

TemporaryFolder::TemporaryFolder() {
  const char* parent = ::getenv("TMPDIR");
  path_ = std::string(parent != nullptr ? parent : "/tmp") + "/holdfast-test-XXXXXX";
  CHECK(::mkdtemp(path_.data()) != nullptr);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryFolder::make_file(const std::string& name, std::uint64_t bytes) const {
  std::string made = file(name);
  Fd fd(::open(made.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  CHECK(fd && ::ftruncate(fd.get(), static_cast<off_t>(bytes)) == 0);
  return made;
}

}  // namespace holdfast::target
