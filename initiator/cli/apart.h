#pragma once

#include <functional>

namespace holdfast::initiator {

/// How a process that may be unable to end says what its exit code is.
class ExitNotice {
 public:
  ExitNotice() = default;
  explicit ExitNotice(int fd) : fd_(fd) {}
  /// The last thing before `_exit`, from any thread; the first one counts. Closes standard output and
  /// error, so that whoever reads them sees their end.
  void send(int code) const;

 private:
  int fd_ = -1;  // none: nobody waits to hear it
};

/// Runs `work` in a process of its own and returns its exit code.
///
/// A process cannot end while one of its threads waits in the kernel for a disk that does not
/// answer, not even by SIGKILL. So whatever may meet such a disk runs apart, and we, who wait for no
/// disk, end when it says that it would end, though it stays behind until its disk lets go. Signals
/// that ask us to end, stop or go on are passed on to it; if it dies by one, so do we.
int run_apart(const std::function<int(ExitNotice)>& work);

}  // namespace holdfast::initiator
