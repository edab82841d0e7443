#include "common/runtime/ring.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "common/base/check.h"
#include "common/base/log.h"

namespace holdfast {
namespace {

constexpr int required_operations[] = {
    IORING_OP_READV,   IORING_OP_WRITEV, IORING_OP_READ,    IORING_OP_WRITE,    IORING_OP_FSYNC,
    IORING_OP_RECV,    IORING_OP_RECVMSG, IORING_OP_SENDMSG, IORING_OP_ACCEPT,  IORING_OP_CONNECT,
    IORING_OP_POLL_ADD, IORING_OP_OPENAT, IORING_OP_CLOSE,   IORING_OP_FALLOCATE,
    IORING_OP_ASYNC_CANCEL};

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

int init_ring(io_uring& ring, unsigned entries, unsigned flags) {
  io_uring_params parameters{};
  parameters.flags = flags | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
  parameters.cq_entries = 4 * entries;
  return io_uring_queue_init_params(entries, &ring, &parameters);
}

void check_entered(int result) {
  // EBUSY and EAGAIN: the completion queue must be emptied first, which is what the loop does next.
  const bool harmless =
      result >= 0 || result == -ETIME || result == -EINTR || result == -EBUSY || result == -EAGAIN;
  if (!harmless) log(LogLevel::error, "io_uring_enter: {}", std::strerror(-result));
  CHECK(harmless);
}

}  // namespace

Result<std::unique_ptr<Ring>> Ring::create(unsigned submission_entries, unsigned worker_threads_max,
                                           Features& features) {
  auto ring = std::unique_ptr<Ring>(new Ring());
  io_uring& uring = ring->uring_;

  // The best set-up first; each older kernel answers EINVAL to the flags that it does not know.
  int error = -EINVAL;
  if (features.single_issuer) {
    error = init_ring(uring, submission_entries, IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
    features.single_issuer = error == 0;
    if (error == 0) features.coop_taskrun = false;
  }
  if (error == -EINVAL && features.coop_taskrun) {
    error = init_ring(uring, submission_entries, IORING_SETUP_COOP_TASKRUN);
    features.coop_taskrun = error == 0;
  }
  if (error == -EINVAL) error = init_ring(uring, submission_entries, 0);
  if (error != 0) return setup_error(-error);
  ring->open_ = true;

  io_uring_probe* probe = io_uring_get_probe_ring(&uring);
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
  ring->multishot_accept_ = features.multishot_accept;
  io_uring_free_probe(probe);

  if (!features.wait_timeout) uring.features &= ~static_cast<unsigned>(IORING_FEAT_EXT_ARG);
  features.wait_timeout = (uring.features & IORING_FEAT_EXT_ARG) != 0;
  features.ring_fd = features.ring_fd && io_uring_register_ring_fd(&uring) == 1;
  unsigned workers[2] = {worker_threads_max, worker_threads_max};
  // 5.15; before that the kernel's own bound holds.
  io_uring_register_iowq_max_workers(&uring, workers);
  return ring;
}

Ring::~Ring() {
  if (open_) io_uring_queue_exit(&uring_);
}

/// A free submission entry; a full queue is submitted first, so there always is one.
io_uring_sqe* Ring::next_entry() {
  io_uring_sqe* entry = io_uring_get_sqe(&uring_);
  while (entry == nullptr) {
    io_uring_submit(&uring_);
    entry = io_uring_get_sqe(&uring_);
  }
  return entry;
}

void Ring::prepare(const Operation& op, std::uint64_t receiver) {
  io_uring_sqe* sqe = next_entry();
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
      if (multishot_accept_)
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
  sqe->user_data = receiver;
}

void Ring::prepare_cancel(std::uint64_t receiver) {
  io_uring_sqe* sqe = next_entry();
  io_uring_prep_cancel64(sqe, receiver, 0);
  // What it cancels completes, and that is enough.
  sqe->user_data = no_receiver;
}

void Ring::submit() { check_entered(io_uring_submit_and_get_events(&uring_)); }

void Ring::submit_and_wait(std::optional<Instant> until) {
  if (!until) return check_entered(io_uring_submit_and_wait(&uring_, 1));
  const Duration left = std::max(Duration(*until - clock_now()), Duration(0));
  __kernel_timespec timeout{.tv_sec = left.count() / 1'000'000'000, .tv_nsec = left.count() % 1'000'000'000};
  io_uring_cqe* first = nullptr;
  check_entered(io_uring_submit_and_wait_timeout(&uring_, &first, 1, &timeout, nullptr));
}

bool Ring::submit_and_poll(Instant until) {
  int result = io_uring_submit_and_get_events(&uring_);
  while (result >= 0) {
    if (io_uring_cq_ready(&uring_) != 0) return true;
    if (clock_now() >= until) return false;
    result = io_uring_get_events(&uring_);
  }
  check_entered(result);
  return true;
}

}  // namespace holdfast
