#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <sys/uio.h>

#include "common/runtime/buffer.h"
#include "target/store/store.h"

namespace holdfast::target {

/// A stretch of a store to be read, and compared with memory if `compare` is set. It lives in its
/// command's slot and must outlive its answer.
class VerifyJob {
 public:
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  bool compare = false;
  /// What the medium should hold, `bytes` of it, if `compare` is set.
  std::span<const iovec> expected;
  /// Set at any time: the job ends before the store is asked for more.
  bool given_up = false;

  /// The answer: 0, or the errno with which the store failed, and where …
  int error = 0;
  std::uint64_t failed_offset = 0;
  /// … or the first byte that differs, counted from the start of the job.
  std::optional<std::uint64_t> difference;

  /// The owner's word back: once per submit, never from inside `Verifier::submit`.
  void (*done)(VerifyJob&) = nullptr;
  void* owner = nullptr;

 private:
  friend class Verifier;
  VerifyJob* next_ = nullptr;
  std::uint64_t verified_ = 0;
};

/// Reads what VERIFY names, piece by piece and one job after another, into one buffer that exists
/// only while there is work: the commands bring no memory for it, and their length has no bound.
class Verifier {
 public:
  explicit Verifier(Store& store);
  /// Idle by then.
  ~Verifier();
  Verifier(const Verifier&) = delete;
  Verifier& operator=(const Verifier&) = delete;

  /// Queues a job of at least one byte.
  void submit(VerifyJob& job);
  /// Takes a job out that has not been started; its `done` is not called then. False if it has
  /// been.
  bool withdraw(VerifyJob& job);

 private:
  void read_next_piece();
  void piece_was_read();
  void end_first_job();

  Store& store_;
  Buffer buffer_;
  VerifyJob* first_ = nullptr;  // the one at work
  VerifyJob* last_ = nullptr;
  iovec vector_{};
  StoreRequest request_;
};

}  // namespace holdfast::target
