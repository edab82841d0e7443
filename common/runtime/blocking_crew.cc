#include "common/runtime/blocking_crew.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <utility>

#include "common/base/check.h"
#include "common/runtime/blocking_thread.h"
#include "common/runtime/completion.h"
#include "common/runtime/fd.h"
#include "common/runtime/timer.h"

namespace holdfast {
namespace {

/// How often the loop looks whether jobs wait while none is taken.
constexpr Duration look_every = std::chrono::milliseconds(5);
/// A busy thread tells the loop after so many jobs; one that runs out of jobs tells it at once.
constexpr unsigned jobs_per_bell = 16;

}  // namespace

struct BlockingCrew::State {
  State(Loop& its_loop, unsigned most, Fd fd)
      : loop(its_loop), threads_max(most), bell_fd(std::move(fd)), bell(*this), look(*this) {}

  /// Jobs in order, linked through themselves.
  struct Queue {
    BlockingJob* head = nullptr;
    BlockingJob** tail = &head;

    void push(BlockingJob& job) {
      job.next_ = nullptr;
      *tail = &job;
      tail = &job.next_;
    }
    BlockingJob* pop() {
      BlockingJob* job = head;
      if (job == nullptr) return nullptr;
      head = job->next_;
      if (head == nullptr) tail = &head;
      return job;
    }
  };

  /// Hears a thread that rings: a read of the event descriptor.
  class Bell final : public Completion {
   public:
    explicit Bell(State& state) : state_(state) {}
    ~Bell() = default;
    void listen() {
      if (!in_flight()) state_.loop.submit(Operation::read(state_.bell_fd.get(), &count_, sizeof count_, 0), *this);
    }

   private:
    void complete(std::int32_t, bool) override { state_.collect(); }
    State& state_;
    std::uint64_t count_ = 0;
  };

  /// Looks after jobs that nobody takes, and results that nobody rang for.
  class Look final : public Timer {
   public:
    explicit Look(State& state) : Timer(state.loop), state_(state) {}
    ~Look() = default;

   private:
    void expire() override { state_.look_after(); }
    State& state_;
  };

  void ring() const {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(bell_fd.get(), &one, sizeof one);
  }

  // On the loop.

  void submit(BlockingJob& job) {
    ++outstanding;
    bell.listen();
    if (!look.armed()) look.arm(clock_now() + look_every);
    bool more = false;
    {
      const std::lock_guard lock(mutex);
      queue.push(job);
      const std::size_t working = threads.size() - sleeping;
      more = working < std::min<std::size_t>(outstanding, blocking_threads_wanted(typical, threads_max));
    }
    if (more) add_thread();
  }

  void add_thread() {
    {
      const std::lock_guard lock(mutex);
      if (sleeping > 0) {
        --sleeping;
        ++calls_to_wake;
        there_is_work.notify_one();
        return;
      }
      if (threads.size() >= threads_max) return;
    }
    threads.emplace_back([this] { serve(); });
  }

  /// Takes what is done. While a job is outstanding the bell is listened to, and not otherwise.
  void collect() {
    Queue taken;
    {
      const std::lock_guard lock(mutex);
      while (BlockingJob* job = done.pop()) taken.push(*job);
      rung = false;
      unrung = 0;
    }
    while (BlockingJob* job = taken.pop()) {
      CHECK(outstanding > 0);
      --outstanding;
      job->finished();
    }
    if (outstanding > 0) bell.listen();
  }

  void look_after() {
    if (outstanding == 0) return;
    bool stuck = false;
    bool unheard = false;
    {
      const std::lock_guard lock(mutex);
      stuck = queue.head != nullptr && taken_count == taken_at_last_look;
      taken_at_last_look = taken_count;
      unheard = done.head != nullptr && !rung;
      rung |= unheard;
    }
    if (stuck) add_thread();
    if (unheard) ring();
    look.arm(clock_now() + look_every);
  }

  // On the threads.

  void serve() {
    std::unique_lock lock(mutex);
    for (;;) {
      while (queue.head == nullptr) {
        if (stopping) return;
        ++sleeping;
        while (calls_to_wake == 0 && !stopping) there_is_work.wait(lock);
        if (calls_to_wake > 0)
          --calls_to_wake;
        else
          --sleeping;
      }
      BlockingJob* job = queue.pop();
      ++taken_count;
      lock.unlock();
      const Instant began = clock_now();
      job->work();
      const Duration took = clock_now() - began;
      lock.lock();
      typical += (took - typical) / 16;
      done.push(*job);
      ++unrung;
      if (rung || (queue.head != nullptr && unrung < jobs_per_bell)) continue;
      rung = true;
      lock.unlock();
      ring();
      lock.lock();
    }
  }

  Loop& loop;
  const unsigned threads_max;
  Fd bell_fd;
  Bell bell;
  Look look;
  std::size_t outstanding = 0;

  std::mutex mutex;  // of all that follows, but the threads
  std::condition_variable there_is_work;
  Queue queue;
  Queue done;
  bool rung = false;     // and the loop has not come yet
  unsigned unrung = 0;   // done since the loop last came
  bool stopping = false;
  std::size_t sleeping = 0;
  std::size_t calls_to_wake = 0;  // for threads that no longer count as sleeping
  std::uint64_t taken_count = 0;
  std::uint64_t taken_at_last_look = 0;
  Duration typical{};
  std::deque<BlockingThread> threads;  // added to and counted on the loop alone
};

Result<std::unique_ptr<BlockingCrew>> BlockingCrew::create(Loop& loop, unsigned threads_max) {
  Fd fd(::eventfd(0, EFD_CLOEXEC));
  if (!fd) return Error::from_errno(errno, "open an event descriptor");
  auto state = std::make_unique<State>(loop, threads_max, std::move(fd));
  return std::unique_ptr<BlockingCrew>(new BlockingCrew(std::move(state)));
}

BlockingCrew::BlockingCrew(std::unique_ptr<State> state) : state_(std::move(state)) {}

BlockingCrew::~BlockingCrew() {
  if (state_->outstanding > 0) {
    // Some call is stuck, and its thread goes on using these when it returns.
    static_cast<void>(state_.release());
    return;
  }
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->there_is_work.notify_all();
  state_->threads.clear();
}

void BlockingCrew::submit(BlockingJob& job) { state_->submit(job); }

std::size_t BlockingCrew::outstanding() const { return state_->outstanding; }

unsigned blocking_threads_wanted(Duration typical, unsigned threads_max) {
  constexpr Duration worth_a_thread = std::chrono::microseconds(50);
  const auto wanted = static_cast<std::uint64_t>(std::max(typical, Duration(0)) / worth_a_thread) + 1;
  return static_cast<unsigned>(std::min<std::uint64_t>(wanted, threads_max));
}

}  // namespace holdfast
