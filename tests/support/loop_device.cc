#include "tests/support/loop_device.h"

#include <cerrno>
#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

namespace holdfast {

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

}  // namespace holdfast
