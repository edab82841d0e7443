// What the watch and its evidence cost the generator: `watch_overhead URL SECONDS ROUNDS` drives the same small
// reads through the bare device and through the watched one, in turns (A B B A), and prints the processor
// time of the driving thread for each operation.

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "common/runtime/loop.h"
#include "initiator/cli/destination.h"
#include "initiator/cli/effort.h"
#include "initiator/watch/evidence.h"
#include "initiator/watch/watched_device.h"
#include "initiator/workload/load.h"

namespace holdfast::initiator {
namespace {

struct Measured {
  std::vector<double> nanoseconds;  // for each operation
  std::vector<double> rate;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

LoadOptions options_for(int seconds) {
  LoadOptions options;
  options.access = Access::randread;
  options.block_bytes = 512;
  options.depth = 32;
  options.time = std::chrono::seconds(seconds);
  return options;
}

Task<void> drive(Loop& loop, std::unique_ptr<Device> device, int seconds, Measured& into) {
  const Result<LoadPlan> plan = plan_load(options_for(seconds), *device, new_run_number());
  if (plan) {
    Progress progress;
    std::atomic<bool> cancelled = false;
    std::vector<Device*> sessions = {device.get()};
    Load load(loop, sessions, *plan, nullptr, progress, cancelled, [](const BlockFault&) {});
    const Duration before = Effort::now().thread;
    co_await load.run();
    const Duration took = Effort::now().thread - before;
    const LoadResult& result = load.result();
    const auto operations = static_cast<double>(result.reads.operations);
    into.nanoseconds.push_back(static_cast<double>(took.count()) / operations);
    into.rate.push_back(operations * 1e9 / static_cast<double>(result.time.count()));
  }
  co_await device->close(std::chrono::seconds(2));
}

Task<void> measure(Loop& loop, const Destination& destination, bool watched, int seconds, Measured& into) {
  const Duration deadline = std::chrono::seconds(10);
  Result<std::unique_ptr<Device>> opened = co_await destination.open_device(loop, true, deadline, 32);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().message.c_str());
    std::exit(1);
  }
  std::unique_ptr<Device> device = std::move(opened).value();
  if (!watched) {
    co_await drive(loop, std::move(device), seconds, into);
    co_return;
  }
  Watch watch(WatchOptions{}, clock_now());
  Evidence evidence(loop, watch);
  WatchTimer timer(loop, watch, &evidence);
  device = std::make_unique<WatchedDevice>(std::move(device), timer);
  co_await drive(loop, std::move(device), seconds, into);
  co_await evidence.stop();
}

Task<void> compare(Loop& loop, const Destination& destination, int seconds, int rounds) {
  Measured off;
  Measured on;
  for (int round = 0; round < rounds; ++round)
    for (const bool watched : {false, true, true, false}) {
      Measured& into = watched ? on : off;
      co_await measure(loop, destination, watched, seconds, into);
    }
  const double cost = median(on.nanoseconds) / median(off.nanoseconds) - 1;
  fmt::print("watch and evidence: {:.1f} % more processor time of the driving thread for each operation (goal: under "
             "3 %): {:.0f} ns against {:.0f} ns; {:.0f} against {:.0f} operations a second\n",
             cost * 100, median(on.nanoseconds), median(off.nanoseconds), median(on.rate), median(off.rate));
}

}  // namespace
}  // namespace holdfast::initiator

int main(int count, char** words) {
  using namespace holdfast;
  using namespace holdfast::initiator;
  if (count != 4) {
    std::fprintf(stderr, "usage: watch_overhead URL SECONDS ROUNDS\n");
    return 2;
  }
  const Result<Destination> destination = Destination::parse(words[1], nullptr);
  Result<std::unique_ptr<Loop>> loop = Loop::create();
  if (!destination || !loop) return 1;
  (*loop)->run(compare(**loop, *destination, std::atoi(words[2]), std::atoi(words[3])));
  return 0;
}
