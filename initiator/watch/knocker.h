#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "common/base/clock.h"
#include "common/runtime/completion.h"
#include "common/runtime/event.h"
#include "common/runtime/fd.h"
#include "common/runtime/loop.h"
#include "common/runtime/task.h"
#include "initiator/device/path_witness.h"
#include "initiator/watch/evidence_sample.h"

namespace holdfast::initiator {

/// Asks on a connection of its own whether anybody is there: connects, says hello and waits for any byte.
/// One attempt is under way at most, and one that was taken is waited for and not repeated, so that a
/// server that does not run gets no queue of them.
class Knocker final : private Completion {
 public:
  explicit Knocker(Loop& loop) : loop_(loop) {}
  ~Knocker() = default;

  bool idle() const { return stage_ == Stage::idle; }
  /// When the last attempt ended.
  Instant idle_since() const { return idle_since_; }
  /// Begins an attempt. Only when idle.
  void knock(const PeerDoor& door, Instant now);
  /// An attempt that is not taken for so long is made anew, so that a path that has healed shows it.
  void renew(Instant now);
  /// Gives the attempt up.
  void give_up();
  KnockCount count(Instant now) const;

  /// Gives up, and waits until the kernel has let go.
  Task<void> stop();

 private:
  enum class Stage : std::uint8_t { idle, connecting, saying, waiting };
  static constexpr Duration renewed_after = std::chrono::seconds(3);

  void complete(std::int32_t result, bool more) override;
  void say();
  void wait();
  void end(Instant now);

  Loop& loop_;
  Stage stage_ = Stage::idle;
  bool given_up_ = false;
  PeerDoor door_;
  Fd socket_;
  std::array<std::byte, 64> answer_{};
  KnockCount count_;
  Instant began_{};
  std::optional<Instant> not_taken_since_;
  Instant taken_at_{};
  Instant idle_since_{};
  Event became_idle_;
};

}  // namespace holdfast::initiator
