#include "common/runtime/loop.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "common/runtime/scope.h"
#include "common/runtime/signals.h"
#include "common/runtime/socket.h"
#include "common/runtime/task.h"
#include "common/runtime/wakeup.h"

namespace holdfast {
namespace {

using std::chrono::milliseconds;

// Every test of this file runs with every feature, and with each one turned off in its turn: the
// fallbacks for older kernels are only trusted where they have been seen to work. And it runs on
// several threads.
struct FeatureCase {
  const char* name;
  Features features;
  Duration poll{};
  unsigned threads = 1;
};

/// In a turn of the last thread, which is another one than that which waits for the end.
Task<void> on_the_last_thread(Loop& loop, Task<void> body) {
  co_await loop.move_to(loop.threads() - 1);
  co_await body;
}

class LoopTest : public testing::TestWithParam<FeatureCase> {
 protected:
  void SetUp() override {
    LoopOptions options;
    options.submission_entries = 8;  // Small, so that a full submission queue is tried too.
    options.features = GetParam().features;
    options.poll = GetParam().poll;
    options.threads = GetParam().threads;
    Result<std::unique_ptr<Loop>> created = Loop::create(options);
    ASSERT_TRUE(created) << created.error().message;
    loop_ = std::move(created).value();
  }
  void run(Task<void> body) { loop_->run(on_the_last_thread(*loop_, std::move(body))); }

