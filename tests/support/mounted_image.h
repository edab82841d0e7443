#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "common/base/result.h"
#include "tests/support/loop_device.h"
#include "tests/support/temporary_folder.h"

namespace holdfast {

/// A filesystem of a given type in an image file, made and mounted for a test, for which it needs
/// root, loop devices and the type's mkfs. It goes when the object goes.
class MountedImage {
 public:
  /// `type` is what follows in mkfs.TYPE. Fails with a reason to skip.
  static Result<std::unique_ptr<MountedImage>> make(const std::string& type, std::uint64_t bytes);
  ~MountedImage();
  MountedImage(const MountedImage&) = delete;
  MountedImage& operator=(const MountedImage&) = delete;

  const std::string& path() const { return mount_point_; }
  const std::string& image() const { return image_; }
  /// Takes it off, to be looked at from outside; false if somebody is still in it.
  bool unmount();
  Status mount();

 private:
  explicit MountedImage(std::string type) : type_(std::move(type)) {}

  const std::string type_;
  TemporaryFolder folder_;
  std::string image_;
  std::string mount_point_;
  std::unique_ptr<LoopDevice> device_;
  bool mounted_ = false;
};

}  // namespace holdfast
