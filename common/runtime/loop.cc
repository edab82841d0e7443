#include "common/runtime/loop.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <ctime>
#include <future>
#include <string>
#include <utility>

#include "common/runtime/blocking_thread.h"
#include "common/runtime/fd.h"
#include "common/runtime/poll_window.h"
#include "common/runtime/ring.h"
#include "common/runtime/task.h"
#include "common/runtime/turn.h"

namespace holdfast {
namespace {

thread_local Loop* current_loop = nullptr;

/// Where several threads are, each listens for others that have something for it.
constexpr std::uint64_t bell_receiver = 1;
static_assert(bell_receiver != Ring::no_receiver);

/// How many rounds of ready work one turn may do before the kernel is asked again, so that work
/// which keeps making work cannot starve the network.
constexpr int ready_rounds_max = 64;

std::uint64_t receiver_of(const Completion& completion) {
  return reinterpret_cast<std::uint64_t>(&completion);
}

}  // namespace

/// One thread's part. All of it belongs to the turn, whoever has it, but for the ring and the window,
/// which only the thread itself uses.
struct Loop::Lane {
  /// What a turn of another thread has for this one's ring.
  struct Letter {
    Completion* completion = nullptr;
    std::optional<Operation> operation;  // none: it is to be cancelled
  };

  Lane(unsigned its_number, Duration poll) : number(its_number), poll_window(poll) {}

  const unsigned number;
  Agenda agenda;
  std::vector<Letter> letters;
  bool away = false;  // it does not have the turn, and may sleep
  bool rung = false;  // its bell, and it has not heard it yet
  Fd bell;
  std::unique_ptr<Ring> ring;
  PollWindow poll_window;
  Turn::Taker taker;
  clockid_t processor_clock = CLOCK_THREAD_CPUTIME_ID;
  std::optional<BlockingThread> thread;  // of all but the first

  Status open(const LoopOptions& options, Features& features) {
    Result<std::unique_ptr<Ring>> made =
        Ring::create(options.submission_entries, options.worker_threads_max, features);
    if (!made) return made.error();
    ring = std::move(*made);
    CHECK(::pthread_getcpuclockid(::pthread_self(), &processor_clock) == 0);
    if (options.threads == 1) return {};
    bell = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!bell) return Error::from_errno(errno, "open an event descriptor");
    listen();
    return {};
  }
  void listen() { ring->prepare(Operation::poll(bell.get(), POLLIN), bell_receiver); }
};

Result<std::unique_ptr<Loop>> Loop::create(const LoopOptions& options) {
  CHECK(current_loop == nullptr);
  CHECK(options.threads >= 1 && options.threads <= threads_max);
  Features features = options.features;
  auto first = std::make_unique<Lane>(0, options.poll);
  const Status opened = first->open(options, features);
  if (!opened) return opened.error();
  auto loop = std::unique_ptr<Loop>(new Loop(features));
  loop->lanes_.reserve(options.threads);
  loop->seats_.resize(options.threads);
  loop->lanes_.push_back(std::move(first));
  if (options.threads > 1) loop->turn_ = std::make_unique<Turn>();
  // The turn is this thread's from here on, whenever the loop does not sleep.
  loop->enter_turn(*loop->lanes_.front());
  while (loop->threads() < options.threads) {
    const Status added = loop->add_lane(options);
    if (!added) return added.error();
  }
  return loop;
}

/// The thread makes its ring itself, since the kernel takes nothing for it from another one.
Status Loop::add_lane(const LoopOptions& options) {
  auto lane = std::make_unique<Lane>(threads(), options.poll);
  const auto opened = std::make_shared<std::promise<Status>>();
  std::future<Status> outcome = opened->get_future();
  lane->away = true;
  lane->thread.emplace([this, options, opened, lane = lane.get()] {
    Features features = options.features;
    Status status = lane->open(options, features);
    const bool good = static_cast<bool>(status);
    opened->set_value(std::move(status));
    current_loop = this;
    if (good) serve(*lane);
    lane->ring.reset();
  });
  Status status = outcome.get();
  if (status) lanes_.push_back(std::move(lane));
  return status;
}

Loop::Loop(const Features& features) : features_(features), now_(clock_now()), woken_(now_) {
  current_loop = this;
  running_.reserve(1024);
}