  std::unique_ptr<Loop> loop_;
};

Task<int> give(int value) { co_return value; }

Task<void> sum_children(int count, long& sum) {
  for (int i = 0; i < count; ++i) {
    const int value = co_await give(i);
    sum += value;
  }
}

TEST_P(LoopTest, ManyReadyChildrenDoNotDeepenTheStack) {
  long sum = 0;
  run(sum_children(200'000, sum));
  EXPECT_EQ(sum, 19'999'900'000L);
}

Task<void> echo_once(Loop& loop, int fd) {
  char byte = 0;
  const std::int32_t got = co_await loop.perform(Operation::recv(fd, &byte, 1));
  EXPECT_EQ(got, 1);
  const std::int32_t put = co_await loop.perform(Operation::write(fd, &byte, 1, 0));
  EXPECT_EQ(put, 1);
}

Task<void> exchange_on_many_sockets(Loop& loop, int count, int& answered) {
  Scope scope;
  std::vector<Fd> ours;
  std::vector<Fd> theirs;
  for (int i = 0; i < count; ++i) {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ours.emplace_back(pair[0]);
    theirs.emplace_back(pair[1]);
    scope.spawn(echo_once(loop, pair[1]));
  }
  for (Fd& fd : ours) {
    char byte = 'x';
    co_await loop.perform(Operation::write(fd.get(), &byte, 1, 0));
    char answer = 0;
    co_await loop.perform(Operation::recv(fd.get(), &answer, 1));
    answered += answer == 'x' ? 1 : 0;
  }
  co_await scope.join();
}

TEST_P(LoopTest, ManyOperationsPassThroughASmallRing) {
  int answered = 0;
  run(exchange_on_many_sockets(*loop_, 100, answered));
  EXPECT_EQ(answered, 100);
  EXPECT_EQ(loop_->operations_in_flight(), 0u);
}

Task<void> sleep_in_order(Loop& loop, int milliseconds_long, std::vector<int>& order) {
  co_await sleep_for(loop, milliseconds(milliseconds_long));
  order.push_back(milliseconds_long);
}

Task<void> sleepers(Loop& loop, std::vector<int>& order) {
  Scope scope;
  for (int length : {30, 10, 20}) scope.spawn(sleep_in_order(loop, length, order));
  co_await scope.join();
}

TEST_P(LoopTest, SleepersWakeInTheOrderOfTheirDeadlines) {
  std::vector<int> order;
  const Instant start = clock_now();
  run(sleepers(*loop_, order));
  EXPECT_EQ(order, (std::vector<int>{10, 20, 30}));
  EXPECT_GE(clock_now() - start, milliseconds(30));
}

Task<void> receive_until_cancelled(Loop& loop, int fd, IoAwaiter*& waiting, std::int32_t& result) {
  char byte = 0;
  IoAwaiter receive(loop, Operation::recv(fd, &byte, 1));
  waiting = &receive;
  result = co_await receive;
}

Task<void> cancel_a_receive(Loop& loop, std::int32_t& result) {
  int pair[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  Fd first(pair[0]);
  Fd second(pair[1]);
  Scope scope;
  IoAwaiter* waiting = nullptr;
  scope.spawn(receive_until_cancelled(loop, pair[0], waiting, result));
  co_await sleep_for(loop, milliseconds(1));
  loop.cancel(*waiting);
  co_await scope.join();
}

TEST_P(LoopTest, ACancelledOperationStillCompletes) {
  std::int32_t result = 0;
  run(cancel_a_receive(*loop_, result));
  EXPECT_EQ(result, -ECANCELED);
}

// Accepts with one operation where the kernel can, and again each time where it cannot.
class Acceptor final : public Completion {
 public:
  Acceptor(Loop& loop, int fd) : loop_(loop), fd_(fd) { loop_.submit(Operation::accept(fd_), *this); }
  int accepted = 0;
  Event three;

 private:
  void complete(std::int32_t result, bool more) override {
    if (result < 0) return;
    Fd connection(result);
    if (++accepted == 3) three.set();
    if (!more) loop_.submit(Operation::accept(fd_), *this);
  }
  Loop& loop_;
  int fd_;
};

Task<void> accept_three(Loop& loop, int& accepted) {
  Result<SocketAddress> any = SocketAddress::parse("127.0.0.1", 0);
  Result<Fd> listener = listen_tcp(*any);
  EXPECT_TRUE(listener);
  Acceptor acceptor(loop, listener->get());
  const SocketAddress address = local_address(listener->get());
  std::vector<Fd> clients;
  for (int i = 0; i < 3; ++i) {
    Result<Fd> client = open_tcp(address);
    const std::int32_t connected =
        co_await loop.perform(Operation::connect(client->get(), address.get(), address.bytes()));
    EXPECT_EQ(connected, 0);
    clients.push_back(std::move(client).value());
  }
  co_await acceptor.three.wait();
  accepted = acceptor.accepted;
  loop.cancel(acceptor);
  while (acceptor.in_flight()) co_await sleep_for(loop, milliseconds(1));
}

TEST_P(LoopTest, AcceptGoesOnWithAndWithoutMultishot) {
  int accepted = 0;
  run(accept_three(*loop_, accepted));
  EXPECT_EQ(accepted, 3);
}

Task<void> hear_another_thread(Wakeup& wakeup, bool& heard) {
  co_await wakeup.wait();
  heard = true;
}

TEST_P(LoopTest, AnotherThreadWakesASleepingLoop) {
  Result<Wakeup> wakeup = Wakeup::open();
  ASSERT_TRUE(wakeup);
  bool heard = false;
  std::thread other([&wakeup] {
    std::this_thread::sleep_for(milliseconds(5));
    wakeup->notify();
  });
  run(hear_another_thread(*wakeup, heard));
  other.join();
  EXPECT_TRUE(heard);
}

Task<void> take_a_signal(Signals& signals, int& number) { number = co_await signals.next(); }

TEST_P(LoopTest, ASignalIsAnEventOfTheLoop) {
  Result<Signals> signals = Signals::open({SIGUSR1});
  ASSERT_TRUE(signals);
  ::kill(::getpid(), SIGUSR1);
  int number = 0;
  run(take_a_signal(*signals, number));
  EXPECT_EQ(number, SIGUSR1);
}

class CountTurnEnds final : public Deferred {
 public:
  int runs = 0;

 private:
  void run() override { ++runs; }
};

Task<void> queue_a_turn_end(Loop& loop, CountTurnEnds& hook) {
  loop.at_turn_end(hook);
  EXPECT_EQ(hook.runs, 0);
  co_await sleep_for(loop, milliseconds(1));
  EXPECT_EQ(hook.runs, 1);
}

TEST_P(LoopTest, TurnEndWorkRunsOnceBeforeTheLoopSleeps) {
  CountTurnEnds hook;
  run(queue_a_turn_end(*loop_, hook));
  EXPECT_EQ(hook.runs, 1);
}

Task<void> be_idle(Loop& loop, std::uint64_t& turns) {
  const std::uint64_t before = loop.turns();
  co_await sleep_for(loop, milliseconds(50));
  turns = loop.turns() - before;
}

TEST_P(LoopTest, AnIdleLoopDoesNotTurn) {
  std::uint64_t turns = 0;
  run(be_idle(*loop_, turns));
  EXPECT_LE(turns, 3u) << "turns taken while nothing happened";
}

INSTANTIATE_TEST_SUITE_P(
    Features, LoopTest,
    testing::Values(
        FeatureCase{"All", Features::all()},
        FeatureCase{"WithoutSingleIssuer", {.single_issuer = false}},
        FeatureCase{"WithoutTaskrunFlags", {.single_issuer = false, .coop_taskrun = false}},
        FeatureCase{"WithoutRingFd", {.ring_fd = false}},
        FeatureCase{"WithoutMultishotAccept", {.multishot_accept = false}},
        FeatureCase{"WithoutWaitTimeout", {.wait_timeout = false}},
        FeatureCase{"None", Features::none()},
        FeatureCase{"Polling", Features::all(), std::chrono::microseconds(200)},
        FeatureCase{"PollingWithNone", Features::none(), std::chrono::microseconds(200)},
        FeatureCase{"TwoThreads", Features::all(), Duration(0), 2},
        FeatureCase{"FourThreads", Features::all(), Duration(0), 4},
        FeatureCase{"FourThreadsPolling", Features::all(), std::chrono::microseconds(200), 4},
        FeatureCase{"FourThreadsWithNone", Features::none(), Duration(0), 4}),
    [](const testing::TestParamInfo<FeatureCase>& tried) { return std::string(tried.param.name); });

}  // namespace
}  // namespace holdfast
