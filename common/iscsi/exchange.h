#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/iscsi/pdu.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "common/runtime/timer.h"

namespace holdfast::iscsi {

/// PDUs one at a time over a connected socket, without digests: for login and discovery, where
/// exactness counts and speed does not. No byte is read before it is asked for, so that whoever
/// takes the connection over finds the next PDU whole in the socket.
///
/// Errors: peer_closed, with words for a PDU that was cut short; timed_out after the deadline.
class PduExchange {
 public:
  PduExchange(Loop& loop, int fd) : loop_(loop), fd_(fd), deadline_(loop, fd) {}

  Task<Result<GenericBhs>> receive_header();
  /// The data segment that follows `header`, whose lengths the caller has found to be within its
  /// limits. AHSs and padding are read and dropped.
  Task<Result<std::string>> receive_data(GenericBhs header);
  /// Sends one PDU. Its length fields are set here, its data is padded.
  Task<Status> send(GenericBhs header, std::string_view data);

  /// Until `when`, everything that is waited for fails with timed_out after that: the socket is
  /// shut down. The deadline is lifted when the exchange goes.
  void set_deadline(Instant when) { deadline_.arm(when); }

  /// Notes what is received from here on, for `heard`: its first 64 KiB.
  void keep_what_is_heard() { keeps_ = true; }
  std::span<const std::byte> heard() const { return heard_; }

 private:
  static constexpr std::size_t heard_bytes_max = 64 * 1024;

  class Deadline final : public Timer {
   public:
    Deadline(Loop& loop, int fd) : Timer(loop), fd_(fd) {}
    bool passed() const { return passed_; }

   private:
    void expire() override;

    const int fd_;
    bool passed_ = false;
  };

  Task<Status> receive_exactly(std::span<std::byte> bytes, std::string_view what);
  Error failure(std::int32_t result, std::string_view doing) const;

  Loop& loop_;
  const int fd_;
  Deadline deadline_;
  bool keeps_ = false;
  std::vector<std::byte> heard_;
};

}  // namespace holdfast::iscsi
