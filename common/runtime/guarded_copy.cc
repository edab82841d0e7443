#include "common/runtime/guarded_copy.h"

#include <atomic>
#include <csetjmp>
#include <csignal>
#include <cstring>

namespace holdfast {
namespace {

/// Where this thread goes on if the copy that it is in comes to nothing.
thread_local sigjmp_buf* volatile way_out = nullptr;

struct sigaction others_action {};

/// The signal comes from the copying instruction itself, and memcpy holds nothing that could stay behind.
void on_bus_error(int) {
  if (way_out != nullptr) siglongjmp(*way_out, 1);
  // Somebody else's: the instruction is tried again, and then it is theirs to deal with.
  ::sigaction(SIGBUS, &others_action, nullptr);
}

bool install() {
  struct sigaction action {};
  action.sa_handler = on_bus_error;
  action.sa_flags = SA_NODEFER;  // Nobody returns from it who would unblock the signal.
  ::sigemptyset(&action.sa_mask);
  return ::sigaction(SIGBUS, &action, &others_action) == 0;
}

}  // namespace

bool guarded_copy(void* to, const void* from, std::size_t bytes) {
  static const bool installed = install();
  if (!installed) return false;
  sigjmp_buf here;
  if (sigsetjmp(here, 0) != 0) {
    way_out = nullptr;
    return false;
  }
  way_out = &here;
  // The compiler sees no signal, and might move the copy to either side of the other two lines.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  std::memcpy(to, from, bytes);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  way_out = nullptr;
  return true;
}

}  // namespace holdfast
