#pragma once

#include <set>
#include <string_view>

#include "common/base/result.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "common/runtime/scope.h"
#include "common/runtime/task.h"
#include "target/admin/administrator.h"
#include "target/portal/listener.h"

namespace holdfast::target {

/// Answers GET /metrics on a loopback address, for Prometheus or an agent of its on this machine. A
/// connection gets one answer and is closed; who dawdles is closed, too.
class MetricsServer final : private Listener::Owner {
 public:
  static constexpr std::size_t clients_max = 8;
  /// How long a client may take for its request, and for taking a piece of the answer.
  static constexpr Duration client_deadline = std::chrono::seconds(5);

  /// Listens on `place`, ADDR:PORT. Refuses what is not a loopback address: there is no password.
  static Result<Fd> listen_on(std::string_view place);

  MetricsServer(Loop& loop, Fd fd, const Administrator& administrator);
  void start() { listener_.start(); }
  Task<void> stop();
  const SocketAddress& address() const { return listener_.address(); }

 private:
  void accepted(Fd fd) override;
  void out_of_descriptors() override {}
  Task<void> serve(Fd fd);

  Loop& loop_;
  const Administrator& administrator_;
  Listener listener_;
  Scope clients_;
  std::set<int> descriptors_;  // of clients
};

}  // namespace holdfast::target