Loop::~Loop() {
  CHECK(in_flight_ == 0);
  if (turn_ != nullptr) {
    stopping_ = true;
    for (const std::unique_ptr<Lane>& lane : lanes_) wake(*lane);
    leave_turn(*lanes_.front());
    for (const std::unique_ptr<Lane>& lane : lanes_) lane->thread.reset();
  }
  current_loop = nullptr;
}

Loop& Loop::current() {
  CHECK(current_loop != nullptr);
  return *current_loop;
}

Duration Loop::processor_time(unsigned thread) const {
  timespec time{};
  CHECK(::clock_gettime(lanes_[thread]->processor_clock, &time) == 0);
  return std::chrono::seconds(time.tv_sec) + Duration(time.tv_nsec);
}

void Loop::DeferredQueue::push(Deferred& work) {
  CHECK(!work.queued_);
  work.queued_ = true;
  work.next_ = nullptr;
  *tail = &work;
  tail = &work.next_;
}

Deferred* Loop::DeferredQueue::pop() {
  Deferred* work = head;
  if (work == nullptr) return nullptr;
  head = work->next_;
  if (head == nullptr) tail = &head;
  work->queued_ = false;
  return work;
}

Loop::DeferredQueue Loop::DeferredQueue::take() {
  DeferredQueue taken;
  taken.head = head;  // Its tail is never asked for: what is taken is only popped.
  head = nullptr;
  tail = &head;
  return taken;
}

namespace {

/// The coroutine that `run` waits for: it only notes that `main` is over, in a turn of the thread that
/// waits.
Task<void> run_to_end(Loop& loop, Task<void> main, bool& finished) {
  co_await main;
  co_await loop.move_to(0);
  finished = true;
}

}  // namespace

void Loop::run(Task<void> main) {
  bool finished = false;
  Task<void> wrapped = run_to_end(*this, std::move(main), finished);
  auto awaiter = wrapped.operator co_await();
  awaiter.await_suspend(std::noop_coroutine());
  Lane& lane = *lanes_.front();
  CHECK(lane_ == &lane);
  for (;;) {
    do_turn(lane);
    if (finished) return;
    next_turn(lane);
  }
}

/// What every thread does but the first.
void Loop::serve(Lane& lane) {
  enter_turn(lane);
  while (!stopping_) {
    do_turn(lane);
    next_turn(lane);
  }
  leave_turn(lane);
}

void Loop::do_turn(Lane& lane) {
  run_what_is_ready();
  if (!lane.agenda.aside.empty()) {
    work_aside(lane);
    run_what_is_ready();
  }
  DeferredQueue ending = lane.agenda.turn_end.take();
  while (Deferred* work = ending.pop()) work->run();
  longest_turn_ = std::max(longest_turn_, Duration(clock_now() - woken_));
}

void Loop::next_turn(Lane& lane) {
  const bool wait = lane.agenda.empty();
  // Read while it may be: others disarm timers of this thread's in their turns.
  std::optional<Instant> until;
  if (!lane.agenda.timers.empty()) until = lane.agenda.timers.next();
  leave_turn(lane);
  enter_kernel(lane, wait, until);
  enter_turn(lane);
  if (stopping_) return;
  ++turns_;
  take_letters(lane);
  hand_out_completions(lane);
  while (lane.agenda.timers.expire_one(now_)) {
  }
}

void Loop::enter_turn(Lane& lane) {
  Instant woken{};
  if (turn_ != nullptr && !turn_->try_take()) {
    woken = clock_now();
    turn_->take(lane.taker);
  }
  lane.away = false;
  lane_ = &lane;
  agenda_ = &lane.agenda;
  thread_ = lane.number;
  now_ = clock_now();
  woken_ = woken == Instant{} ? now_ : woken;
}

void Loop::leave_turn(Lane& lane) {
  if (turn_ == nullptr) return;
  lane.away = true;
  std::uint64_t bells = std::exchange(bells_, 0);
  turn_->release();
  // Who is woken finds the turn free, or soon to be.
  for (; bells != 0; bells &= bells - 1) {
    const std::uint64_t one = 1;
    const int bell = lanes_[static_cast<std::size_t>(std::countr_zero(bells))]->bell.get();
    [[maybe_unused]] const ssize_t written = ::write(bell, &one, sizeof one);
  }
}

