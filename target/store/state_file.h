#pragma once

#include <functional>
#include <string>

namespace holdfast::target {

/// A small file that outlives the daemon: what of a logical unit must survive a restart.
class StateFile {
 public:
  StateFile() = default;
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;
  /// Nothing is being saved by then.
  virtual ~StateFile() = default;

  /// Replaces the content: after a crash at any moment the file has the old one or the new one, and
  /// once `saved` is called with 0 the new one, also when power fails. Otherwise `saved` gets an
  /// errno, and the file has either. Called from the loop and never from inside; one save at a
  /// time.
  virtual void save(std::string content, std::function<void(int error)> saved) = 0;
  /// False where the save that failed last is known to have left the old content.
  virtual bool may_have_changed() const { return true; }
  /// For logs.
  virtual std::string describe() const = 0;
};

}  // namespace holdfast::target
