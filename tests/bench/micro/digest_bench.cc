// CRC32C of a header and of data segments.

#include <benchmark/benchmark.h>

#include <vector>

#include "common/iscsi/digest.h"

namespace holdfast::iscsi {
namespace {

void digest(benchmark::State& state) {
  const std::vector<std::byte> bytes(static_cast<std::size_t>(state.range(0)), std::byte{7});
  for (auto _ : state) {
    Crc32c crc;
    crc.add(bytes);
    DigestBytes wire = crc.wire();
    benchmark::DoNotOptimize(wire);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(digest)->Arg(48)->Arg(512)->Arg(4096)->Arg(65536)->Arg(1 << 20);

}  // namespace
}  // namespace holdfast::iscsi
