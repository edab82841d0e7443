#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/fd.h"

namespace holdfast::initiator {

/// A program that runs while we do.
struct KeptProgram {
  std::string program;
  std::vector<std::string> arguments;
  /// Takes the program's output and errors: the last `Keeper::log_bytes_max` of them.
  std::string log_path;
  /// How long it may take to end when it is asked to (SIGTERM), before it is killed.
  Duration patience = std::chrono::seconds(5);
};

/// Keeps one server, and everything that it forks, in the care of a process of its own, which ends
/// them all when we ask, and also when we end, however that happens: it waits for the end of a pipe
/// that only we hold open. What a server leaves behind by forking into the background becomes the
/// keeper's child, so nothing escapes.
class Keeper {
 public:
  static constexpr std::size_t log_bytes_max = 256 * 1024;

  /// The program is under way; `held` is a descriptor that the keeper holds open for as long as it
  /// lives. To be called in a process without other threads.
  static Result<Keeper> start(const KeptProgram& program, int held);
  Keeper(Keeper&&) = default;
  Keeper& operator=(Keeper&&) = delete;
  ~Keeper();

  /// How the program ended, "exit code 1", when nothing of it is left; the first answer stays.
  const std::optional<std::string>& ended();
  /// The end of what the program said, one line a piece, `lines` at most.
  std::vector<std::string> last_words(std::size_t lines) const;
  /// Ends it all, in order, and waits for that.
  void stop();

 private:
  Keeper(pid_t pid, Fd life, Fd news, std::string log_path)
      : pid_(pid), life_(std::move(life)), news_(std::move(news)), log_path_(std::move(log_path)) {}

  pid_t pid_;
  Fd life_;  // empty when it was stopped
  Fd news_;
  std::string log_path_;
  std::optional<std::string> ended_;
};

}  // namespace holdfast::initiator
