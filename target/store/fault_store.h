#pragma once

#include <cerrno>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
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
    hang,   // kept until `release`, until its rule goes, or until it is given up
    stick,  // the same, but to give it up is of no use: as what a disk has and does not give back
    tear,   // of a write only the first half is done, to a whole 512 bytes; answered as if all were
    lose,   // of a write, unmap or flush nothing is done; answered as if it were
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
  Duration jitter{};  // a delay is so much longer or shorter
  /// Of those that it would strike, so many of a hundred, drawn from `seed`.
  double percent = 100;
  std::uint64_t seed = 0;
  /// Its rule goes by itself after this.
  std::optional<Duration> lasts = std::nullopt;
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
  Result<std::uint64_t> measure() const override { return below_->measure(); }
  void set_size(std::uint64_t bytes) override { below_->set_size(bytes); }
  std::string describe() const override;

  /// Adds a rule, and returns its number: 1, 2, …. `text` is what `rules` calls it.
  std::uint64_t inject(const Fault& fault, std::string text = {});
  /// Forgets every rule. What was delayed stays delayed, what hangs goes on hanging.
  void clear() { rules_.clear(); }
  /// Forgets that rule, and passes on what hangs by it. False when there is none.
  bool remove(std::uint64_t rule);
  /// Passes on what hangs.
  void release();

  struct RuleState {
    std::uint64_t rule = 0;
    std::uint64_t struck = 0;
    std::uint64_t hanging = 0;
    std::string text;
  };
  /// The rules that there are, in their order.
  std::vector<RuleState> rules() const;

  /// How many requests hang now.
  std::size_t hanging() const { return hanging_.size(); }
  /// How many requests a rule has struck so far.
  std::uint64_t struck() const { return struck_; }

 private:
  struct Rule {
    std::uint64_t number = 0;
    Fault fault;
    std::string text;
    std::mt19937_64 random;
    std::optional<Instant> ends;
    std::uint64_t met = 0;
    std::uint64_t struck = 0;
  };
  struct Delayed {
    Instant due;
    StoreRequest* request;
  };
  struct Hanging {
    std::uint64_t rule;
    StoreRequest* request;
    bool sticks;
  };
  class Alarm final : public Timer {
   public:
    explicit Alarm(FaultStore& store);

   private:
    void expire() override { store_.look_at_the_clock(); }
    FaultStore& store_;
  };

  void start(StoreRequest& request) override;
  void let_go(StoreRequest& request) override;
  Rule* strike(const StoreRequest& request);
  void delay(StoreRequest& request, Rule& rule);
  void tear(StoreRequest& request);
  void look_at_the_clock();
  void pass_on_what_is_due(Instant now);
  void arm_no_later_than(Instant when);
  template <typename Which>
  void release_if(Which which);

  std::unique_ptr<Store> below_;
  std::vector<Rule> rules_;
  std::uint64_t rules_given_ = 0;
  std::vector<Delayed> delayed_;
  std::vector<Hanging> hanging_;
  std::uint64_t struck_ = 0;
  Alarm alarm_;
};

}  // namespace holdfast::target
