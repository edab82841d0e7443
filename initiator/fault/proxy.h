#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/event.h"
#include "common/runtime/fd.h"
#include "common/runtime/scope.h"
#include "common/runtime/socket.h"
#include "common/runtime/task.h"
#include "common/runtime/timer.h"
#include "initiator/fault/flow.h"
#include "initiator/fault/rules.h"

namespace holdfast::initiator {

/// Who is told what the steps did.
class FaultListener {
 public:
  virtual void happened(const FaultEvent& event) = 0;
  /// Something about a connection that no step did: it came, it ended, the server refused it.
  virtual void remark(const std::string& words) = 0;

 protected:
  ~FaultListener() = default;
};

/// What a path of either transport has in common: its rules, and the moments at which they change.
class FaultPath : private Timer {
 public:
  FaultPath(Loop& loop, FaultRules& rules, FaultListener& listener)
      : Timer(loop), loop_(loop), rules_(rules), listener_(listener) {}
  FaultPath(const FaultPath&) = delete;
  FaultPath& operator=(const FaultPath&) = delete;
  virtual ~FaultPath() = default;

  /// Serves until `stop`.
  virtual Task<void> serve() = 0;
  /// Ends everything, at once.
  virtual void stop() = 0;
  /// Whenever the rules may have changed: carries their orders out, tells what they did, and has
  /// everything looked at again.
  void rules_changed();
  /// After bytes were shown to the rules: whether a step began with them, and so the rules have changed.
  bool took_a_step();

  Loop& loop() { return loop_; }
  FaultRules& rules() { return rules_; }
  FaultListener& listener() { return listener_; }

 protected:
  virtual void carry_out(const ConnectionOrder& order) = 0;
  virtual void look_again() = 0;
  void arm_for_next_step();

 private:
  void expire() override;

  Loop& loop_;
  FaultRules& rules_;
  FaultListener& listener_;
};

/// The kernel's operations of one connection, which its end cancels.
class Cancellable {
 public:
  explicit Cancellable(Loop& loop) : loop_(loop) {}
  /// Performs `operation`, or gives it up at the end.
  Task<std::int32_t> perform(Operation operation);
  void cancel_all();
  bool cancelled() const { return cancelled_; }

 private:
  Loop& loop_;
  std::vector<IoAwaiter*> waiting_;
  bool cancelled_ = false;
};

/// One address to listen on, and one server behind it.
std::unique_ptr<FaultPath> make_tcp_path(Loop& loop, FaultRules& rules, FaultListener& listener, Fd listening,
                                         const SocketAddress& server);
std::unique_ptr<FaultPath> make_udp_path(Loop& loop, FaultRules& rules, FaultListener& listener, Fd listening,
                                         const SocketAddress& server);

/// A bound UDP socket; `address` port 0 finds a free one.
Result<Fd> bind_udp(const SocketAddress& address);

}  // namespace holdfast::initiator
