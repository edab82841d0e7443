#pragma once

#include <functional>
#include <vector>

#include "target/store/store.h"

namespace holdfast::target {

/// Flushes that no command waits for: SYNCHRONIZE CACHE with IMMED, and the last one of all.
class BackgroundFlush {
 public:
  /// `failed` is told the errno of each flush that fails.
  BackgroundFlush(Store& store, std::function<void(int error)> failed);
  /// Idle by then.
  ~BackgroundFlush();
  BackgroundFlush(const BackgroundFlush&) = delete;
  BackgroundFlush& operator=(const BackgroundFlush&) = delete;

  /// Flushes what was acknowledged before now; a flush that is under way already does not do.
  void start();
  /// `start`, and tells when no flush is under way any more.
  void start_and_tell(std::function<void()> idle);
  /// Tells then, at once if that is so now.
  void tell_when_idle(std::function<void()> idle);

 private:
  void flushed();

  Store& store_;
  std::function<void(int)> failed_;
  std::vector<std::function<void()>> waiting_;
  bool again_ = false;
  StoreRequest request_;
};

}  // namespace holdfast::target
