#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/result.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/device/device.h"
#include "initiator/device/iscsi_url.h"

namespace holdfast::initiator {

/// Where a workload goes, as the command line says it.
class Destination {
 public:
  /// Reads `iscsi://…` or `file:///path`. A password that the URL leaves out comes from `secret`.
  static Result<Destination> parse(std::string_view text, const char* secret);

  /// Without a password.
  std::string to_string() const;
  /// The path of an image or block device; empty for what is not of this machine.
  std::string path() const;
  /// A new session with it, up within `deadline`. Writable unless `read_only`.
  Task<Result<std::unique_ptr<Device>>> open(Loop& loop, bool read_only, Duration deadline) const;

 private:
  struct File {
    std::string path;
  };
  explicit Destination(IscsiUrl url) : place_(std::move(url)) {}
  explicit Destination(File file) : place_(std::move(file)) {}

  std::variant<IscsiUrl, File> place_;
};

}  // namespace holdfast::initiator
