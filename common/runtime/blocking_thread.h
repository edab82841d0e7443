#pragma once

#include <functional>
#include <thread>

namespace holdfast {

/// A thread for system calls that block. Signals are left to the loop's thread. Destroying waits
/// for the work to end.
class BlockingThread {
 public:
  explicit BlockingThread(std::function<void()> work);
  ~BlockingThread();
  BlockingThread(const BlockingThread&) = delete;
  BlockingThread& operator=(const BlockingThread&) = delete;

 private:
  std::thread thread_;
};

}  // namespace holdfast
