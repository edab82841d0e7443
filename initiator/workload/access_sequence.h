#pragma once

#include <cstdint>

#include "initiator/workload/load_plan.h"

namespace holdfast::initiator {

/// Numbers that look random and are the same for the same seed (xorshift128+).
class RandomNumbers {
 public:
  explicit RandomNumbers(std::uint64_t seed) : low_(spread(seed)), high_(spread(seed + 1)) {}

  std::uint64_t next() {
    std::uint64_t x = low_;
    const std::uint64_t y = high_;
    low_ = y;
    x ^= x << 23;
    high_ = x ^ y ^ (x >> 17) ^ (y >> 26);
    return high_ + y;
  }
  /// Below `limit`.
  std::uint64_t below(std::uint64_t limit) {
    return static_cast<std::uint64_t>((Wide{next()} * limit) >> 64);
  }

 private:
  __extension__ using Wide = unsigned __int128;

  static std::uint64_t spread(std::uint64_t value) {
    value = (value + 0x9e37'79b9'7f4a'7c15) * 0xbf58'476d'1ce4'e5b9;
    return (value ^ (value >> 29)) | 1;
  }

  std::uint64_t low_;
  std::uint64_t high_;
};

/// Which operation on which block comes next in one session. Random accesses fall anywhere in the
/// plan's range, with replacement; sequential ones go round and round in the session's own part.
class AccessSequence {
 public:
  struct Step {
    bool write = false;
    std::uint64_t block = 0;
  };

  AccessSequence(const LoadPlan& plan, std::uint32_t session)
      : access_(plan.options.access),
        read_percent_(plan.options.read_percent),
        random_(plan.options.seed * 1'000'003 + session) {
    const std::uint64_t sessions = plan.options.sessions;
    begin_ = sequential(access_) ? plan.blocks * session / sessions : 0;
    end_ = sequential(access_) ? plan.blocks * (session + 1) / sessions : plan.blocks;
    current_.block = begin_;
    draw();
  }

  /// The next one; it stays so until `taken`.
  const Step& current() const { return current_; }
  void taken() {
    if (sequential(access_))
      current_.block = current_.block + 1 == end_ ? begin_ : current_.block + 1;
    draw();
  }
  /// Another block for the same operation. False where the order is given.
  bool another_block() {
    if (sequential(access_)) return false;
    current_.block = random_.below(end_);
    return true;
  }

 private:
  void draw() {
    current_.write =
        access_ == Access::randrw ? random_.below(100) >= read_percent_ : writes(access_);
    if (!sequential(access_)) current_.block = random_.below(end_);
  }

  Access access_;
  std::uint32_t read_percent_;
  RandomNumbers random_;
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
  Step current_;
};

}  // namespace holdfast::initiator
