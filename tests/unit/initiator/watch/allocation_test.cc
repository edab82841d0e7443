// The watch and the evidence do nothing per operation that allocates.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>

#include "common/runtime/loop.h"
#include "initiator/device/path_witness.h"
#include "initiator/watch/evidence.h"
#include "initiator/watch/watch.h"

namespace {

std::atomic<std::uint64_t> allocations = 0;

void* counted(std::size_t bytes) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes); }
void* operator new[](std::size_t bytes) { return counted(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

class StillPath final : public PathWitness {
 public:
  std::size_t examine(std::span<ConnectionEvidence> into) const override {
    into[0] = {};
    into[0].id = 1;
    into[0].oldest.emplace();
    ++looks;
    return 1;
  }
  mutable int looks = 0;
};

TEST(Allocations, OperationsUnderTheWatchMakeNone) {
  // Goal: beginning and ending an operation allocates nothing. Method: as many of them as fit one row of the timeline,
  // since a row, of which there are two thousand at most, does allocate.
  constexpr Instant start{std::chrono::seconds(1000)};
  Watch watch(WatchOptions{}, start);
  Instant now = start;
  const auto operate = [&watch, &now](int count) {
    for (int i = 0; i < count; ++i) {
      std::uint32_t slots[8];
      for (std::uint32_t& slot : slots) slot = watch.begin(OperationKind::write, 8, 4096, 0, now, now);
      now += nanoseconds(100);
      for (const std::uint32_t slot : slots) watch.end(slot, 0, now);
    }
  };
  operate(100);
  const std::uint64_t before = allocations;
  operate(100'000);
  EXPECT_LT(now - start, Timeline::shortest_row);
  EXPECT_EQ(allocations - before, 0U) << "of 800,000 operations";
}

TEST(Allocations, LookingAtThePathMakesNone) {
  Result<std::unique_ptr<Loop>> loop = Loop::create();
  ASSERT_TRUE(loop) << loop.error().message;
  constexpr Instant start{std::chrono::seconds(1000)};
  Watch watch(WatchOptions{}, start);
  Evidence evidence(**loop, watch);
  StillPath path;
  evidence.add(path, "iscsi");
  watch.begin(OperationKind::write, 8, 4096, 0, start, start);
  evidence.ticked(start + milliseconds(50));
  const std::uint64_t before = allocations;
  for (int i = 2; i < 18; ++i) evidence.ticked(start + i * milliseconds(50));
  EXPECT_EQ(allocations - before, 0U);
  EXPECT_GE(path.looks, 1);
  evidence.remove(path);
}

}  // namespace
}  // namespace holdfast::initiator
