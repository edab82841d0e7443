// What the watch costs an operation, at several queue depths, and the histogram within it.

#include <benchmark/benchmark.h>

#include <vector>

#include "common/base/histogram.h"
#include "initiator/watch/watch.h"

namespace holdfast::initiator {
namespace {

void histogram_record(benchmark::State& state) {
  Histogram histogram;
  std::int64_t value = 1;
  for (auto _ : state) {
    value = (value * 1103515245 + 12345) & 0xffffff;
    histogram.record(Duration(value));
  }
}
BENCHMARK(histogram_record);

void watch_begin_and_end(benchmark::State& state) {
  Instant now = Instant(std::chrono::hours(1));
  Watch watch(WatchOptions{}, now);
  std::vector<std::uint32_t> slots(static_cast<std::size_t>(state.range(0)));
  for (std::uint32_t& slot : slots) slot = watch.begin(OperationKind::read, 0, 4096, 0, now, now);
  std::size_t at = 0;
  for (auto _ : state) {
    now += std::chrono::microseconds(2);
    watch.end(slots[at], 0, now);
    slots[at] = watch.begin(OperationKind::read, 0, 4096, 0, now, now);
    at = (at + 1) % slots.size();
  }
}
BENCHMARK(watch_begin_and_end)->Arg(1)->Arg(32)->Arg(1024);

}  // namespace
}  // namespace holdfast::initiator
