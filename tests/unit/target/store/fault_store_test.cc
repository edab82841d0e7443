#include "target/store/fault_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/units.h"
#include "common/runtime/loop.h"
#include "target/store/memory_store.h"
#include "tests/support/store_call.h"

namespace holdfast::target {
namespace {

using std::chrono::milliseconds;

class FaultStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Loop>> created = Loop::create();
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
    auto memory = MemoryStore::create(MiB);
    ASSERT_TRUE(memory) << memory.error().message;
    store_ = std::make_unique<FaultStore>(std::move(memory).value());
  }
  std::unique_ptr<Loop> loop_;
  std::unique_ptr<FaultStore> store_;
};

struct Question {
  StoreOperation operation;
  std::uint64_t offset;
};

/// Asks for 4 KiB at each place in turn and notes what came of it.
Task<void> ask_each(Store& store, const std::vector<Question>& questions, std::vector<int>& errors,
                    std::vector<std::uint64_t>& failed_offsets) {
  std::vector<std::byte> data(4096);
  for (const Question& question : questions) {
    StoreCall call(store);
    call.use(data);
    call.request.bytes = data.size();
    call.submit(question.operation, question.offset);
    co_await call.answer();
    EXPECT_EQ(call.answers_from_inside_submit, 0);
    errors.push_back(call.request.error);
    failed_offsets.push_back(call.request.failed_offset);
  }
}

constexpr StoreOperation reading = StoreOperation::read;
constexpr StoreOperation writing = StoreOperation::write;
constexpr StoreOperation flushing = StoreOperation::flush;
constexpr StoreOperation unmapping = StoreOperation::unmap;

TEST_F(FaultStoreTest, RulesStrikeWhatTheyAreMeantFor) {
  struct Case {
    const char* sentence;
    Fault fault;
    std::vector<Question> questions;
    std::vector<int> errors;
  };
  const std::vector<Case> cases = {
      {"everything",
       {},
       {{reading, 0}, {writing, 0}, {flushing, 0}, {unmapping, 0}},
       {EIO, EIO, EIO, EIO}},
      {"one operation",
       {.operation = writing, .error = ENOSPC},
       {{reading, 0}, {writing, 0}, {flushing, 0}, {writing, 0}},
       {0, ENOSPC, 0, ENOSPC}},
      {"a range, by its edges",
       {.from = 8192, .to = 8704},
       {{reading, 4096}, {reading, 4608}, {reading, 8192}, {reading, 8704}},
       {0, EIO, EIO, 0}},
      {"the third only",
       {.operation = reading, .skip = 2, .times = 1},
       {{reading, 0}, {writing, 0}, {reading, 0}, {reading, 0}, {reading, 0}},
       {0, 0, 0, EIO, 0}},
      {"the first two", {.times = 2}, {{reading, 0}, {flushing, 0}, {reading, 0}}, {EIO, EIO, 0}},
  };
  for (const Case& tried : cases) {
    store_->clear();
    store_->inject(tried.fault);
    std::vector<int> errors;
    std::vector<std::uint64_t> failed_offsets;
    loop_->run(ask_each(*store_, tried.questions, errors, failed_offsets));
    EXPECT_EQ(errors, tried.errors) << tried.sentence;
  }
}

TEST_F(FaultStoreTest, AFailureNamesTheFirstBadByte) {
  store_->inject({.from = 6144, .to = 6656});
  std::vector<int> errors;
  std::vector<std::uint64_t> failed_offsets;
  const std::vector<Question> questions = {{reading, 4096}, {reading, 6144}, {reading, 6400}};
  loop_->run(ask_each(*store_, questions, errors, failed_offsets));
  EXPECT_EQ(failed_offsets, (std::vector<std::uint64_t>{6144, 6144, 6400}));
}

Task<void> write_and_look(Store& store, std::vector<std::byte>& data,
                          std::vector<std::byte>& back) {
  const int written = co_await write_store(store, 0, data);
  EXPECT_EQ(written, EIO);
  const int got = co_await read_store(store, 0, back);
  EXPECT_EQ(got, 0);
}

