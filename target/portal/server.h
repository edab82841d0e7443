#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "common/runtime/scope.h"
#include "common/runtime/seat.h"
#include "common/runtime/socket.h"
#include "common/runtime/task.h"
#include "common/runtime/timer.h"
#include "target/portal/desk.h"
#include "target/portal/doorkeeper.h"
#include "target/portal/listener.h"
#include "target/portal/placement.h"
#include "target/portal/portal_table.h"
#include "target/portal/sockets.h"
#include "target/portal/target_table.h"
#include "target/session/data_memory.h"
#include "target/session/flight_recorder.h"
#include "target/session/login.h"
#include "target/session/session_table.h"

namespace holdfast::target {

/// Serves targets on listening sockets: every connection from its accept to its end, on one loop.
class Server final : private Listener::Owner, private Timer {
 public:
  /// How long initiators may take to log out and commands to finish when the daemon is to end, and how
  /// long what was aborted then may take to leave the stores.
  static constexpr Duration drain_max = std::chrono::seconds(13);
  static constexpr Duration abort_max = std::chrono::seconds(5);

  /// `targets` outlives the server. `portals` listen already; nobody is served before `start`.
  Server(Loop& loop, const TargetTable& targets, std::vector<OpenPortal> portals);
  ~Server();

  /// From here on, who connects can log in.
  void start();
  /// Accepts no more, asks for logout, lets commands finish, closes every session, and comes back
  /// when nothing is left. Calls `give_up`, which ends the process, if something is stuck in a store for good.
  Task<void> drain(std::function<void()> give_up);

  std::vector<SocketAddress> addresses() const;
  SessionTable& sessions() { return sessions_; }
  FlightRecorder& recorder() { return recorder_; }

 private:
  /// After a crowd the heap is large and empty, which the allocator keeps to itself unless asked.
  class HeapTrim final : public Timer {
   public:
    explicit HeapTrim(Loop& loop) : Timer(loop) {}

   private:
    void expire() override;
  };

  void accepted(Fd fd) override;
  void out_of_descriptors() override;
  Seat find_seat();
  Task<void> serve(Fd fd, Doorkeeper::Ticket ticket, Seat seat);
  Task<void> serve_session(Fd fd, LoginOutcome login, Seat seat);
  void evict(Doorkeeper::Ticket ticket);
  void expire() override;

  Loop& loop_;
  const TargetTable& targets_;
  DataMemory memory_;
  FlightRecorder recorder_;
  SessionTable sessions_;
  const PortalTable portals_;
  Desk desk_;
  Doorkeeper door_;
  Placement placement_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  HeapTrim heap_trim_;
  Scope connections_;
  std::map<Doorkeeper::Ticket, int> without_session_;  // descriptors of logins and discoveries
  std::uint64_t evicted_ = 0;
  std::uint64_t gone_ = 0;
  bool draining_ = false;
  bool dropped_ = false;
  std::function<void()> give_up_;
};

}  // namespace holdfast::target
