// What the native engine does for one command beside the system calls: a batch filled, a response judged.

#include <benchmark/benchmark.h>

#include <memory>
#include <vector>

#include "common/iscsi/batch.h"
#include "initiator/device/native/native_command.h"

namespace holdfast::initiator {
namespace {

void batch_of_commands(benchmark::State& state) {
  const auto batch = std::make_unique<iscsi::Batch>(iscsi::Digests{});
  const auto count = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    batch->clear();
    for (std::size_t i = 0; i < count; ++i) {
      iscsi::ScsiCommandBhs header;
      header.cmd_sn = static_cast<std::uint32_t>(i);
      batch->add(header);
    }
    benchmark::DoNotOptimize(batch->message());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(batch_of_commands)->Arg(1)->Arg(32)->Arg(128);

void a_read_and_its_answer(benchmark::State& state) {
  std::vector<char> memory(4096);
  const iovec piece{memory.data(), memory.size()};
  NativeCommand command;
  command.direction = NativeCommand::Direction::read;
  command.bytes = 4096;
  command.memory = std::span(&piece, 1);
  iscsi::DataInBhs answer;
  answer.flags = iscsi::final_bit | iscsi::DataInBhs::status_bit;
  answer.data_segment_bytes = 4096u;
  const iscsi::Parameters keys;
  for (auto _ : state) {
    command.begin(keys);
    command.state = NativeCommand::State::under_way;
    const char* wrong = command.accept(answer);
    if (wrong == nullptr) wrong = command.accept_status(answer.status, answer.flags, answer.residual_count);
    benchmark::DoNotOptimize(wrong);
  }
}
BENCHMARK(a_read_and_its_answer);

}  // namespace
}  // namespace holdfast::initiator
