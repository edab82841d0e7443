#pragma once

#include <cstdint>

#include "common/iscsi/batch.h"
#include "common/runtime/completion.h"
#include "common/runtime/loop.h"

namespace holdfast::iscsi {

/// Sends batches over a connection: one at a time, and each in one call, so that what becomes ready
/// while it is on its way gathers for the next. It stays on the thread of the loop that made it.
class BatchSender final : private Completion {
 public:
  class Owner {
   public:
    /// Nothing of the batch is with the kernel any more: all of it was sent (0), or not, by an errno.
    virtual void batch_gone(int error) = 0;

   protected:
    ~Owner() = default;
  };

  BatchSender(Loop& loop, int fd, Digests digests, Owner& owner);
  ~BatchSender() = default;

  /// To be filled, while it is not in flight.
  Batch& batch() { return batch_; }
  /// Sends the batch, which is not empty; `batch_gone` follows.
  void send();
  /// What is in flight is given up, with ECANCELED unless it was sent by then.
  void stop();

  using Completion::in_flight;
  /// What the kernel has taken so far.
  std::uint64_t bytes_sent() const { return bytes_sent_; }

 private:
  void complete(std::int32_t result, bool more) override;

  Loop& loop_;
  const int fd_;
  Owner& owner_;
  Batch batch_;
  std::uint64_t bytes_sent_ = 0;
  bool stopped_ = false;
};

}  // namespace holdfast::iscsi
