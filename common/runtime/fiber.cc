// The checked longjmp of _FORTIFY_SOURCE takes every jump to another stack for an attack.
#undef _FORTIFY_SOURCE

#include "common/runtime/fiber.h"

#include <cerrno>
#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <utility>

#include "common/base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

// The first entry onto a stack is made with ucontext. Every switch after it is _setjmp and
// _longjmp, because swapcontext saves the signal mask and so costs a system call each way.

namespace holdfast {

struct Fiber::Context {
  std::byte* mapping = nullptr;
  std::size_t mapping_bytes = 0;
  std::byte* stack = nullptr;  // above the guard page
  std::size_t stack_bytes = 0;
  bool entered = false;
  jmp_buf loop_side;
  jmp_buf fiber_side;
  // What AddressSanitizer wants to know of both stacks.
  void* loop_fake_stack = nullptr;
  void* fiber_fake_stack = nullptr;
  const void* loop_stack = nullptr;
  std::size_t loop_stack_bytes = 0;

  ~Context() {
    if (mapping != nullptr) ::munmap(mapping, mapping_bytes);
  }
};

namespace {

// makecontext passes ints only; the fiber that is entered for the first time is found here.
thread_local Fiber* entering = nullptr;

void leaving_stack([[maybe_unused]] void** fake_stack, [[maybe_unused]] const void* to,
                   [[maybe_unused]] std::size_t to_bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(fake_stack, to, to_bytes);
#endif
}

void arrived_on_stack([[maybe_unused]] void* fake_stack, [[maybe_unused]] const void** from,
                      [[maybe_unused]] std::size_t* from_bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake_stack, from, from_bytes);
#endif
}

}  // namespace

Result<std::unique_ptr<Fiber>> Fiber::create(Loop& loop, std::size_t stack_bytes) {
  // A library may hold on to what belongs to a thread, like the address of errno, while it waits.
  CHECK(loop.threads() == 1);
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  auto context = std::make_unique<Context>();
  const std::size_t bytes = round_up(stack_bytes, page) + page;
  void* mapping = ::mmap(nullptr, bytes, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) return Error::from_errno(errno, "map a stack");
  context->mapping = static_cast<std::byte*>(mapping);
  context->mapping_bytes = bytes;
  context->stack = context->mapping + page;
  context->stack_bytes = bytes - page;
  if (::mprotect(context->stack, context->stack_bytes, PROT_READ | PROT_WRITE) != 0)
    return Error::from_errno(errno, "map a stack");
  return std::unique_ptr<Fiber>(new Fiber(loop, std::move(context)));
}

Fiber::Fiber(Loop& loop, std::unique_ptr<Context> context)
    : loop_(loop), context_(std::move(context)) {
}

Fiber::~Fiber() {
  CHECK(idle() && head_ == nullptr && !running_);
  if (!context_->entered) return;
  ending_ = true;
  switch_in();
}

bool Fiber::begin(FiberJob& job) {
  CHECK(!running_);
  job.next_ = nullptr;
  *tail_ = &job;
  tail_ = &job.next_;
  if (!idle()) return false;
  begun_ = &job;
  switch_in();
  return std::exchange(begun_, nullptr) == nullptr;
}

void Fiber::suspend() {
  CHECK(running_);
  suspended_ = true;
  switch_out(false);
}

void Fiber::wake() {
  if (suspended_ && !queued()) loop_.defer(*this);
}

void Fiber::yield_after(Duration time) {
  CHECK(running_);
  if (clock_now() - resumed_at_ < time) return;
  // Not in this turn: the kernel has not been asked since it began.
  loop_.at_turn_end(*this);
  suspend();
}

void Fiber::run() {
  CHECK(suspended_);
  suspended_ = false;
  switch_in();
}

void Fiber::switch_in() {
  running_ = true;
  resumed_at_ = clock_now();
  leaving_stack(&context_->loop_fake_stack, context_->stack, context_->stack_bytes);
  if (_setjmp(context_->loop_side) == 0) {
    if (context_->entered) _longjmp(context_->fiber_side, 1);
    context_->entered = true;
    entering = this;
    ucontext_t first;
    CHECK(::getcontext(&first) == 0);
    first.uc_stack.ss_sp = context_->stack;
    first.uc_stack.ss_size = context_->stack_bytes;
    first.uc_link = nullptr;
    ::makecontext(&first, &Fiber::enter, 0);
    ::setcontext(&first);
    CHECK(false);
  }
  arrived_on_stack(context_->loop_fake_stack, nullptr, nullptr);
  running_ = false;
}

void Fiber::switch_out(bool for_good) {
  // A stack that is left for good gives its fake frames back: that is what the null says.
  leaving_stack(for_good ? nullptr : &context_->fiber_fake_stack, context_->loop_stack,
                context_->loop_stack_bytes);
  if (_setjmp(context_->fiber_side) == 0) _longjmp(context_->loop_side, 1);
  arrived_on_stack(context_->fiber_fake_stack, &context_->loop_stack, &context_->loop_stack_bytes);
}

void Fiber::enter() {
  Fiber* self = std::exchange(entering, nullptr);
  arrived_on_stack(nullptr, &self->context_->loop_stack, &self->context_->loop_stack_bytes);
  while (!self->ending_) {
    self->run_jobs();
    self->switch_out(false);
  }
  self->switch_out(true);
}

void Fiber::run_jobs() {
  while (head_ != nullptr) {
    FiberJob* job = head_;
    head_ = job->next_;
    if (head_ == nullptr) tail_ = &head_;
    current_ = job;
    job->run();
    current_ = nullptr;
    if (job == begun_)
      begun_ = nullptr;  // Its waiter has not suspended yet, and will not.
    else
      loop_.ready(job->waiter_);
  }
}

}  // namespace holdfast