/// Another turn has left something for this thread: it shall not sleep on it.
void Loop::wake(Lane& lane) {
  if (!lane.away || lane.rung) return;
  lane.rung = true;
  bells_ |= std::uint64_t{1} << lane.number;
}

void Loop::run_what_is_ready() {
  for (int round = 0; round < ready_rounds_max; ++round) {
    if (agenda_->ready.empty() && agenda_->deferred.empty()) return;
    running_.swap(agenda_->ready);
    for (std::coroutine_handle<> coroutine : running_) coroutine.resume();
    running_.clear();
    DeferredQueue batch = agenda_->deferred.take();
    while (Deferred* work = batch.pop()) work->run();
  }
}

void Loop::do_aside(Deferred& work) {
  if (turn_ != nullptr) return agenda_->aside.push(work);
  work.aside();
  defer(work);
}

void Loop::work_aside(Lane& lane) {
  DeferredQueue batch = lane.agenda.aside.take();
  const Instant woken = woken_;
  leave_turn(lane);
  for (Deferred* work = batch.head; work != nullptr; work = work->next_) work->aside();
  enter_turn(lane);
  woken_ = woken;  // All the time since then this thread has seen no completion.
  while (Deferred* work = batch.pop()) defer(*work);
}

/// The only part that several threads do at once, and all that it touches is the thread's own.
void Loop::enter_kernel(Lane& lane, bool wait, std::optional<Instant> until) {
  if (!wait) return lane.ring->submit();
  PollWindow& window = lane.poll_window;
  if (!window.enabled()) return lane.ring->submit_and_wait(until);
  const Instant began = clock_now();
  bool came = false;
  if (window.length() > Duration(0)) {
    const Instant end = began + window.length();
    came = lane.ring->submit_and_poll(until ? std::min(end, *until) : end);
  }
  if (!came) lane.ring->submit_and_wait(until);
  window.waited(clock_now() - began);
}

void Loop::take_letters(Lane& lane) {
  // Before completions are handed out: a cancellation is for what was in flight when it was asked
  // for, and not for what is started next.
  for (const Lane::Letter& letter : lane.letters) {
    if (letter.operation)
      lane.ring->prepare(*letter.operation, receiver_of(*letter.completion));
    else
      lane.ring->prepare_cancel(receiver_of(*letter.completion));
  }
  lane.letters.clear();
}

void Loop::hand_out_completions(Lane& lane) {
  lane.ring->for_each_completion([this, &lane](std::uint64_t receiver, std::int32_t result, bool more) {
    if (receiver == bell_receiver) {
      std::uint64_t rings = 0;
      [[maybe_unused]] const ssize_t got = ::read(lane.bell.get(), &rings, sizeof rings);
      lane.rung = false;
      lane.listen();
      return;
    }
    auto* completion = reinterpret_cast<Completion*>(receiver);
    if (!more) {
      completion->in_flight_ = false;
      --in_flight_;
    }
    completion->complete(result, more);
  });
}

void Loop::submit(const Operation& operation, Completion& completion) {
  CHECK(!completion.in_flight_);
  const std::size_t home = completion.home_ == Completion::anywhere ? thread_ : completion.home_;
  Lane& lane = *lanes_[home];
  completion.in_flight_ = true;
  completion.thread_ = static_cast<std::uint16_t>(home);
  ++in_flight_;
  if (&lane == lane_) return lane.ring->prepare(operation, receiver_of(completion));
  lane.letters.push_back({&completion, operation});
  wake(lane);
}

void Loop::cancel(Completion& completion) {
  if (!completion.in_flight_) return;
  Lane& lane = *lanes_[completion.thread_];
  if (&lane == lane_) return lane.ring->prepare_cancel(receiver_of(completion));
  lane.letters.push_back({&completion, std::nullopt});
  wake(lane);
}

void Loop::move(std::coroutine_handle<> coroutine, unsigned thread) {
  Lane& lane = *lanes_[thread];
  lane.agenda.ready.push_back(coroutine);
  wake(lane);
}

Duration Loop::take_longest_turn() { return std::exchange(longest_turn_, Duration(0)); }

}  // namespace holdfast
