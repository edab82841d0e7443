#include "initiator/cli/effort.h"

#include <sys/resource.h>

namespace holdfast::initiator {
namespace {

Duration processor_time(int whose) {
  rusage usage{};
  ::getrusage(whose, &usage);
  const auto of = [](const timeval& time) {
    return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

}  // namespace

Effort Effort::now() { return {processor_time(RUSAGE_SELF), processor_time(RUSAGE_THREAD)}; }

}  // namespace holdfast::initiator
