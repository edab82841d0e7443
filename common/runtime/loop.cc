#include "common/runtime/loop.h"

#include <liburing.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "common/base/log.h"
#include "common/runtime/task.h"

namespace holdfast {
namespace {

thread_local Loop* current_loop = nullptr;

// A cancel request has no receiver of its own: what it cancelled completes, and that is enough.
constexpr std::uint64_t no_receiver = 0;

constexpr int required_operations[] = {
    IORING_OP_READV,   IORING_OP_WRITEV, IORING_OP_READ,    IORING_OP_WRITE,    IORING_OP_FSYNC,
    IORING_OP_RECV,    IORING_OP_RECVMSG, IORING_OP_SENDMSG, IORING_OP_ACCEPT,  IORING_OP_CONNECT,
    IORING_OP_POLL_ADD, IORING_OP_OPENAT, IORING_OP_CLOSE,   IORING_OP_FALLOCATE,
    IORING_OP_ASYNC_CANCEL};

/// How many rounds of ready work one turn may do before the kernel is asked again, so that work
/// which keeps making work cannot starve the network.
constexpr int ready_rounds_max = 64;

Error setup_error(int code) {
  std::string hint;
  if (code == EPERM)
    hint = " (io_uring is forbidden here: see the kernel.io_uring_disabled sysctl, or the container's "
           "seccomp profile)";
  else if (code == ENOSYS)
    hint = " (this kernel has no io_uring: 5.6 or later is needed)";
  else if (code == ENOMEM)
    hint = " (the locked-memory limit is too low: see ulimit -l)";
  Error error = Error::from_errno(code, "set up io_uring");
  error.message += hint;
  return error;
}

int init_ring(io_uring& ring, const LoopOptions& options, unsigned flags) {
  io_uring_params parameters{};
  parameters.flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  parameters.cq_entries = 4 * options.submission_entries;
  return io_uring_queue_init_params(options.submission_entries, &ring, &parameters);
}

}  // namespace

struct Loop::Ring {
  io_uring uring{};
  bool open = false;
  ~Ring() {
    if (open) io_uring_queue_exit(&uring);
  }
};

Result<std::unique_ptr<Loop>> Loop::create(const LoopOptions& options) {
  CHECK(current_loop == nullptr);
  Features features = options.features;
  auto ring = std::make_unique<Ring>();

  // The best set-up first; each older kernel answers EINVAL to the flags that it does not know.
  int error = -EINVAL;
  if (features.single_issuer) {
    error = init_ring(ring->uring, options, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    features.single_issuer = error == 0;
    if (error == 0) features.coop_taskrun = false;
  }
  if (error == -EINVAL && features.coop_taskrun) {
    error = init_ring(ring->uring, options, IORING_SETUP_COOP_TASKRUN);
    features.coop_taskrun = error == 0;
  }
  if (error == -EINVAL) error = init_ring(ring->uring, options, 0);
  if (error != 0) return setup_error(-error);
  ring->open = true;

  io_uring_probe* probe = io_uring_get_probe_ring(&ring->uring);
  if (probe == nullptr) return setup_error(ENOSYS);
  for (int operation : required_operations) {
    if (io_uring_opcode_supported(probe, operation)) continue;
    io_uring_free_probe(probe);
    return Error{ErrorKind::system, ENOSYS,
                 "set up io_uring: this kernel lacks operation " + std::to_string(operation) +
                     "; 5.6 or later is needed"};
  }
  // Multishot accept came with the SOCKET operation, in 5.19; there is no feature bit of its own.
  features.multishot_accept &= io_uring_opcode_supported(probe, IORING_OP_SOCKET) != 0;
  io_uring_free_probe(probe);

  if (!features.wait_timeout) ring->uring.features &= ~static_cast<unsigned>(IORING_FEAT_EXT_ARG);
  features.wait_timeout = (ring->uring.features & IORING_FEAT_EXT_ARG) != 0;
  features.ring_fd = features.ring_fd && io_uring_register_ring_fd(&ring->uring) == 1;
  unsigned workers[2] = {options.worker_threads_max, options.worker_threads_max};
  // 5.15; before that the kernel's own bound holds.
  io_uring_register_iowq_max_workers(&ring->uring, workers);

  return std::unique_ptr<Loop>(new Loop(std::move(ring), features, options.poll));
}

Loop::Loop(std::unique_ptr<Ring> ring, Features features, Duration poll)
    : ring_(std::move(ring)), features_(features), poll_window_(poll), now_(clock_now()) {
  current_loop = this;
  ready_.reserve(1024);
  running_.reserve(1024);
}

Loop::~Loop() {
  CHECK(in_flight_ == 0);
  current_loop = nullptr;
}

Loop& Loop::current() {
  CHECK(current_loop != nullptr);
  return *current_loop;
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

/// The coroutine that `run` waits for: it only notes that `main` is over.
Task<void> run_to_end(Task<void> main, bool& finished) {
  co_await main;
  finished = true;
}

}  // namespace

void Loop::run(Task<void> main) {
  bool finished = false;
  Task<void> wrapped = run_to_end(std::move(main), finished);
  auto awaiter = wrapped.operator co_await();
  awaiter.await_suspend(std::noop_coroutine());
  for (;;) {
    run_what_is_ready();
    end_turn();
    if (finished) return;
    next_turn();
  }
}

void Loop::end_turn() {
  DeferredQueue ending = turn_end_.take();
  while (Deferred* work = ending.pop()) work->run();
  longest_turn_ = std::max(longest_turn_, Duration(clock_now() - now_));
}

void Loop::next_turn() {
  const bool wait = ready_.empty() && deferred_.empty() && turn_end_.empty();
  const Instant began = poll_window_.enabled() ? clock_now() : now_;
  submit_and_wait(wait);
  now_ = clock_now();
  if (wait && poll_window_.enabled()) poll_window_.waited(now_ - began);
  ++turns_;
  hand_out_completions();
  while (timers_.expire_one(now_)) {
  }
}

void Loop::run_what_is_ready() {
  for (int round = 0; round < ready_rounds_max; ++round) {
    if (ready_.empty() && deferred_.empty()) return;
    running_.swap(ready_);
    for (std::coroutine_handle<> coroutine : running_) coroutine.resume();
    running_.clear();
    DeferredQueue batch = deferred_.take();
    while (Deferred* work = batch.pop()) work->run();
  }
}

void Loop::submit_and_wait(bool wait) {
  io_uring* ring = &ring_->uring;
  int result = 0;
  if (!wait) {
    result = io_uring_submit_and_get_events(ring);
  } else if (poll_window_.length() > Duration(0) && (result = poll()) != 0) {
    // Something came, or a timer is due, or the kernel refused: there is no need to sleep.
  } else if (timers_.empty()) {
    result = io_uring_submit_and_wait(ring, 1);
  } else {
    const Duration until = std::max(Duration(timers_.next() - clock_now()), Duration(0));
    __kernel_timespec timeout{.tv_sec = until.count() / 1'000'000'000,
                              .tv_nsec = until.count() % 1'000'000'000};
    io_uring_cqe* first = nullptr;
    result = io_uring_submit_and_wait_timeout(ring, &first, 1, &timeout, nullptr);
  }
  // EBUSY and EAGAIN: the completion queue must be emptied first, which is what we do next.
  const bool harmless =
      result >= 0 || result == -ETIME || result == -EINTR || result == -EBUSY || result == -EAGAIN;
  if (!harmless) log(LogLevel::error, "io_uring_enter: {}", std::strerror(-result));
  CHECK(harmless);
}

/// Asks the kernel for completions for as long as the window says. 0 when nothing came.
int Loop::poll() {
  io_uring* ring = &ring_->uring;
  Instant until = clock_now() + poll_window_.length();
  if (!timers_.empty()) until = std::min(until, timers_.next());
  int result = io_uring_submit_and_get_events(ring);
  while (result >= 0) {
    if (io_uring_cq_ready(ring) != 0) return 1;
    if (clock_now() >= until) return 0;
    result = io_uring_get_events(ring);
  }
  return result;
}

void Loop::hand_out_completions() {
  io_uring* ring = &ring_->uring;
  constexpr unsigned batch_max = 256;
  io_uring_cqe* batch[batch_max];
  for (;;) {
    const unsigned count = io_uring_peek_batch_cqe(ring, batch, batch_max);
    if (count == 0) return;
    for (unsigned i = 0; i < count; ++i) {
      const io_uring_cqe cqe = *batch[i];
      // liburing's own timeout operations carry a mark of its own when EXT_ARG is missing.
      if (cqe.user_data == no_receiver || cqe.user_data == LIBURING_UDATA_TIMEOUT) continue;
      auto* completion = reinterpret_cast<Completion*>(cqe.user_data);
      const bool more = (cqe.flags & IORING_CQE_F_MORE) != 0;
      if (!more) {
        completion->in_flight_ = false;
        --in_flight_;
      }
      completion->complete(cqe.res, more);
    }
    io_uring_cq_advance(ring, count);
    if (count < batch_max) return;
  }
}

namespace {

/// A free submission entry; a full queue is submitted first, so there always is one.
io_uring_sqe* next_entry(io_uring* ring) {
  io_uring_sqe* entry = io_uring_get_sqe(ring);
  while (entry == nullptr) {
    io_uring_submit(ring);
    entry = io_uring_get_sqe(ring);
  }
  return entry;
}

}  // namespace

void Loop::submit(const Operation& op, Completion& completion) {
  CHECK(!completion.in_flight_);
  io_uring_sqe* sqe = next_entry(&ring_->uring);
  void* pointer = const_cast<void*>(op.pointer_);
  const auto length = static_cast<unsigned>(op.length_);
  switch (op.code_) {
    case Operation::Code::readv:
      io_uring_prep_readv2(sqe, op.fd_, static_cast<const iovec*>(op.pointer_), length, op.offset_, op.flags_);
      break;
    case Operation::Code::writev:
      io_uring_prep_writev2(sqe, op.fd_, static_cast<const iovec*>(op.pointer_), length, op.offset_, op.flags_);
      break;
    case Operation::Code::read: io_uring_prep_read(sqe, op.fd_, pointer, length, op.offset_); break;
    case Operation::Code::write: io_uring_prep_write(sqe, op.fd_, pointer, length, op.offset_); break;
    case Operation::Code::fsync:
      io_uring_prep_fsync(sqe, op.fd_, op.flags_ != 0 ? IORING_FSYNC_DATASYNC : 0);
      break;
    case Operation::Code::fallocate:
      io_uring_prep_fallocate(sqe, op.fd_, op.flags_, static_cast<off_t>(op.offset_),
                              static_cast<off_t>(op.length_));
      break;
    case Operation::Code::recv: io_uring_prep_recv(sqe, op.fd_, pointer, op.length_, op.flags_); break;
    case Operation::Code::recvmsg:
      io_uring_prep_recvmsg(sqe, op.fd_, static_cast<msghdr*>(pointer), static_cast<unsigned>(op.flags_));
      break;
    case Operation::Code::sendmsg:
      io_uring_prep_sendmsg(sqe, op.fd_, static_cast<const msghdr*>(op.pointer_),
                            static_cast<unsigned>(op.flags_));
      break;
    case Operation::Code::accept:
      if (features_.multishot_accept)
        io_uring_prep_multishot_accept(sqe, op.fd_, nullptr, nullptr, SOCK_CLOEXEC);
      else
        io_uring_prep_accept(sqe, op.fd_, nullptr, nullptr, SOCK_CLOEXEC);
      break;
    case Operation::Code::connect:
      io_uring_prep_connect(sqe, op.fd_, static_cast<const sockaddr*>(op.pointer_),
                            static_cast<socklen_t>(op.offset_));
      break;
    case Operation::Code::poll:
      io_uring_prep_poll_add(sqe, op.fd_, static_cast<unsigned>(op.flags_));
      break;
    case Operation::Code::openat:
      io_uring_prep_openat(sqe, op.fd_, static_cast<const char*>(op.pointer_), op.flags_,
                           static_cast<mode_t>(op.length_));
      break;
    case Operation::Code::close: io_uring_prep_close(sqe, op.fd_); break;
  }
  sqe->user_data = reinterpret_cast<std::uint64_t>(&completion);
  completion.in_flight_ = true;
  ++in_flight_;
}

void Loop::cancel(Completion& completion) {
  if (!completion.in_flight_) return;
  io_uring_sqe* sqe = next_entry(&ring_->uring);
  io_uring_prep_cancel64(sqe, reinterpret_cast<std::uint64_t>(&completion), 0);
  sqe->user_data = no_receiver;
}

Duration Loop::take_longest_turn() { return std::exchange(longest_turn_, Duration(0)); }

}  // namespace holdfast
