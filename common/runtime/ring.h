#pragma once

#include <liburing.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/features.h"
#include "common/runtime/operation.h"

namespace holdfast {

/// One io_uring. Made, used and destroyed by one thread, which is the only one that the kernel takes
/// submissions from.
class Ring {
 public:
  /// What completes under this value interests nobody.
  static constexpr std::uint64_t no_receiver = 0;

  /// Sets it up with what the kernel offers of `features`, which become those in use. The error
  /// names what is missing.
  static Result<std::unique_ptr<Ring>> create(unsigned submission_entries, unsigned worker_threads_max,
                                              Features& features);
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// Puts `operation` into the submission queue; its completions carry `receiver`.
  void prepare(const Operation& operation, std::uint64_t receiver);
  /// The kernel is to give up what was prepared for `receiver`.
  void prepare_cancel(std::uint64_t receiver);

  /// Submits what was prepared, and sees what has completed.
  void submit();
  /// The same, and sleeps until something has completed or it is `until`.
  void submit_and_wait(std::optional<Instant> until);
  /// Submits, and asks for completions until there is one or it is `until`. False if there is none.
  bool submit_and_poll(Instant until);

  /// Calls `see(receiver, result, more)` for each completion that is here.
  template <typename See>
  void for_each_completion(See see) {
    constexpr unsigned batch_max = 256;
    io_uring_cqe* batch[batch_max];
    for (unsigned count = batch_max; count == batch_max;) {
      count = io_uring_peek_batch_cqe(&uring_, batch, batch_max);
      for (unsigned i = 0; i < count; ++i) {
        const io_uring_cqe cqe = *batch[i];
        // liburing's own timeout operations carry a mark of its own when EXT_ARG is missing.
        if (cqe.user_data == no_receiver || cqe.user_data == LIBURING_UDATA_TIMEOUT) continue;
        see(std::uint64_t{cqe.user_data}, std::int32_t{cqe.res}, (cqe.flags & IORING_CQE_F_MORE) != 0);
      }
      io_uring_cq_advance(&uring_, count);
    }
  }

 private:
  Ring() = default;
  io_uring_sqe* next_entry();

  io_uring uring_{};
  bool open_ = false;
  bool multishot_accept_ = false;
};

}  // namespace holdfast
