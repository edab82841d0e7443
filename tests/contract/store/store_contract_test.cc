// What every store promises, as one body of tests that runs against every implementation and every
// fallback of theirs.

#include <algorithm>
#include <cstring>
#include <functional>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "common/base/units.h"
#include "common/runtime/loop.h"
#include "target/store/fault_store.h"
#include "target/store/file_store.h"
#include "target/store/memory_store.h"
#include "target/store/null_store.h"
#include "tests/support/loop_device.h"
#include "tests/support/store_call.h"
#include "tests/support/temporary_folder.h"

namespace holdfast::target {
namespace {

constexpr std::uint64_t store_bytes = 4 * MiB;
constexpr std::uint64_t block_bytes = 512;

/// A store with all that it stands on, in the order in which they go.
struct Bench {
  TemporaryFolder folder;
  std::optional<TemporaryFolder> memory;
  std::unique_ptr<LoopDevice> device;
  std::unique_ptr<Store> store;
};

/// Fills the bench; an error is why it cannot be had here.
using Build = Status (*)(Bench&);

Status build_file(Bench& bench, const StoreOpenOptions& options) {
  auto opened = open_file_store(bench.folder.make_file("image", store_bytes), options);
  if (!opened) return opened.error();
  bench.store = std::move(opened).value();
  return {};
}

Status build_block(Bench& bench, const StoreOpenOptions& options, bool as_file = false) {
  auto device = LoopDevice::attach(bench.folder.make_file("image", store_bytes));
  if (!device) return device.error();
  bench.device = std::move(device).value();
  const std::string& path = bench.device->path();
  auto opened = as_file ? open_file_store(path, options) : open_block_store(path, options);
  if (!opened) return opened.error();
  bench.store = std::move(opened).value();
  return {};
}

/// A file of a filesystem that keeps everything in memory: a hole, or filled with zeros.
Status build_in_memory(Bench& bench, bool filled, const StoreOpenOptions& options = {}) {
  bench.memory.emplace("/dev/shm");
  const std::string path = bench.memory->make_file("image", store_bytes);
  if (filled) std::ofstream(path) << std::string(store_bytes, '\0');
  auto opened = open_file_store(path, options);
  if (!opened) return opened.error();
  bench.store = std::move(opened).value();
  return {};
}

Status build_memory(Bench& bench) {
  auto created = MemoryStore::create(store_bytes);
  if (!created) return created.error();
  bench.store = std::move(created).value();
  return {};
}

struct Implementation {
  const char* name;
  Build build;
  bool keeps_data = true;
};

constexpr DescriptorStoreOptions no_dsync{.dsync_writes = false};
constexpr DescriptorStoreOptions no_punch{.punch_hole = false};
constexpr DescriptorStoreOptions no_view{.view = false};
constexpr DescriptorStoreOptions no_ways{
    .dsync_writes = false, .punch_hole = false, .zero_range = false};

const Implementation implementations[] = {
    {"File", [](Bench& bench) { return build_file(bench, {}); }},
    {"FileWithoutDsync", [](Bench& bench) { return build_file(bench, {.ways = no_dsync}); }},
    {"FileWithoutPunchHole", [](Bench& bench) { return build_file(bench, {.ways = no_punch}); }},
    {"FileWithEveryFallback", [](Bench& bench) { return build_file(bench, {.ways = no_ways}); }},
    {"FileDirect", [](Bench& bench) { return build_file(bench, {.direct = true}); }},
    {"BlockDirect", [](Bench& bench) { return build_block(bench, {.direct = true}); }},
    {"FileInMemory", [](Bench& bench) { return build_in_memory(bench, false); }},
    {"FilledFileInMemory", [](Bench& bench) { return build_in_memory(bench, true); }},
    {"FilledFileInMemoryUnmapped", [](Bench& bench) { return build_in_memory(bench, true, {.ways = no_view}); }},
    {"Block", [](Bench& bench) { return build_block(bench, {}); }},
    {"BlockWithEveryFallback", [](Bench& bench) { return build_block(bench, {.ways = no_ways}); }},
    {"DeviceAsFile", [](Bench& bench) { return build_block(bench, {}, true); }},
    {"Memory", [](Bench& bench) { return build_memory(bench); }},
    {"Null",
     [](Bench& bench) {
       bench.store = std::make_unique<NullStore>(store_bytes);
       return Status();
     },
     false},
    {"FaultLayerWithoutRules",
     [](Bench& bench) {
       Status built = build_memory(bench);
       if (built) bench.store = std::make_unique<FaultStore>(std::move(bench.store));
       return built;
     }},
};

class StoreContract : public testing::TestWithParam<Implementation> {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Loop>> created = Loop::create();
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
    Status built = GetParam().build(bench_);
    if (!built) GTEST_SKIP() << "cannot be had here: " << built.error().message;
  }

