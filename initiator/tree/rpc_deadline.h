#pragma once

#include <fmt/format.h>

#include <cerrno>

#include "common/runtime/timer.h"
#include "initiator/tree/rpc_connection.h"

namespace holdfast::initiator {

/// As long as it lives, a moment at which `connection` fails.
class RpcDeadline final : public Timer {
 public:
  RpcDeadline(Loop& loop, RpcConnection& connection, Instant when)
      : Timer(loop), connection_(connection), began_(clock_now()) {
    arm(when);
  }
  ~RpcDeadline() = default;

 private:
  void expire() override {
    const std::chrono::duration<double> waited = clock_now() - began_;
    connection_.fail(Error{ErrorKind::timed_out, ETIMEDOUT, fmt::format("no answer within {:.1f} s", waited.count())});
  }

  RpcConnection& connection_;
  const Instant began_;
};

}  // namespace holdfast::initiator
