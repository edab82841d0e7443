// engine_load ENGINE URL read|write BLOCK DEPTH SECONDS
//
// The same work for either engine, and nothing beside it: `depth` operations of `block` bytes at random
// places, each replaced when it is answered. Prints one line of JSON: operations a second, what one
// cost this thread's processor (the engine, the loop and the system calls), and how many allocations it
// took. It is what tests/bench/engine_cost.sh compares.

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/runtime/buffer.h"
#include "common/runtime/event.h"
#include "common/runtime/loop.h"
#include "initiator/engine/iscsi_engine.h"

namespace {
std::uint64_t allocations = 0;  // of this program's one thread, the libraries' among them
}

// glibc's own allocator under its other names: whoever calls malloc comes by here.
extern "C" {
void* __libc_malloc(std::size_t bytes);
void* __libc_calloc(std::size_t count, std::size_t bytes);
void* __libc_realloc(void* memory, std::size_t bytes);
void* malloc(std::size_t bytes) {
  ++allocations;
  return __libc_malloc(bytes);
}
void* calloc(std::size_t count, std::size_t bytes) {
  ++allocations;
  return __libc_calloc(count, bytes);
}
void* realloc(void* memory, std::size_t bytes) {
  ++allocations;
  return __libc_realloc(memory, bytes);
}
}

namespace holdfast::initiator {
namespace {

struct Work {
  IscsiEngine engine = IscsiEngine::native;
  std::string url;
  DeviceOperation operation = DeviceOperation::read;
  std::uint32_t block = 4096;
  std::uint32_t depth = 32;
  double seconds = 3;
};

Duration thread_time() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

double in_kernel() {
  rusage use{};
  ::getrusage(RUSAGE_THREAD, &use);
  return static_cast<double>(use.ru_stime.tv_sec) + static_cast<double>(use.ru_stime.tv_usec) / 1e6;
}

/// Keeps the operations going, until the time is over.
class Generator {
 public:
  Generator(Device& device, const Work& work)
      : device_(device), work_(work), memory_(work.block, work.depth), blocks_(device.size() / work.block) {
    for (std::uint32_t i = 0; i < work.depth; ++i) {
      Slot& slot = slots_.emplace_back();
      slot.generator = this;
      slot.memory = memory_.take();
      std::memset(slot.memory, static_cast<int>(i), work.block);
    }
  }
  ~Generator() {
    for (Slot& slot : slots_) memory_.give_back(slot.memory);
  }

  Task<void> run() {
    until_ = clock_now() + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(work_.seconds));
    for (Slot& slot : slots_) start(slot);
    co_await idle_.wait();
  }

  std::uint64_t done = 0;
  std::uint64_t errors = 0;

 private:
  struct Slot {
    Generator* generator = nullptr;
    std::byte* memory = nullptr;
    iovec vector{};
    DeviceRequest request;
  };

  void start(Slot& slot) {
    random_ = random_ * 6364136223846793005ULL + 1442695040888963407ULL;
    slot.vector = {slot.memory, work_.block};
    slot.request.operation = work_.operation;
    slot.request.offset = (random_ >> 33) % blocks_ * work_.block;
    slot.request.bytes = work_.block;
    slot.request.vectors = std::span(&slot.vector, 1);
    slot.request.owner = &slot;
    slot.request.done = [](DeviceRequest& request) {
      auto& answered = *static_cast<Slot*>(request.owner);
      answered.generator->finished(answered);
    };
    ++in_flight_;
    device_.submit(slot.request);
  }

  void finished(Slot& slot) {
    ++done;
    --in_flight_;
    if (slot.request.error != 0) ++errors;
    if (Loop::current().now() < until_ && errors == 0) return start(slot);
    if (in_flight_ == 0) idle_.set();
  }

  Device& device_;
  const Work& work_;
  BufferPool memory_;
  const std::uint64_t blocks_;
  std::deque<Slot> slots_;
  Instant until_{};
  std::uint64_t random_ = 1;
  std::uint32_t in_flight_ = 0;
  Event idle_;
};

Task<void> measure(Loop& loop, const Work& work, int& exit_code) {
  Result<IscsiUrl> url = IscsiUrl::parse(work.url);
  if (!url) {
    std::fprintf(stderr, "%s\n", url.error().message.c_str());
    co_return;
  }
  IscsiUrl taken = std::move(url).value();
  IscsiDiskOptions options;
  options.depth_max = work.depth;
  Result<std::unique_ptr<Device>> opened = co_await open_iscsi_disk(loop, work.engine, std::move(taken), options);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().message.c_str());
    co_return;
  }
  Device& device = **opened;
  auto generator = std::make_unique<Generator>(device, work);
  const std::uint64_t allocations_before = allocations;
  const Duration before = thread_time();
  const double kernel_before = in_kernel();
  const Instant began = clock_now();
  co_await generator->run();
  const double seconds = std::chrono::duration<double>(clock_now() - began).count();
  const double cpu = std::chrono::duration<double, std::micro>(thread_time() - before).count();
  const auto operations = static_cast<double>(generator->done);
  std::printf("{\"iops\": %.0f, \"us\": %.4f, \"kernel_us\": %.4f, \"allocations\": %.4f, \"errors\": %llu}\n",
              operations / seconds, cpu / operations, (in_kernel() - kernel_before) * 1e6 / operations,
              static_cast<double>(allocations - allocations_before) / operations,
              static_cast<unsigned long long>(generator->errors));
  exit_code = generator->errors == 0 ? 0 : 1;
  co_await device.close(std::chrono::seconds(2));
}

int run(const Work& work) {
  Result<std::unique_ptr<Loop>> loop = Loop::create();
  if (!loop) {
    std::fprintf(stderr, "%s\n", loop.error().message.c_str());
    return 1;
  }
  int exit_code = 1;
  (*loop)->run(measure(**loop, work, exit_code));
  return exit_code;
}

}  // namespace
}  // namespace holdfast::initiator

int main(int count, char** words) {
  using namespace holdfast::initiator;
  if (count != 7) {
    std::fprintf(stderr, "usage: engine_load native|libiscsi URL read|write BLOCK DEPTH SECONDS\n");
    return 2;
  }
  Work work;
  work.engine = std::string(words[1]) == "libiscsi" ? IscsiEngine::libiscsi : IscsiEngine::native;
  work.url = words[2];
  work.operation = std::string(words[3]) == "write" ? DeviceOperation::write : DeviceOperation::read;
  work.block = static_cast<std::uint32_t>(std::atoi(words[4]));
  work.depth = static_cast<std::uint32_t>(std::atoi(words[5]));
  work.seconds = std::atof(words[6]);
  return run(work);
}
