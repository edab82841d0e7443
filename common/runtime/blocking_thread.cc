#include "common/runtime/blocking_thread.h"

#include <csignal>
#include <utility>

namespace holdfast {

BlockingThread::BlockingThread(std::function<void()> work) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  // What an instruction of the thread's own does comes to nobody else, and ends the process if it is blocked.
  for (const int fault : {SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP}) ::sigdelset(&all, fault);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);  // The new thread inherits it.
  thread_ = std::thread(std::move(work));
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

BlockingThread::~BlockingThread() {
  thread_.join();
}

}  // namespace holdfast
