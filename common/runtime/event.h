#pragma once

#include <coroutine>

#include "common/base/check.h"
#include "common/runtime/loop.h"

namespace holdfast {

/// A flag that coroutines of one loop can wait for. Setting it wakes every waiter, in the order in
/// which they came; it stays set until reset.
class Event {
 public:
  class Awaiter {
   public:
    explicit Awaiter(Event& event) : event_(event) {}
    bool await_ready() const noexcept { return event_.set_; }
    void await_suspend(std::coroutine_handle<> self) noexcept {
      self_ = self;
      next_ = nullptr;
      *event_.tail_ = this;
      event_.tail_ = &next_;
    }
    void await_resume() const noexcept {}

   private:
    friend class Event;
    Event& event_;
    std::coroutine_handle<> self_;
    Awaiter* next_ = nullptr;
  };

  Event() = default;
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { CHECK(head_ == nullptr); }

  bool is_set() const { return set_; }
  void set() {
    set_ = true;
    Awaiter* waiter = head_;
    head_ = nullptr;
    tail_ = &head_;
    while (waiter != nullptr) {
      Awaiter* next = waiter->next_;  // Resuming may free the awaiter, so its link is read first.
      Loop::current().ready(waiter->self_);
      waiter = next;
    }
  }
  void reset() { set_ = false; }
  /// Sets and resets in one: wakes those who wait now.
  void pulse() {
    set();
    reset();
  }
  Awaiter wait() { return Awaiter(*this); }

 private:
  Awaiter* head_ = nullptr;
  Awaiter** tail_ = &head_;
  bool set_ = false;
};

}  // namespace holdfast
