#pragma once

#include "common/runtime/completion.h"
#include "common/runtime/timer.h"
#include "initiator/device/native/native_session.h"

// What a native session has with the kernel and the loop.

namespace holdfast::initiator {

/// Sends what was queued in this turn.
class NativeSession::Flush final : public Deferred {
 public:
  explicit Flush(NativeSession& session) : session_(session) {}
  ~Flush() = default;

 private:
  void run() override { session_.flush(); }
  NativeSession& session_;
};

/// Gives everything back when nobody is on the stack who does not expect it.
class NativeSession::Ending final : public Deferred {
 public:
  explicit Ending(NativeSession& session) : session_(session) {}
  ~Ending() = default;

 private:
  void run() override { session_.give_back_when_idle(); }
  NativeSession& session_;
};

class NativeSession::Clockwork final : public Timer {
 public:
  Clockwork(Loop& loop, NativeSession& session) : Timer(loop), session_(session) {}
  ~Clockwork() = default;

 private:
  void expire() override { session_.tick(); }
  NativeSession& session_;
};

struct NativeSession::Parts {
  Parts(Loop& loop, NativeSession& session, int fd, iscsi::Digests digests)
      : receiver(loop, fd, digests, session, receive_bytes),
        sender(loop, fd, digests, session),
        flush(session),
        ending(session),
        clockwork(loop, session) {}

  /// Of small answers: all those that a deep queue brings at once.
  static constexpr std::size_t receive_bytes = 256 * 1024;

  iscsi::Receiver receiver;
  iscsi::BatchSender sender;
  Flush flush;
  Ending ending;
  Clockwork clockwork;
};

}  // namespace holdfast::initiator