  Store& store() { return *bench_.store; }
  /// What reads should bring: the data, or zeros from a store that keeps none.
  std::vector<std::byte> kept(std::vector<std::byte> data) const {
    if (!GetParam().keeps_data) std::fill(data.begin(), data.end(), std::byte{0});
    return data;
  }

  std::unique_ptr<Loop> loop_;
  Bench bench_;
};

std::vector<std::byte> pattern(std::size_t bytes, unsigned seed) {
  // Not std::mt19937 for each byte: sanitizers make that the slowest part of the whole test.
  std::uint64_t state = std::uint64_t{seed} * 0x9e37'79b9'7f4a'7c15u + 1;
  std::vector<std::byte> data(bytes);
  for (std::size_t at = 0; at + sizeof state <= bytes; at += sizeof state) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    std::memcpy(data.data() + at, &state, sizeof state);
  }
  return data;
}

constexpr std::byte untouched{0xa5};

TEST_P(StoreContract, DescribesItself) {
  EXPECT_EQ(store().size(), store_bytes);
  EXPECT_FALSE(store().read_only());
  for (std::uint32_t bytes : {store().physical_block_bytes(), store().logical_block_bytes()}) {
    EXPECT_GE(bytes, 512u);
    EXPECT_EQ(bytes & (bytes - 1), 0u) << bytes << " is no power of two";
  }
  EXPECT_LE(store().logical_block_bytes(), store().physical_block_bytes());
  EXPECT_FALSE(store().describe().empty());
}

Task<void> write_then_read(Store& store, std::uint64_t offset, std::vector<std::byte>& data,
                           std::vector<std::byte>& back, bool durable) {
  const int written = co_await write_store(store, offset, data, durable);
  EXPECT_EQ(written, 0);
  const int read = co_await read_store(store, offset, back);
  EXPECT_EQ(read, 0);
}

TEST_P(StoreContract, ReadsBackWhatWasWritten) {
  for (bool durable : {false, true}) {
    std::vector<std::byte> data = pattern(96 * KiB, durable ? 1 : 2);
    std::vector<std::byte> back(data.size(), untouched);
    loop_->run(write_then_read(store(), 40 * block_bytes, data, back, durable));
    EXPECT_EQ(back, kept(data)) << "durable: " << durable;
  }
}

TEST_P(StoreContract, TheLastBlockIsPartOfIt) {
  std::vector<std::byte> data = pattern(block_bytes, 3);
  std::vector<std::byte> back(data.size(), untouched);
  loop_->run(write_then_read(store(), store_bytes - block_bytes, data, back, false));
  EXPECT_EQ(back, kept(data));
}

Task<void> write_and_read_in_pieces(Store& store, std::vector<std::byte>& data,
                                    std::vector<std::byte>& back,
                                    const std::vector<std::size_t>& pieces_out,
                                    const std::vector<std::size_t>& pieces_in) {
  StoreCall write(store);
  write.use(data, pieces_out);
  write.submit(StoreOperation::write, block_bytes);
  co_await write.answer();
  EXPECT_EQ(write.request.error, 0);
  StoreCall read(store);
  read.use(back, pieces_in);
  read.submit(StoreOperation::read, block_bytes);
  co_await read.answer();
  EXPECT_EQ(read.request.error, 0);
}

