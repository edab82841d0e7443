#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/base/clock.h"
#include "common/runtime/loop.h"
#include "common/runtime/timer.h"
#include "target/session/command_window.h"
#include "target/session/flight_recorder.h"
#include "target/session/login.h"

namespace holdfast::target {

class CommandSet;
class Slot;

/// Times one connection's commands. To a command it costs a few stores; what takes longer it looks for
/// every now and then, as long as something is under way: commands that are overdue, and answers that
/// the peer's kernel does not acknowledge.
class StageRecorder final : private Timer {
 public:
  /// `fd` is a connected TCP socket into which nothing is being written now.
  StageRecorder(Loop& loop, int fd, const LoginOutcome& login, const CommandWindow& window,
                FlightRecorder& recorder, Instant session_began);
  /// The connection has ended.
  ~StageRecorder();

  /// Whose commands they are; when it ends it has none.
  void watch(const CommandSet& commands) { commands_ = &commands; }

  // What happens on the connection.
  /// Something came.
  void heard(Instant now) {
    if (now - trace_->heard >= limit_ && limit_ > Duration(0)) note_silence(now);
    trace_->heard = now;
  }
  void pinged(std::span<const std::byte> data);
  /// The initiator has had every response before that one.
  void told_exp_stat_sn(std::uint32_t exp_stat_sn) { trace_->exp_stat_sn = exp_stat_sn; }

  // What happens to a command.
  /// It has just come. What is returned is not timed if nothing is.
  StageTimes received() {
    limit_ = recorder_.limit();
    if (limit_ == Duration(0)) return {};
    const Instant now = loop().now();
    if (!armed()) look_later(now + limit_);
    StageTimes times;
    times.received = now;
    return times;
  }
  /// The kernel has all of its answer; until then it has had `bytes_sent` on this connection.
  void answered(Slot& slot, std::uint64_t bytes_sent);
  /// It leaves its slot.
  void over(Slot& slot);

  /// Commands that have been slow for longer than the limit at this moment, with what the kernel tells
  /// of the connection now.
  std::vector<SlowCommand> stuck() const;
  std::shared_ptr<const ConnectionTrace> trace() const { return trace_; }
  TcpSample sample() const;
  /// How many bytes the kernel had taken on the connection when this began.
  std::uint64_t bytes_before() const { return base_; }

 private:
  /// So many of the last answers are remembered, and of those that are not acknowledged more.
  static constexpr std::size_t sent_usual = 128;
  static constexpr std::size_t sent_max = 1024;
  /// An answer that was on its way for longer than this when the connection ended was held up by it.
  static constexpr Duration held_up = std::chrono::milliseconds(100);
  /// So many of them are kept.
  static constexpr std::size_t lost_max = 32;
  struct Sent {
    CommandFacts facts;
    std::uint64_t end = 0;  // bytes of the connection, up to its last one
  };

  void look_later(Instant when) {
    recorder_.something_under_way();
    arm(when);
  }
  void note_silence(Instant now);
  void expire() override;
  std::optional<Instant> look_at_commands(Instant now);
  std::optional<Instant> look_at_answers(Instant now);
  void log_overdue(const Slot& slot, Instant now);
  SlowCommand describe(const Slot& slot, Instant now) const;
  void remember(const Sent& one);
  void add_unacknowledged(std::vector<SlowCommand>& to, Instant now, Duration limit) const;
  const Sent& sent(std::size_t age) const;

  const int fd_;
  FlightRecorder& recorder_;
  Duration limit_;  // as it was last looked at
  const CommandWindow& window_;
  const std::shared_ptr<ConnectionTrace> trace_;
  const CommandSet* commands_ = nullptr;

  std::uint64_t base_ = 0;  // bytes that the kernel had taken when this began
  std::vector<Sent> sent_;  // a ring, once it is full
  std::size_t next_sent_ = 0;  // the oldest, then
  std::uint64_t acknowledged_ = 0;  // bytes, when that was last looked at
  Instant looked_{};
  Instant logged_{};
};

/// Where a command is that has a slot.
CommandStage stage_of(const Slot& slot);

}  // namespace holdfast::target