TEST_F(FaultStoreTest, AFailedWriteLeavesTheMediumAlone) {
  store_->inject({.operation = writing});
  std::vector<std::byte> data(512, std::byte{1});
  std::vector<std::byte> back(512, std::byte{2});
  loop_->run(write_and_look(*store_, data, back));
  EXPECT_EQ(back, std::vector<std::byte>(512));
  EXPECT_EQ(store_->struck(), 1u);
}

Task<void> hang_and_release(FaultStore& store) {
  std::vector<std::byte> data(512);
  StoreCall first(store);
  StoreCall second(store);
  first.use(data);
  second.use(data);
  first.submit(StoreOperation::read, 0);
  second.submit(StoreOperation::read, 512);
  co_await sleep_for(Loop::current(), milliseconds(5));
  EXPECT_FALSE(first.is_answered());
  EXPECT_TRUE(second.is_answered()) << "one that hangs must not hold up another";
  EXPECT_EQ(store.hanging(), 1u);
  store.clear();
  co_await sleep_for(Loop::current(), milliseconds(1));
  EXPECT_FALSE(first.is_answered()) << "what hangs goes on hanging";
  store.release();
  co_await first.answer();
  EXPECT_EQ(first.request.error, 0);
  EXPECT_EQ(store.hanging(), 0u);
}

TEST_F(FaultStoreTest, AHangLastsUntilItIsReleased) {
  store_->inject({.kind = Fault::Kind::hang, .times = 1});
  loop_->run(hang_and_release(*store_));
}

Task<void> overtake(FaultStore& store, Instant& slow_at, Instant& quick_at) {
  std::vector<std::byte> data(512);
  StoreCall slow(store);
  StoreCall quick(store);
  slow.use(data);
  quick.use(data);
  slow.submit(StoreOperation::read, 0);
  quick.submit(StoreOperation::write, 0);
  co_await quick.answer();
  quick_at = clock_now();
  EXPECT_FALSE(slow.is_answered());
  co_await slow.answer();
  slow_at = clock_now();
}

TEST_F(FaultStoreTest, DelaysAreKeptAndTheShorterOneEndsFirst) {
  // The long one is so long that no noise of the machine makes it end with the short one.
  store_->inject({.kind = Fault::Kind::delay, .operation = reading, .delay = milliseconds(400)});
  store_->inject({.kind = Fault::Kind::delay, .operation = writing, .delay = milliseconds(20)});
  const Instant start = clock_now();
  Instant slow_at;
  Instant quick_at;
  loop_->run(overtake(*store_, slow_at, quick_at));
  EXPECT_GE(quick_at - start, milliseconds(20));
  EXPECT_GE(slow_at - start, milliseconds(400));
}

Task<void> write_block(Store& store, std::uint64_t offset, std::vector<std::byte>& data, int& error) {
  const int written = co_await write_store(store, offset, data);
  error = written;
}

Task<void> read_block(Store& store, std::vector<std::byte>& back) {
  const int got = co_await read_store(store, 0, back);
  EXPECT_EQ(got, 0);
}

TEST_F(FaultStoreTest, ATornWriteIsAnsweredAsDoneAndHalfDone) {
  store_->inject({.kind = Fault::Kind::tear, .times = 1});
  std::vector<std::byte> data(4096, std::byte{1});
  std::vector<std::byte> back(4096);
  int error = -1;
  loop_->run(write_block(*store_, 0, data, error));
  EXPECT_EQ(error, 0);
  loop_->run(read_block(*store_, back));
  std::vector<std::byte> half(2048, std::byte{1});
  half.resize(4096);
  EXPECT_EQ(back, half);
}

