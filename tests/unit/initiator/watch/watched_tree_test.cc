#include "initiator/watch/watched_tree.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/memory_tree.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;

class WatchedTreeTest : public testing::Test {
 protected:
  void SetUp() override {
    Result<std::unique_ptr<Loop>> created = Loop::create();
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
    WatchOptions options;
    options.stall = milliseconds(150);
    options.hang = milliseconds(60'000);
    options.on_files = true;
    watch_.emplace(options, clock_now());
    timer_.emplace(*loop_, *watch_);
    auto tree = std::make_unique<MemoryTree>(*loop_);
    memory_ = tree.get();
    watched_ = std::make_unique<WatchedTree>(std::move(tree), *timer_);
  }

  std::unique_ptr<Loop> loop_;
  std::optional<Watch> watch_;
  std::optional<WatchTimer> timer_;
  MemoryTree* memory_ = nullptr;
  std::unique_ptr<WatchedTree> watched_;
};

Task<void> write_a_file(Tree& tree) {
  Attributes directory;
  directory.mode = S_IFDIR | 0755;
  const std::string outer = "etc";
  const Result<NodeId> parent = co_await tree.make_directory(tree.root(), outer, directory);
  Attributes file;
  file.mode = S_IFREG | 0644;
  file.bytes = 4096;
  const DataRange whole{0, 4096};
  const std::string name = "passwd";
  const std::span<const DataRange> ranges(&whole, 1);
  const Result<NodeId> node = co_await tree.create_file(*parent, name, file, ranges, 0);
  const std::vector<std::byte> data(4096);
  const Status written = co_await tree.write(*node, 0, data);
  EXPECT_TRUE(written);
  const Status finished = co_await tree.finish_file(*node);
  EXPECT_TRUE(finished);
  tree.forget(*node);
}

TEST_F(WatchedTreeTest, EveryCallIsCountedUnderItsKind) {
  loop_->run(write_a_file(*watched_));
  for (const OperationKind kind :
       {OperationKind::make_directory, OperationKind::create, OperationKind::write, OperationKind::flush})
    EXPECT_EQ(watch_->latency(kind).count(), 1U) << to_string(kind);
  EXPECT_EQ(watch_->in_flight_count(), 0U);
}

TEST_F(WatchedTreeTest, ACallThatStallsIsNamedWithItsFileAndItsPlace) {
  memory_->delay = milliseconds(400);
  loop_->run(write_a_file(*watched_));
  watch_->finish(clock_now());
  ASSERT_EQ(watch_->event_count(EventKind::stall), 1U);
  const PathEvent event = watch_->events().front();
  EXPECT_EQ(event.operation.kind, OperationKind::write);
  EXPECT_EQ(event.operation.file, "etc/passwd");
  EXPECT_TRUE(event.operation.on_file);
  EXPECT_EQ(event.operation.bytes, 4096U);
}

TEST_F(WatchedTreeTest, WhatATreeRefusesIsAnAnswerAndNoErrorOfThePath) {
  memory_->refuse = [](const std::string& verb, const std::string&) -> Status {
    if (verb != "finish_file") return {};
    return Error{ErrorKind::out_of_space, ENOSPC, "full"};
  };
  Attributes file;
  file.mode = S_IFREG | 0644;
  const auto body = [](Tree& tree, Attributes attributes) -> Task<void> {
    const std::string name = "x";
    const std::span<const DataRange> none;
    const Result<NodeId> node = co_await tree.create_file(tree.root(), name, attributes, none, 0);
    const Status finished = co_await tree.finish_file(*node);
    EXPECT_FALSE(finished);
  };
  loop_->run(body(*watched_, file));
  EXPECT_EQ(watch_->errors(), 0U);
}

}  // namespace
}  // namespace holdfast::initiator
