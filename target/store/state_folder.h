#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/runtime/blocking_crew.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "target/store/state_file.h"

namespace holdfast::target {

/// The directory in which the daemon keeps what must survive a restart (--state-dir). One daemon
/// has it at a time. Its files are written by threads of its own, so that a slow disk stops nobody.
class StateFolder {
 public:
  /// Opens the directory for a daemon, and makes it where only its last part is missing. Fails if
  /// another daemon has it.
  static Result<std::unique_ptr<StateFolder>> open(const std::string& path, Loop& loop);
  /// Opens it to read only what is there, while another daemon may be using it.
  static Result<std::unique_ptr<StateFolder>> look_into(const std::string& path);

  /// The content of a file; nothing if there is none. Fails if it is longer than `bytes_max`, or
  /// cannot be read.
  Result<std::optional<std::string>> read(const std::string& name, std::size_t bytes_max) const;
  /// The file of that name for writing; the folder outlives it. nullptr in a folder that is only
  /// looked into.
  std::unique_ptr<StateFile> file(const std::string& name);
  /// Whether files can be made in it by whoever the process is now.
  Status check_writable() const;
  const std::string& path() const { return path_; }

 private:
  StateFolder(std::string path, Fd fd, std::unique_ptr<BlockingCrew> crew)
      : path_(std::move(path)), fd_(std::move(fd)), crew_(std::move(crew)) {}

  const std::string path_;
  const Fd fd_;
  const std::unique_ptr<BlockingCrew> crew_;
};

}  // namespace holdfast::target