TEST_F(FaultStoreTest, ALostWriteIsAnsweredAsDoneAndReadsAreLeftAlone) {
  store_->inject({.kind = Fault::Kind::lose});
  std::vector<std::byte> data(512, std::byte{1});
  std::vector<std::byte> back(512, std::byte{2});
  int error = -1;
  loop_->run(write_block(*store_, 0, data, error));
  EXPECT_EQ(error, 0);
  loop_->run(read_block(*store_, back));
  EXPECT_EQ(back, std::vector<std::byte>(512));
  EXPECT_EQ(store_->struck(), 1u);
}

TEST_F(FaultStoreTest, AShareIsDrawnFromItsSeed) {
  std::vector<std::byte> data(512, std::byte{1});
  std::string drawn[2];
  for (std::string& draw : drawn) {
    store_->clear();
    store_->inject({.operation = writing, .percent = 30, .seed = 5});
    for (int i = 0; i < 200; ++i) {
      int error = -1;
      loop_->run(write_block(*store_, 0, data, error));
      draw += error == 0 ? '.' : 'x';
    }
  }
  EXPECT_EQ(drawn[0], drawn[1]);
  const auto struck = std::count(drawn[0].begin(), drawn[0].end(), 'x');
  EXPECT_GT(struck, 35);
  EXPECT_LT(struck, 85);
}

Task<void> hang_until_the_rule_goes(FaultStore& store, bool by_time) {
  std::vector<std::byte> data(512);
  const Fault hang{.kind = Fault::Kind::hang, .lasts = by_time ? std::optional<Duration>(milliseconds(50)) : std::nullopt};
  const std::uint64_t rule = store.inject(hang, "hang");
  StoreCall call(store);
  call.use(data);
  call.submit(StoreOperation::read, 0);
  co_await sleep_for(Loop::current(), milliseconds(5));
  EXPECT_FALSE(call.is_answered());
  EXPECT_EQ(store.rules().at(0).hanging, 1u);
  EXPECT_EQ(store.rules().at(0).text, "hang");
  if (!by_time) {
    EXPECT_TRUE(store.remove(rule));
    EXPECT_FALSE(store.remove(rule));
  }
  co_await call.answer();
  EXPECT_EQ(call.request.error, 0);
  EXPECT_TRUE(store.rules().empty());
}

TEST_F(FaultStoreTest, WhatHangsGoesOnWhenItsRuleGoes) {
  loop_->run(hang_until_the_rule_goes(*store_, false));
  loop_->run(hang_until_the_rule_goes(*store_, true));
}

/// What becomes of one that is given up while a rule keeps it.
Task<void> give_up_what_is_kept(FaultStore& store, bool answered_at_once) {
  std::vector<std::byte> data(512);
  StoreCall call(store);
  StoreCall other(store);
  call.use(data);
  other.use(data);
  call.submit(StoreOperation::write, 0);
  other.submit(StoreOperation::write, 512);
  co_await sleep_for(Loop::current(), milliseconds(5));
  Store::give_up(call.request);
  EXPECT_FALSE(call.is_answered()) << "it is not answered from inside";
  co_await sleep_for(Loop::current(), milliseconds(5));
  EXPECT_EQ(call.is_answered(), answered_at_once);
  EXPECT_FALSE(other.is_answered()) << "the other one is wanted";
  store.release();
  if (!answered_at_once) co_await call.answer();
  EXPECT_EQ(call.request.error, answered_at_once ? ECANCELED : 0);
  EXPECT_EQ(call.answers, 1);
  co_await other.answer();
  EXPECT_EQ(other.request.error, 0);
}

TEST_F(FaultStoreTest, WhatHangsOrIsDelayedCanBeGivenUp) {
  for (const Fault& fault : {Fault{.kind = Fault::Kind::hang}, Fault{.kind = Fault::Kind::delay, .delay = milliseconds(200)}}) {
    store_->inject(fault);
    loop_->run(give_up_what_is_kept(*store_, true));
    store_->clear();
  }
}

TEST_F(FaultStoreTest, WhatSticksCannotBeGivenUp) {
  store_->inject({.kind = Fault::Kind::stick});
  loop_->run(give_up_what_is_kept(*store_, false));
}

}  // namespace
}  // namespace holdfast::target
