#pragma once

#include <atomic>
#include <cerrno>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/runtime/blocking_crew.h"
#include "common/runtime/event.h"

namespace holdfast::initiator {

/// Where a piece of work is in the kernel: told by its thread before each system call, read by whoever
/// wonders what is stuck.
class CallSite {
 public:
  /// `system_call` is a literal.
  void enter(const char* system_call) {
    now_in_.store(system_call, std::memory_order_relaxed);
    ++calls_;
  }
  const char* now_in() const { return now_in_.load(std::memory_order_relaxed); }
  /// To be asked when the work is over.
  std::uint64_t calls() const { return calls_; }

 private:
  std::atomic<const char*> now_in_ = nullptr;  // none: it waits for a thread
  std::uint64_t calls_ = 0;
};

/// A call on a directory tree under way: its work on a thread of a crew, and somebody who waits for
/// it on the loop, or has given it up.
class DirectoryCall : public BlockingJob {
 public:
  virtual ~DirectoryCall() = default;
  Event::Awaiter wait() { return over_.wait(); }

 protected:
  bool given_up() const { return given_up_.load(std::memory_order_relaxed); }
  CallSite site_;

 private:
  friend class DirectoryCalls;
  void finished() override;
  void give_up() {
    given_up_.store(true, std::memory_order_relaxed);
    over_.set();
  }

  class DirectoryCalls* owner_ = nullptr;
  std::list<std::shared_ptr<DirectoryCall>>::iterator place_;
  Instant began_{};
  std::atomic<bool> given_up_ = false;
  Event over_;
};

/// A call whose work is `Work`, a function of a CallSite& that returns a Result or a Status. All that
/// the work holds is let go of on its thread, since closing a descriptor may block too.
template <typename Work>
class WorkCall final : public DirectoryCall {
 public:
  using Answer = std::invoke_result_t<Work&, CallSite&>;

  explicit WorkCall(Work work) : work_(std::move(work)) {}
  /// After `wait`.
  Answer take() {
    if (given_up() || !answer_) return Error{ErrorKind::cancelled, ECANCELED, "given up"};
    return std::move(*answer_);
  }

 private:
  void work() override {
    Work taken = std::move(*work_);
    work_.reset();
    if (!given_up()) answer_.emplace(taken(site_));
  }

  std::optional<Work> work_;
  std::optional<Answer> answer_;
};

/// The calls of one tree. What the kernel still holds when the tree goes stays for ever.
class DirectoryCalls {
 public:
  DirectoryCalls() = default;
  DirectoryCalls(const DirectoryCalls&) = delete;
  DirectoryCalls& operator=(const DirectoryCalls&) = delete;

  /// Once calls are abandoned a new one is answered without having been made.
  template <typename Work>
  std::shared_ptr<WorkCall<Work>> start(BlockingCrew& crew, Work work) {
    auto call = std::make_shared<WorkCall<Work>>(std::move(work));
    if (abandoned_)
      call->give_up();
    else
      submit(crew, call);
    return call;
  }
  /// The same for work that is done though everything was abandoned: putting things away.
  template <typename Work>
  std::shared_ptr<WorkCall<Work>> start_anyway(BlockingCrew& crew, Work work) {
    auto call = std::make_shared<WorkCall<Work>>(std::move(work));
    submit(crew, call);
    return call;
  }

  /// Answers every call at once; those not begun are never made.
  void abandon();
  /// Those that came back after they were given up, with what their answers hold: to be destroyed on
  /// a thread.
  std::list<std::shared_ptr<DirectoryCall>> take_given_up() { return std::move(given_up_); }
  bool abandoned() const { return abandoned_; }
  bool idle() const { return under_way_.empty(); }
  /// Pulsed whenever a call has come back.
  Event& came_back() { return came_back_; }
  /// System calls made by the calls that have come back.
  std::uint64_t system_calls() const { return system_calls_; }
  /// What the oldest call that is in the kernel is in: "the kernel has been in fchmod for 3.2 s". Empty if there is none.
  std::string oldest(Instant now) const;

 private:
  friend class DirectoryCall;
  void submit(BlockingCrew& crew, std::shared_ptr<DirectoryCall> call);
  void finished(DirectoryCall& call);

  std::list<std::shared_ptr<DirectoryCall>> under_way_;  // oldest first
  std::list<std::shared_ptr<DirectoryCall>> given_up_;
  Event came_back_;
  std::uint64_t system_calls_ = 0;
  bool abandoned_ = false;
};

}  // namespace holdfast::initiator
