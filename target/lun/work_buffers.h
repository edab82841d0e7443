#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/uio.h>
#include <vector>

#include "common/base/units.h"
#include "common/runtime/buffer.h"
#include "common/runtime/loop.h"

namespace holdfast::target {

/// The memory with which one logical unit compares, copies and fills: a few buffers for all
/// commands, so that however many of them there are, and however long, they cost no more. A
/// coroutine holds one for the time of one step on the store; whoever holds one waits for nothing
/// but the store, so that all get their turn.
class WorkBuffers {
 public:
  static constexpr std::size_t buffer_bytes = 256 * KiB;
  static constexpr std::size_t buffers_max = 4;

  WorkBuffers() = default;
  WorkBuffers(const WorkBuffers&) = delete;
  WorkBuffers& operator=(const WorkBuffers&) = delete;
  ~WorkBuffers();

  /// One buffer, from `co_await loan.take()` to `give_back()` or the loan's end.
  class Loan {
   public:
    explicit Loan(WorkBuffers& buffers) : buffers_(buffers) {}
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ~Loan() { give_back(); }

    class Awaiter {
     public:
      explicit Awaiter(Loan& loan) : loan_(loan) {}
      bool await_ready() const { return loan_.buffers_.lend(loan_); }
      void await_suspend(std::coroutine_handle<> waiter) const { loan_.wait(waiter); }
      void await_resume() const noexcept {}

     private:
      Loan& loan_;
    };

    Awaiter take() { return Awaiter(*this); }
    void give_back();
    std::span<std::byte> bytes() { return buffer_.span(); }
    /// The first `count` bytes, as a store takes them.
    std::span<iovec> vectors(std::size_t count);

   private:
    friend class WorkBuffers;
    void wait(std::coroutine_handle<> waiter);

    WorkBuffers& buffers_;
    Buffer buffer_;
    iovec vector_{};
    std::coroutine_handle<> waiter_;
    Loan* next_ = nullptr;
  };

 private:
  bool lend(Loan& loan);

  std::vector<Buffer> free_;
  std::size_t lent_ = 0;
  Loan* first_waiting_ = nullptr;
  Loan* last_waiting_ = nullptr;
};

}  // namespace holdfast::target
