#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "common/base/result.h"
#include "common/runtime/fd.h"

namespace holdfast::target {

/// A loop device over a file, for tests that need a block device. It goes when the object goes.
class LoopDevice {
 public:
  static Result<std::unique_ptr<LoopDevice>> attach(const std::string& file,
                                                    std::uint32_t block_bytes = 512);
  const std::string& path() const { return path_; }

 private:
  LoopDevice(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  Fd fd_;  // The device detaches itself (autoclear) when its last opener, this, closes it.
  std::string path_;
};

/// An empty folder under $TMPDIR that goes with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  /// Makes a file of `bytes` zeros (holes) and returns its path.
  std::string make_file(const std::string& name, std::uint64_t bytes) const;

 private:
  std::string path_;
};

}  // namespace holdfast::target