TEST_P(StoreContract, VectorsMayBeCutAnywhere) {
  std::vector<std::byte> data = pattern(64 * KiB, 4);
  std::vector<std::byte> back(data.size(), untouched);
  loop_->run(write_and_read_in_pieces(store(), data, back, {1, 0, 511, 513, 4096, 7, 0, 30'000},
                                      {0, 0, 3, 8191, 1, 1, 1, 20'000, 0}));
  EXPECT_EQ(back, kept(data));
}

TEST_P(StoreContract, MoreVectorsThanOneSystemCallTakes) {
  std::vector<std::byte> data = pattern(2500 * block_bytes, 5);
  std::vector<std::byte> back(data.size(), untouched);
  const std::vector<std::size_t> pieces(2499, block_bytes);
  loop_->run(write_and_read_in_pieces(store(), data, back, pieces, pieces));
  EXPECT_EQ(back, kept(data));
}

Task<void> write_then_flush(Store& store, std::vector<std::byte>& data) {
  const int written = co_await write_store(store, 0, data);
  EXPECT_EQ(written, 0);
  const int flushed = co_await flush_store(store);
  EXPECT_EQ(flushed, 0);
}

TEST_P(StoreContract, FlushIsAnswered) {
  std::vector<std::byte> data = pattern(32 * KiB, 6);
  loop_->run(write_then_flush(store(), data));
}

Task<void> unmap_the_middle(Store& store, std::vector<std::byte>& data, std::uint64_t offset,
                            std::uint64_t bytes, bool durable, std::vector<std::byte>& back) {
  const int written = co_await write_store(store, 0, data);
  EXPECT_EQ(written, 0);
  const int unmapped = co_await unmap_store(store, offset, bytes, durable);
  EXPECT_EQ(unmapped, 0);
  const int read = co_await read_store(store, 0, back);
  EXPECT_EQ(read, 0);
}

TEST_P(StoreContract, AnUnmappedRangeReadsAsZerosAndItsNeighboursStay) {
  struct Range {
    std::uint64_t offset, bytes;
  };
  // Within a page, across one, whole pages, more than the fallback writes at once, nothing.
  for (Range range : {Range{512, 512}, Range{3584, 1024}, Range{4096, 8192},
                      Range{1536, 1 * MiB + 512}, Range{512, 0}}) {
    for (bool durable : {false, true}) {
      std::vector<std::byte> data = pattern(2 * MiB, 7);
      std::vector<std::byte> back(data.size(), untouched);
      loop_->run(unmap_the_middle(store(), data, range.offset, range.bytes, durable, back));
      const auto from = data.begin() + static_cast<std::ptrdiff_t>(range.offset);
      std::fill(from, from + static_cast<std::ptrdiff_t>(range.bytes), std::byte{0});
      EXPECT_TRUE(back == kept(data)) << range.bytes << " bytes at " << range.offset;
    }
  }
}

Task<void> anchor_the_middle(Store& store, std::vector<std::byte>& data, std::uint64_t offset,
                             std::uint64_t bytes, std::vector<std::byte>& back) {
  const int written = co_await write_store(store, 0, data);
  EXPECT_EQ(written, 0);
  StoreCall call(store);
  call.request.bytes = bytes;
  call.submit(StoreOperation::anchor, offset);
  co_await call.answer();
  EXPECT_EQ(call.request.error, 0);
  const int read = co_await read_store(store, 0, back);
  EXPECT_EQ(read, 0);
}

TEST_P(StoreContract, AnAnchoredRangeReadsAsZerosToo) {
  for (std::uint64_t bytes : {512, 12'288, 0}) {
    std::vector<std::byte> data = pattern(64 * KiB, 17);
    std::vector<std::byte> back(data.size(), untouched);
    loop_->run(anchor_the_middle(store(), data, 3584, bytes, back));
    std::fill_n(data.begin() + 3584, bytes, std::byte{0});
    EXPECT_TRUE(back == kept(data)) << bytes << " bytes";
  }
}

Task<void> map_all_of_it(Store& store, std::vector<StoreExtent>& extents) {
  StoreCall call(store);
  call.request.bytes = store.size();
  call.request.extents = extents;
  call.submit(StoreOperation::map, 0);
  co_await call.answer();
  EXPECT_EQ(call.request.error, 0);
  extents.resize(call.request.extents_found);
}

TEST_P(StoreContract, AMapCoversTheRangeAndSaysWhereDataIs) {
  std::vector<std::byte> data = pattern(256 * KiB, 18);
  std::vector<std::byte> back(data.size());
  loop_->run(write_then_read(store(), 1 * MiB, data, back, false));
  std::vector<StoreExtent> extents(16);
  loop_->run(map_all_of_it(store(), extents));
  std::uint64_t at = 0;
  for (const StoreExtent& extent : extents) {
    EXPECT_EQ(extent.offset, at);
    EXPECT_GT(extent.bytes, 0u);
    at += extent.bytes;
    const bool holds_data = extent.offset < 1 * MiB + data.size() && at > 1 * MiB;
    EXPECT_TRUE(!holds_data || extent.state == StoreExtentState::mapped);
  }
  EXPECT_EQ(at, store_bytes);
  // With room for one extent, one is told.
  std::vector<StoreExtent> one(1);
  loop_->run(map_all_of_it(store(), one));
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one[0].bytes, extents[0].bytes);
}

Task<void> submit_each_operation(Store& store, int& answers_inside, int& answers) {
  std::vector<std::byte> data(8 * KiB);
  for (StoreOperation operation : {StoreOperation::read, StoreOperation::write,
                                   StoreOperation::flush, StoreOperation::unmap,
                                   StoreOperation::anchor, StoreOperation::read_ahead,
                                   StoreOperation::map}) {
    for (bool empty : {false, true}) {
      StoreCall call(store);
      if (!empty) call.use(data);
      call.request.bytes = empty ? 0 : data.size();
      call.submit(operation, 0);
      EXPECT_TRUE(call.request.submitted());
      co_await call.answer();
      EXPECT_FALSE(call.request.submitted());
      EXPECT_EQ(call.request.error, 0);
      answers_inside += call.answers_from_inside_submit;
      answers += call.answers;
    }
  }
}

TEST_P(StoreContract, AnswersOnceAndNeverFromInsideSubmit) {
  int answers_inside = 0;
  int answers = 0;
  loop_->run(submit_each_operation(store(), answers_inside, answers));
  EXPECT_EQ(answers_inside, 0);
  EXPECT_EQ(answers, 14);
}

struct Repeater {
  Store* store = nullptr;
  StoreRequest request;
  iovec vector{};
  iovec entry{};
  int left = 0;
  Event over;

  void go() {
    entry = vector;
    request.vectors = {&entry, 1};
    store->submit(request);
  }
};

Task<void> repeat_from_inside_done(Store& store, int times, int& left) {
  std::vector<std::byte> data(4 * KiB);
  Repeater repeater;
  repeater.store = &store;
  repeater.vector = {data.data(), data.size()};
  repeater.left = times;
  repeater.request.owner = &repeater;
  repeater.request.done = [](StoreRequest& request) {
    auto* self = static_cast<Repeater*>(request.owner);
    if (--self->left == 0) return self->over.set();
    self->go();
  };
  repeater.go();
  co_await repeater.over.wait();
  left = repeater.left;
}

TEST_P(StoreContract, ARequestMayBeSubmittedAgainFromItsAnswer) {
  int left = -1;
  loop_->run(repeat_from_inside_done(store(), 100, left));
  EXPECT_EQ(left, 0);
}

Task<void> keep_many_in_flight(Store& store, std::vector<std::byte>& data,
                               std::vector<std::byte>& back) {
  constexpr std::size_t count = 64;
  const std::size_t each = data.size() / count;
  for (StoreOperation operation : {StoreOperation::write, StoreOperation::read}) {
    std::vector<std::unique_ptr<StoreCall>> calls;
    std::vector<std::byte>& memory = operation == StoreOperation::write ? data : back;
    for (std::size_t i = 0; i < count; ++i) {
      calls.push_back(std::make_unique<StoreCall>(store));
      calls[i]->use(std::span(memory).subspan(i * each, each));
      calls[i]->request.durable = i % 8 == 0;
      calls[i]->submit(operation, i * each);
    }
    for (const std::unique_ptr<StoreCall>& call : calls) {
      co_await call->answer();
      EXPECT_EQ(call->request.error, 0);
    }
  }
}

TEST_P(StoreContract, ManyRequestsAreInFlightAtOnce) {
  std::vector<std::byte> data = pattern(2 * MiB, 8);
  std::vector<std::byte> back(data.size(), untouched);
  loop_->run(keep_many_in_flight(store(), data, back));
  EXPECT_TRUE(back == kept(data));
}

/// Random requests against a model: an array of bytes.
Task<void> walk_at_random(Store& store, bool keeps_data, unsigned seed, int steps) {
  std::mt19937 random(seed);
  std::vector<std::byte> model(store_bytes);
  const std::uint64_t blocks = store_bytes / block_bytes;
  for (int i = 0; i < steps; ++i) {
    const std::uint64_t first = random() % blocks;
    const std::uint64_t count = 1 + random() % std::min<std::uint64_t>(blocks - first, 64);
    const std::uint64_t offset = first * block_bytes;
    std::vector<std::byte> data = pattern(count * block_bytes, random());
    const auto at = model.begin() + static_cast<std::ptrdiff_t>(offset);
    const auto end = at + static_cast<std::ptrdiff_t>(data.size());
    int error = 0;
    switch (random() % 8) {
      case 0:
        error = co_await unmap_store(store, offset, data.size(), random() % 4 == 0);
        std::fill(at, end, std::byte{0});
        break;
      case 1:
        error = co_await flush_store(store);
        break;
      case 2:
      case 3:
      case 4:
        error = co_await write_store(store, offset, data, random() % 8 == 0);
        if (keeps_data) std::copy(data.begin(), data.end(), at);
        break;
      default:
        error = co_await read_store(store, offset, data);
        EXPECT_TRUE(std::equal(data.begin(), data.end(), at)) << "step " << i << " at " << offset;
    }
    EXPECT_EQ(error, 0) << "step " << i;
  }
}

TEST_P(StoreContract, ARandomWalkAgreesWithAnArray) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  loop_->run(walk_at_random(store(), GetParam().keeps_data, seed, 200));
}

Task<void> note_read(Store& store, std::vector<std::byte>& back) {
  const int error = co_await read_store(store, 0, back);
  EXPECT_EQ(error, 0);
}

/// Writes that nobody wants any more, side by side, and then one that is wanted, over all of them.
Task<void> give_up_and_write(Store& store, std::vector<std::byte>& old, std::vector<std::byte>& wanted) {
  constexpr std::size_t writes = 16;
  const std::size_t bytes = old.size() / writes;
  std::vector<std::unique_ptr<StoreCall>> calls;
  for (std::size_t i = 0; i < writes; ++i) {
    calls.push_back(std::make_unique<StoreCall>(store));
    calls.back()->use(std::span(old).subspan(i * bytes, bytes));
    calls.back()->request.durable = i % 2 == 1;
    calls.back()->submit(StoreOperation::write, i * bytes);
    if (i % 4 == 3) continue;
    Store::give_up(calls.back()->request);
    Store::give_up(calls.back()->request);
    EXPECT_EQ(calls.back()->answers, 0) << "it is not answered from inside";
  }
  for (const std::unique_ptr<StoreCall>& call : calls) {
    co_await call->answer();
    EXPECT_TRUE(call->request.error == 0 || call->request.error == ECANCELED) << call->request.error;
    EXPECT_FALSE(call->request.submitted());
    Store::give_up(call->request);  // Too late, and not noticed.
  }
  EXPECT_EQ(calls[3]->request.error, 0) << "the neighbour of one that was given up";
  const int written = co_await write_store(store, 0, wanted);
  EXPECT_EQ(written, 0);
  co_await sleep_for(Loop::current(), std::chrono::milliseconds(10));
  for (const std::unique_ptr<StoreCall>& call : calls) EXPECT_EQ(call->answers, 1);
}

TEST_P(StoreContract, AGivenUpWriteNeverLandsAfterItsAnswer) {
  for (unsigned round = 0; round < 8; ++round) {
    std::vector<std::byte> old = pattern(MiB, 100 + round);
    std::vector<std::byte> wanted = pattern(MiB, 200 + round);
    loop_->run(give_up_and_write(store(), old, wanted));
    std::vector<std::byte> back(MiB, untouched);
    loop_->run(note_read(store(), back));
    EXPECT_EQ(back, kept(wanted));
  }
}

using StoreContractDeathTest = StoreContract;

TEST_P(StoreContractDeathTest, ARangeBeyondTheEndIsABugOfTheCaller) {
  std::vector<std::byte> data(1024);
  StoreCall call(store());
  call.use(data);
  EXPECT_DEATH(call.submit(StoreOperation::read, store_bytes - 512), "size");
  EXPECT_DEATH(call.submit(StoreOperation::write, ~std::uint64_t{0} - 511), "size");
}

std::string name_of(const testing::TestParamInfo<Implementation>& tried) {
  return tried.param.name;
}

INSTANTIATE_TEST_SUITE_P(Every, StoreContract, testing::ValuesIn(implementations), name_of);
INSTANTIATE_TEST_SUITE_P(Every, StoreContractDeathTest, testing::ValuesIn(implementations),
                         name_of);

}  // namespace
}  // namespace holdfast::target
