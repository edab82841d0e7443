#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/runtime/event.h"
#include "target/store/state_file.h"

namespace holdfast::target {

/// Keeps the newest version of a small text in a file, one save after another.
class RecordKeeper {
 public:
  explicit RecordKeeper(std::unique_ptr<StateFile> file);
  /// Nothing is being saved by then.
  ~RecordKeeper();

  void save(std::string content);
  /// Waits until what was to be saved before is, or could not be.
  Event::Awaiter saved() { return idle_.wait(); }
  bool saving() const { return saving_; }
  /// Calls `finished` then, at once if that is so now.
  void tell_when_saved(std::function<void()> finished);
  /// The errno of the last save, or 0.
  int error() const { return error_; }

 private:
  void start();
  void ended(int error);

  std::unique_ptr<StateFile> file_;
  std::string wanted_;
  bool saving_ = false;
  bool again_ = false;
  int error_ = 0;
  Event idle_;
  std::vector<std::function<void()>> waiting_;
};

}  // namespace holdfast::target
