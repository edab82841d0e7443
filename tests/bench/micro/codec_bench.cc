// The pictures of PDUs: from bytes to a header, its checks, and back.

#include <benchmark/benchmark.h>

#include <cstring>

#include "common/iscsi/framing.h"
#include "common/iscsi/pdu.h"

namespace holdfast::iscsi {
namespace {

HeaderBytes some_command() {
  ScsiCommandBhs header;
  header.data_segment_bytes = 4096u;
  header.initiator_task_tag = 0x01020304u;
  header.expected_data_transfer_length = 4096u;
  header.cdb[0] = 0x8a;
  return to_bytes(header);
}

void header_from_bytes(benchmark::State& state) {
  const HeaderBytes bytes = some_command();
  for (auto _ : state) {
    auto header = from_bytes<ScsiCommandBhs>(bytes);
    benchmark::DoNotOptimize(header);
  }
}
BENCHMARK(header_from_bytes);

void header_is_checked(benchmark::State& state) {
  const auto header = from_bytes<GenericBhs>(some_command());
  for (auto _ : state) {
    auto fault = check_header(header, Side::initiator, 8192);
    benchmark::DoNotOptimize(fault);
  }
}
BENCHMARK(header_is_checked);

void command_to_bytes(benchmark::State& state) {
  std::uint32_t number = 0;
  for (auto _ : state) {
    ScsiCommandBhs header;
    header.initiator_task_tag = ++number;
    header.expected_data_transfer_length = 4096u;
    header.cmd_sn = number;
    header.exp_stat_sn = number;
    header.cdb[0] = 0x88;
    HeaderBytes bytes = to_bytes(header);
    benchmark::DoNotOptimize(bytes);
  }
}
BENCHMARK(command_to_bytes);

}  // namespace
}  // namespace holdfast::iscsi
