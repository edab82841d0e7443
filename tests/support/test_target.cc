#include "tests/support/test_target.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "common/runtime/scope.h"
#include "target/lun/logical_unit.h"
#include "target/portal/sockets.h"
#include "target/store/memory_store.h"

namespace holdfast::target {

TestTarget::TestTarget(Options options) : options_(std::move(options)) {
  options_.config.name = "iqn.2026-11.example.raw:disk";
  wakeup_.emplace(Wakeup::open().value());
  thread_ = std::thread([this] { run(); });
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return started_; });
}

TestTarget::~TestTarget() {
  heal();
  drain();
  thread_.join();
}

void TestTarget::run() {
  // As the scripts of end_to_end have it.
  const char* threads = std::getenv("HOLDFASTD_THREADS");
  LoopOptions options;
  if (threads != nullptr) options.threads = static_cast<unsigned>(std::atoi(threads));
  const std::unique_ptr<Loop> loop = Loop::create(options).value();
  loop->run(serve());
}

Task<void> TestTarget::serve() {
  TargetTable targets;
  ServedTarget& served = targets.add(std::make_shared<const TargetConfig>(options_.config),
                                     std::make_shared<ScsiTarget>(options_.config.name));
  for (std::uint32_t number = 0; number < options_.units; ++number) {
    auto faults = std::make_unique<FaultStore>(MemoryStore::create(options_.unit_bytes).value());
    faults_.push_back(faults.get());
    LogicalUnitOptions unit;
    unit.thin = options_.thin;
    unit.number = number;
    unit.target_name = options_.config.name;
    served.device->add(LogicalUnit::create(std::move(faults), unit).value());
  }
  std::vector<OpenPortal> portals = listen_on(options_.portal_groups, 0).value();
  Server server(Loop::current(), targets, std::move(portals));
  server.start();
  server_ = &server;
  device_ = served.device.get();
  {
    const std::lock_guard lock(mutex_);
    port_ = server.addresses().front().port();
    started_ = true;
  }
  changed_.notify_all();
  Scope scope;
  Task<void> working = do_posted_work();
  scope.spawn(std::move(working));
  co_await ending_.wait();
  std::function<void()> give_up = [] {
    std::fputs("the target did not end\n", stderr);
    std::abort();
  };
  co_await server.drain(std::move(give_up));
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  wakeup_->notify();
  co_await scope.join();
}

Task<void> TestTarget::do_posted_work() {
  for (;;) {
    co_await wakeup_->wait();
    std::vector<std::function<void()>> work;
    bool over = false;
    {
      const std::lock_guard lock(mutex_);
      work.swap(posted_);
      over = over_;
    }
    for (const std::function<void()>& one : work) one();
    if (over) co_return;
  }
}

void TestTarget::call(const std::function<void()>& work) {
  bool done = false;
  {
    const std::lock_guard lock(mutex_);
    if (over_) return;
    posted_.emplace_back([this, &work, &done] {
      work();
      const std::lock_guard inner(mutex_);
      done = true;
      changed_.notify_all();
    });
  }
  wakeup_->notify();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&done] { return done; });
}

void TestTarget::inject(const Fault& fault, std::uint32_t unit) {
  call([&] { faults_[unit]->inject(fault); });
}

void TestTarget::wait_for_hanging(std::size_t requests, std::uint32_t unit) {
  std::size_t hanging = 0;
  while (hanging < requests) {
    call([&] { hanging = faults_[unit]->hanging(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void TestTarget::wait_for_struck(std::uint64_t requests, std::uint32_t unit) {
  std::uint64_t struck = 0;
  while (struck < requests) {
    call([&] { struck = faults_[unit]->struck(); });
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void TestTarget::heal() {
  call([&] {
    for (FaultStore* faults : faults_) {
      faults->clear();
      faults->release();
    }
  });
}

void TestTarget::drain() {
  call([&] { ending_.set(); });
}

}  // namespace holdfast::target
