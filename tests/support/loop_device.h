#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "common/base/result.h"
#include "common/runtime/fd.h"

namespace holdfast {

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

}  // namespace holdfast
