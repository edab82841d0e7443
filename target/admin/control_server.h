#pragma once

#include <memory>
#include <set>
#include <string>

#include "common/base/result.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "common/runtime/scope.h"
#include "common/runtime/task.h"
#include "target/admin/administrator.h"
#include "target/portal/listener.h"

namespace holdfast::target {

/// The control socket: whoever is root, or who the daemon is, sends one request and gets one answer.
/// Everybody else gets nothing.
class ControlServer final : private Listener::Owner {
 public:
  static constexpr std::size_t clients_max = 16;
  /// How long a client may take for its request, and for taking its answer.
  static constexpr Duration client_deadline = std::chrono::seconds(5);

  /// Listens on `path`. A socket there that nobody answers on any more is replaced. EADDRINUSE: another
  /// daemon does.
  static Result<Fd> listen_on(const std::string& path);

  ControlServer(Loop& loop, Fd fd, std::string path, Administrator& administrator);
  /// From here on, requests are answered.
  void start() { listener_.start(); }
  /// Takes no more of them, and comes back when those that came are answered.
  Task<void> stop();

 private:
  void accepted(Fd fd) override;
  void out_of_descriptors() override {}
  Task<void> serve(Fd fd);

  Loop& loop_;
  const std::string path_;
  Administrator& administrator_;
  Listener listener_;
  Scope clients_;
  std::set<int> reading_;  // descriptors of clients that have not asked yet
};

}  // namespace holdfast::target
