#pragma once

#include <cerrno>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "common/base/clock.h"
#include "common/runtime/timer.h"
#include "target/store/store.h"

namespace holdfast::target {

/// One rule of a FaultStore: which requests it meets, and what becomes of them.
struct Fault {
  enum class Kind : std::uint8_t {
    fail,   // answered with `error`; the store below never sees the request
    delay,  // passed on after `delay`
    hang,   // kept until `release`
  };
  static constexpr std::uint64_t always = std::numeric_limits<std::uint64_t>::max();

  Kind kind = Kind::fail;
  /// The requests that it meets: of this operation (of any, when absent) …
  std::optional<StoreOperation> operation = std::nullopt;
  /// … that touch a byte of [from, to). A flush touches every byte.
  std::uint64_t from = 0;
  std::uint64_t to = always;
  /// It leaves the first `skip` requests that it meets alone, and strikes the next `times`.
  std::uint64_t skip = 0;
  std::uint64_t times = always;
  int error = EIO;
  Duration delay{};
};

/// A layer on any store that makes chosen requests fail, wait or hang, so that everything above can
/// be tried against a medium that misbehaves. With no rule it is not noticed. The first rule that
/// strikes decides.
class FaultStore final : public Store {
 public:
  explicit FaultStore(std::unique_ptr<Store> below);

  std::uint64_t size() const override { return below_->size(); }
  bool read_only() const override { return below_->read_only(); }
  bool has_volatile_cache() const override { return below_->has_volatile_cache(); }
  std::uint32_t physical_block_bytes() const override { return below_->physical_block_bytes(); }
  bool can_unmap() const override { return below_->can_unmap(); }
  bool tells_room() const override { return below_->tells_room(); }
  std::uint32_t logical_block_bytes() const override { return below_->logical_block_bytes(); }
  std::string describe() const override;

  void inject(const Fault& fault);
  /// Forgets every rule. What was delayed stays delayed, what hangs goes on hanging.
  void clear() { rules_.clear(); }
  /// Passes on what hangs.
  void release();

  /// How many requests hang now.
  std::size_t hanging() const { return hanging_.size(); }
  /// How many requests a rule has struck so far.
  std::uint64_t struck() const { return struck_; }

 private:
  struct Rule {
    Fault fault;
    std::uint64_t met = 0;
  };
  struct Delayed {
    Instant due;
    StoreRequest* request;
  };
  class Alarm final : public Timer {
   public:
    explicit Alarm(FaultStore& store);

   private:
    void expire() override { store_.pass_on_what_is_due(); }
    FaultStore& store_;
  };

  void start(StoreRequest& request) override;
  const Fault* strike(const StoreRequest& request);
  void pass_on_what_is_due();

  std::unique_ptr<Store> below_;
  std::vector<Rule> rules_;
  std::vector<Delayed> delayed_;
  std::vector<StoreRequest*> hanging_;
  std::uint64_t struck_ = 0;
  Alarm alarm_;
};

}  // namespace holdfast::target
