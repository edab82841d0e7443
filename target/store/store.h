#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <sys/uio.h>

#include "common/base/result.h"
#include "common/runtime/completion.h"

namespace holdfast::target {

class Store;

enum class StoreOperation : std::uint8_t {
  read,        // into `vectors`
  write,       // from `vectors`
  flush,       // everything that was acknowledged before is on the medium after
  unmap,       // the range is given back and reads as zeros
  anchor,      // the range reads as zeros, and there is room for it
  read_ahead,  // the range will be read soon: a hint, which never fails
  map,         // what becomes of the range's bytes, into `extents`
  room,        // how much of its file system there is for it, into `room`
};

/// How a stretch of a store is kept (SBC-3 4.7.4).
enum class StoreExtentState : std::uint8_t {
  mapped,       // with data of its own
  deallocated,  // with nothing: it reads as zeros
  anchored,     // with room alone: it reads as zeros
};

struct StoreExtent {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  StoreExtentState state = StoreExtentState::mapped;
};

/// The room that a store has on a file system, which it shares with others.
struct StoreRoom {
  std::uint64_t available_bytes = 0;  // that it could take yet
  std::uint64_t used_bytes = 0;       // that it has
};

/// One request to a store. It lives in its command's slot and must outlive its answer; the store
/// keeps its own progress in it, so that no request costs an allocation.
class StoreRequest : public Completion, private Deferred {
 public:
  StoreOperation operation = StoreOperation::read;
  /// A write or unmap that is on the medium before it is acknowledged, with all that reading it
  /// back needs.
  bool durable = false;
  /// The store's guard is not asked.
  bool past_guard = false;
  /// Bytes from the start of the store; a multiple of the logical block, as is the sum of
  /// `vectors`.
  std::uint64_t offset = 0;
  /// For operations without data. For read and write the length is the sum of `vectors`.
  std::uint64_t bytes = 0;
  /// The memory. The store may change the span and the entries while it works.
  std::span<iovec> vectors;
  /// For map: filled from the front with stretches that follow one another from `offset` on, each
  /// of another state than its neighbours; the last one ends where the range or the room does.
  std::span<StoreExtent> extents;
  std::size_t extents_found = 0;
  /// For room.
  StoreRoom room;

  /// The answer: 0, or the errno with which the store failed.
  int error = 0;
  /// The first byte that could not be read or written, when `error` is set.
  std::uint64_t failed_offset = 0;

  /// The owner's word back: called exactly once per submit, from the loop and never from inside
  /// `Store::submit`. The request may be submitted again, or freed, from inside it.
  void (*done)(StoreRequest&) = nullptr;
  /// For the owner's use in `done`.
  void* owner = nullptr;

  /// True from `Store::submit` until `done` is called.
  bool submitted() const { return store_ != nullptr; }
  /// How many bytes the request is about: the sum of `vectors`, `bytes` where there are none, 0 for
  /// flush.
  std::uint64_t length() const;
  /// Something else may be read afterwards.
  bool changes() const {
    return operation == StoreOperation::write || operation == StoreOperation::unmap ||
           operation == StoreOperation::anchor;
  }

 private:
  friend class Store;
  void complete(std::int32_t result, bool more) override;
  void aside() override;
  void run() override;

  Store* store_ = nullptr;
  std::uint64_t progress_ = 0;
  int stage_ = 0;
  int retries_ = 0;
  bool given_up_ = false;
};

/// What keeps requests off a part of a store.
class StoreGuard {
 public:
  /// The first byte of the request's that it may not touch, if there is one.
  virtual std::optional<std::uint64_t> stops(const StoreRequest& request) const = 0;

 protected:
  ~StoreGuard() = default;
};

/// Where a LUN's bytes are: a regular file, a block device, memory, nothing at all, or a layer on
/// one of them. All of a store's calls and answers belong to one loop, the thread's current one.
///
/// Errors are errnos: EIO for a bad medium, ENOSPC where there is no room, EROFS on a store that
/// was opened read-only. Ranges are the caller's to check: one beyond the end is a bug, not an
/// error.
class Store {
 public:
  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  /// No request is in flight by then.
  virtual ~Store();

