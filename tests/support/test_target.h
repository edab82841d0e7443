#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "common/runtime/event.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "common/runtime/wakeup.h"
#include "target/config/config.h"
#include "target/portal/server.h"
#include "target/portal/sockets.h"
#include "target/store/fault_store.h"

namespace holdfast::target {

/// A whole target in this process, on a thread and a loop of its own: one or more units in memory,
/// each behind a layer of faults. `iqn.2026-11.example.raw:disk` is its name.
class TestTarget {
 public:
  struct Options {
    TargetConfig config;  // its name is set
    std::vector<PortalGroup> portal_groups = one_portal_group({"127.0.0.1"});  // on a free port
    std::uint32_t units = 1;
    std::uint64_t unit_bytes = 64 * 1024 * 1024;
    bool thin = false;
  };

  explicit TestTarget(Options options);
  TestTarget() : TestTarget(Options{}) {}
  /// Drains, and waits for the end.
  ~TestTarget();

  std::uint16_t port() const { return port_; }

  /// Runs `work` on the target's own thread and waits for it.
  void call(const std::function<void()>& work);
  /// A rule for a unit's store.
  void inject(const Fault& fault, std::uint32_t unit = 0);
  /// Waits until that many requests hang in a unit's store.
  void wait_for_hanging(std::size_t requests, std::uint32_t unit = 0);
  /// Waits until rules have struck that many requests of a unit's store.
  void wait_for_struck(std::uint64_t requests, std::uint32_t unit = 0);
  /// Forgets all rules, and lets what hangs go on.
  void heal();
  // To be used from inside `call` only.
  Server& server() { return *server_; }
  LogicalUnit& unit(std::uint32_t number) { return *device_->find(number); }
  /// Begins to drain, as SIGTERM does; the destructor waits for the end.
  void drain();

 private:
  void run();
  Task<void> serve();
  Task<void> do_posted_work();

  Options options_;
  std::uint16_t port_ = 0;
  std::vector<FaultStore*> faults_;
  Server* server_ = nullptr;
  ScsiTarget* device_ = nullptr;
  std::optional<Wakeup> wakeup_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::function<void()>> posted_;
  bool started_ = false;
  bool over_ = false;
  Event ending_;
  std::thread thread_;
};

}  // namespace holdfast::target
