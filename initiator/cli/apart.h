#pragma once

#include <functional>
#include <optional>

#include "common/base/clock.h"

namespace holdfast::initiator {

/// How a process that may be unable to end says what its exit code is.
class ExitNotice {
 public:
  ExitNotice() = default;
  explicit ExitNotice(int fd) : fd_(fd) {}
  /// The last thing before `_exit`, from any thread; the first one counts. Closes standard output and
  /// error, so that whoever reads them sees their end.
  void send(int code) const;
  /// What a process that closes all other descriptors keeps; -1 for none.
  int descriptor() const { return fd_; }

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

/// How a process apart ended.
struct ApartEnd {
  int code = 0;       // its exit code; 128 and the number of the signal if it ended by one
  int signal = 0;     // the one it ended by, if it did
  int asked = 0;      // the first signal that asked us to end, and was passed on
  bool over_time = false;  // it was killed, since it took longer than it may
};
/// The same for a caller that goes on, whatever becomes of the process. After `limit` it is killed.
/// Signals that were blocked are blocked again after.
ApartEnd run_apart_and_tell(const std::function<int(ExitNotice)>& work, std::optional<Duration> limit = {});

}  // namespace holdfast::initiator