  /// Bytes; the same until `set_size`.
  virtual std::uint64_t size() const = 0;
  /// How many bytes it could have now. May block, and may be called on another thread.
  virtual Result<std::uint64_t> measure() const { return size(); }
  /// To a size that `measure` found, never less than it has.
  virtual void set_size(std::uint64_t bytes) { CHECK(bytes == size()); }
  virtual bool read_only() const = 0;
  /// True when an acknowledged write that was not durable may still be lost with the machine, so
  /// that WCE=1 is the honest answer.
  virtual bool has_volatile_cache() const = 0;
  /// What the medium writes at once, in bytes: a power of two, at least 512.
  virtual std::uint32_t physical_block_bytes() const = 0;
  /// True when unmap gives room back to whoever else can use it.
  virtual bool can_unmap() const { return true; }
  /// True when it answers room; otherwise that fails with EOPNOTSUPP.
  virtual bool tells_room() const { return false; }
  /// The smallest unit that the medium can address, in bytes: a LUN's blocks are no smaller.
  virtual std::uint32_t logical_block_bytes() const { return 512; }
  /// For logs: "file /srv/a.img".
  virtual std::string describe() const = 0;

  /// Starts `request`; its `done` follows.
  void submit(StoreRequest& request);
  /// From here on what `guard` stops fails with EIO. nullptr: nobody does.
  void set_guard(const StoreGuard* guard) { guard_ = guard; }
  /// The owner has no use for the answer any more. `done` still follows, not from inside this call,
  /// and not before the store is through with the medium for this request: at once where it can let go
  /// of it, with ECANCELED, and then any part of what was to be changed may be changed; otherwise when
  /// it ends by itself. Does nothing to a request that is not submitted.
  static void give_up(StoreRequest& request);

 protected:
  /// 0, or an errno and where.
  struct Moved {
    int error = 0;
    std::uint64_t failed_offset = 0;
  };

  /// The request's progress in this store, for implementations: all zero when it starts.
  static std::uint64_t& progress(StoreRequest& request) { return request.progress_; }
  static int& stage(StoreRequest& request) { return request.stage_; }
  static int& retries(StoreRequest& request) { return request.retries_; }
  static bool given_up(const StoreRequest& request) { return request.given_up_; }

  /// Answers now: from `step`, or from anything else that the loop called.
  static void finish(StoreRequest& request, int error, std::uint64_t failed_offset = 0);
  /// Answers a little later in this turn: for `start`, which may not answer.
  static void finish_later(StoreRequest& request, int error, std::uint64_t failed_offset = 0);
  /// Has `move` called, which may take long, and answers then: for `start`.
  static void move_aside(StoreRequest& request);
  /// For stores that keep everything: the whole range is mapped.
  static void map_all(StoreRequest& request);
  /// For a layer: hands a request of its own to the store below, which answers the owner.
  static void pass_on(StoreRequest& request, Store& below);

 private:
  friend class StoreRequest;
  /// Starts the request's first kernel operation, or defers the answer.
  virtual void start(StoreRequest& request) = 0;
  /// A kernel operation of the request's completed with `result`. Only stores that start kernel
  /// operations are ever asked.
  virtual void step(StoreRequest& request, std::int32_t result);
  /// Moves the request's data, perhaps beside other work of the loop, so that it touches nothing but
  /// them and what does not change while a request is in flight. For stores that use `move_aside`.
  virtual Moved move(StoreRequest& request);
  /// The request was given up, for the first time since it started here: ends it early, not from
  /// inside, if that can be without its touching the medium after its answer.
  virtual void let_go(StoreRequest&) {}

  std::size_t in_flight_ = 0;
  const StoreGuard* guard_ = nullptr;
};

}  // namespace holdfast::target
