#include "common/runtime/blocking_crew.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <memory>
#include <semaphore>
#include <set>
#include <thread>

#include "common/runtime/event.h"
#include "common/runtime/task.h"

namespace holdfast {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

struct FeatureCase {
  const char* name;
  Features features;
};

class BlockingCrewTest : public testing::TestWithParam<FeatureCase> {
 protected:
  void SetUp() override {
    LoopOptions options;
    options.features = GetParam().features;
    Result<std::unique_ptr<Loop>> created = Loop::create(options);
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
    Result<std::unique_ptr<BlockingCrew>> crew = BlockingCrew::create(*loop_, 4);
    ASSERT_TRUE(crew) << crew.error().message;
    crew_ = std::move(crew).value();
  }
  void TearDown() override {
    crew_.reset();
    loop_.reset();
  }

  std::unique_ptr<Loop> loop_;
  std::unique_ptr<BlockingCrew> crew_;
};

/// Notes where it was done, and tells that it is over.
class Job final : public BlockingJob {
 public:
  virtual ~Job() = default;

  std::counting_semaphore<>* gate = nullptr;  // to be waited for
  std::atomic<bool>* begun = nullptr;
  std::thread::id worked_on;
  std::thread::id finished_on;
  std::size_t* left = nullptr;
  Event* all_over = nullptr;
  std::vector<const Job*>* order = nullptr;

 private:
  void work() override {
    worked_on = std::this_thread::get_id();
    if (begun != nullptr) *begun = true;
    if (gate != nullptr) gate->acquire();
  }
  void finished() override {
    finished_on = std::this_thread::get_id();
    if (order != nullptr) order->push_back(this);
    if (--*left == 0) all_over->set();
  }
};

Task<void> wait_for(Event& event) { co_await event.wait(); }

TEST_P(BlockingCrewTest, JobsAreDoneElsewhereAndEndOnTheLoop) {
  constexpr std::size_t count = 1000;
  std::deque<Job> jobs(count);
  std::size_t left = count;
  Event all_over;
  for (Job& job : jobs) {
    job.left = &left;
    job.all_over = &all_over;
    crew_->submit(job);
  }
  EXPECT_EQ(crew_->outstanding(), count);
  loop_->run(wait_for(all_over));
  EXPECT_EQ(crew_->outstanding(), 0U);
  std::set<std::thread::id> threads;
  for (const Job& job : jobs) {
    EXPECT_EQ(job.finished_on, std::this_thread::get_id());
    EXPECT_NE(job.worked_on, std::this_thread::get_id());
    threads.insert(job.worked_on);
  }
  EXPECT_LE(threads.size(), 4U);
}

TEST_P(BlockingCrewTest, AStuckJobHoldsNoOtherUp) {
  std::counting_semaphore<> gate(0);
  std::deque<Job> jobs(100);
  std::size_t left = jobs.size() - 3;
  std::size_t stuck_left = 3;
  Event all_over;
  Event stuck_over;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const bool stuck = i < 3;  // All threads but one.
    jobs[i].left = stuck ? &stuck_left : &left;
    jobs[i].all_over = stuck ? &stuck_over : &all_over;
    if (stuck) jobs[i].gate = &gate;
    crew_->submit(jobs[i]);
  }
  loop_->run(wait_for(all_over));
  EXPECT_EQ(crew_->outstanding(), 3U);
  gate.release(3);
  loop_->run(wait_for(stuck_over));
  EXPECT_EQ(crew_->outstanding(), 0U);
}

TEST_P(BlockingCrewTest, WhatIsDoneIsHeardThoughTheSameThreadIsStuckInTheNext) {
  // Goal: a result is never held back by the job that its thread took next. Method: the second of two
  // jobs waits for the end of the first to be seen by the loop.
  struct Bodies {
    static Task<void> run(Event& first, std::counting_semaphore<>& gate, Event& second) {
      co_await first.wait();
      gate.release();
      co_await second.wait();
    }
  };
  std::counting_semaphore<> gate(0);
  std::deque<Job> jobs(2);
  std::size_t left[2] = {1, 1};
  Event over[2];
  for (std::size_t i = 0; i < 2; ++i) {
    jobs[i].left = &left[i];
    jobs[i].all_over = &over[i];
    crew_->submit(jobs[i]);
  }
  jobs[1].gate = &gate;
  loop_->run(Bodies::run(over[0], gate, over[1]));
}

TEST_P(BlockingCrewTest, GoesInPeaceWhileAJobIsStuck) {
  // The thread, the job and all that they use stay, since the kernel may return at any time.
  auto gate = std::make_unique<std::counting_semaphore<>>(0);
  auto job = std::make_unique<Job>();
  std::atomic<bool> begun = false;
  std::size_t left = 1;
  Event over;
  job->gate = gate.get();
  job->begun = &begun;
  job->left = &left;
  job->all_over = &over;
  crew_->submit(*job);
  while (!begun) std::this_thread::sleep_for(milliseconds(1));
  crew_.reset();
  gate->release();
  loop_->run(wait_for(over));  // It is still listened to.
}

TEST_P(BlockingCrewTest, OneThreadTakesJobsInOrder) {
  Result<std::unique_ptr<BlockingCrew>> single = BlockingCrew::create(*loop_, 1);
  ASSERT_TRUE(single);
  std::deque<Job> jobs(200);
  std::vector<const Job*> order;
  std::size_t left = jobs.size();
  Event all_over;
  for (Job& job : jobs) {
    job.left = &left;
    job.all_over = &all_over;
    job.order = &order;
    (*single)->submit(job);
  }
  loop_->run(wait_for(all_over));
  ASSERT_EQ(order.size(), jobs.size());
  for (std::size_t i = 0; i < jobs.size(); ++i) EXPECT_EQ(order[i], &jobs[i]) << i;
}

TEST(BlockingThreadsWanted, GrowWithTheTimeThatAJobTakes) {
  EXPECT_EQ(blocking_threads_wanted(Duration(0), 8), 1U);
  EXPECT_EQ(blocking_threads_wanted(microseconds(49), 8), 1U);
  EXPECT_EQ(blocking_threads_wanted(microseconds(120), 8), 3U);
  EXPECT_EQ(blocking_threads_wanted(milliseconds(1), 8), 8U);
  EXPECT_EQ(blocking_threads_wanted(std::chrono::hours(1), 8), 8U);
  EXPECT_EQ(blocking_threads_wanted(Duration(-5), 8), 1U);
}

INSTANTIATE_TEST_SUITE_P(Features, BlockingCrewTest,
                         testing::Values(FeatureCase{"All", Features::all()},
                                         FeatureCase{"None", Features::none()}),
                         [](const testing::TestParamInfo<FeatureCase>& one) { return one.param.name; });

}  // namespace
}  // namespace holdfast
