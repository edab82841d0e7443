#include "tests/support/mounted_image.h"

#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "tests/support/shell.h"

namespace holdfast {

Result<std::unique_ptr<MountedImage>> MountedImage::make(const std::string& type, std::uint64_t bytes) {
  std::unique_ptr<MountedImage> made(new MountedImage(type));
  made->image_ = made->folder_.make_file("image", bytes);
  made->mount_point_ = made->folder_.file("mount");
  ::mkdir(made->mount_point_.c_str(), 0755);
  const ShellAnswer formatted = run_shell("PATH=$PATH:/usr/sbin:/sbin mkfs." + type + " -q " + made->image_);
  if (formatted.exit_code != 0)
    return Error{ErrorKind::system, 0, "cannot make a filesystem: " + formatted.output};
  if (Status mounted = made->mount(); !mounted) return mounted.error();
  return made;
}

Status MountedImage::mount() {
  Result<std::unique_ptr<LoopDevice>> device = LoopDevice::attach(image_);
  if (!device) return device.error();
  device_ = std::move(device).value();
  if (::mount(device_->path().c_str(), mount_point_.c_str(), type_.c_str(), 0, nullptr) != 0)
    return Error::from_errno(errno, "mount " + type_);
  mounted_ = true;
  return {};
}

MountedImage::~MountedImage() {
  if (mounted_) ::umount2(mount_point_.c_str(), MNT_DETACH);
}

bool MountedImage::unmount() {
  if (mounted_ && ::umount(mount_point_.c_str()) == 0) mounted_ = false;
  if (!mounted_) device_.reset();
  return !mounted_;
}

}  // namespace holdfast
