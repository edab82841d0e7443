#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/runtime/event.h"
#include "common/runtime/task.h"
#include "target/store/store.h"

namespace holdfast::target {

/// One request with its memory, for coroutines of tests: start it, await it, look at it.
class StoreCall {
 public:
  explicit StoreCall(Store& store) : store_(store) {
    request.owner = this;
    request.done = [](StoreRequest& answered) {
      auto* call = static_cast<StoreCall*>(answered.owner);
      ++call->answers;
      if (call->submitting_) ++call->answers_from_inside_submit;
      call->answered_.set();
    };
  }

  /// Points the request at `data`, cut into pieces of the sizes in `pieces`; the rest is one more.
  void use(std::span<std::byte> data, std::span<const std::size_t> pieces = {}) {
    vectors_.clear();
    std::size_t at = 0;
    for (std::size_t piece : pieces) {
      if (at + piece > data.size()) break;
      vectors_.push_back({data.data() + at, piece});
      at += piece;
    }
    vectors_.push_back({data.data() + at, data.size() - at});
    request.vectors = vectors_;
  }

  void submit(StoreOperation operation, std::uint64_t offset) {
    request.operation = operation;
    request.offset = offset;
    answered_.reset();
    submitting_ = true;
    store_.submit(request);
    submitting_ = false;
  }
  Task<void> answer() { co_await answered_.wait(); }
  bool is_answered() const { return answered_.is_set(); }

  StoreRequest request;
  int answers = 0;
  int answers_from_inside_submit = 0;

 private:
  Store& store_;
  std::vector<iovec> vectors_;
  Event answered_;
  bool submitting_ = false;
};

/// Whole requests as coroutines; each returns the errno.
inline Task<int> write_store(Store& store, std::uint64_t offset, std::span<std::byte> data,
                             bool durable = false) {
  StoreCall call(store);
  call.use(data);
  call.request.durable = durable;
  call.submit(StoreOperation::write, offset);
  co_await call.answer();
  co_return call.request.error;
}

inline Task<int> read_store(Store& store, std::uint64_t offset, std::span<std::byte> data) {
  StoreCall call(store);
  call.use(data);
  call.submit(StoreOperation::read, offset);
  co_await call.answer();
  co_return call.request.error;
}

inline Task<int> flush_store(Store& store) {
  StoreCall call(store);
  call.submit(StoreOperation::flush, 0);
  co_await call.answer();
  co_return call.request.error;
}

inline Task<int> unmap_store(Store& store, std::uint64_t offset, std::uint64_t bytes,
                             bool durable = false) {
  StoreCall call(store);
  call.request.bytes = bytes;
  call.request.durable = durable;
  call.submit(StoreOperation::unmap, offset);
  co_await call.answer();
  co_return call.request.error;
}

}  // namespace holdfast::target
