// What a plain READ or WRITE pays for range locks: it takes one and gives it back, beside others that
// are under way elsewhere, and beside a COMPARE AND WRITE elsewhere.

#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>

#include "common/base/units.h"
#include "target/lun/range_locks.h"

namespace holdfast::target {
namespace {

void place(RangeLock& lock, RangeLock::Mode mode, std::uint64_t from) {
  lock.mode = mode;
  lock.from = from;
  lock.to = from + 4096;
}

/// `state.range(0)` others, the first of which has its range to itself.
void plain_command(benchmark::State& state) {
  constexpr std::size_t others_max = 256;
  RangeLocks locks;
  std::array<RangeLock, others_max> others;
  const auto count = static_cast<std::size_t>(state.range(0));
  for (std::size_t i = 0; i < count; ++i) {
    const RangeLock::Mode mode = i == 0 ? RangeLock::Mode::exclusive : RangeLock::Mode::read;
    place(others[i], mode, (i + 1) * 3 * MiB);
    locks.acquire(others[i]);
  }
  RangeLock lock;
  std::uint64_t at = 0;
  for (auto _ : state) {
    at = (at + 37 * 4096) % (2 * MiB);  // Where none of the others is.
    place(lock, RangeLock::Mode::read, at);
    benchmark::DoNotOptimize(locks.acquire(lock));
    locks.release(lock);
  }
  for (std::size_t i = 0; i < count; ++i) locks.release(others[i]);
}
BENCHMARK(plain_command)->Arg(0)->Arg(1)->Arg(32)->Arg(256);

}  // namespace
}  // namespace holdfast::target

BENCHMARK_MAIN();
