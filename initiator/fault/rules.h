#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "initiator/fault/message.h"
#include "initiator/fault/step.h"

// Which bytes pass, and when: pure rules over moments and messages that it is given.

namespace holdfast::initiator {

/// What lasts for one direction at a moment.
struct PathState {
  bool held = false;
  bool swallowed = false;
  bool statsn_held = false;
  Duration delay{};
  Duration jitter{};
  std::uint64_t bytes_per_second = 0;  // 0: as many as come
  double lost_percent = 0;
};

/// What becomes of a message.
struct MessageFate {
  enum class Kind : std::uint8_t { pass, drop, later };
  Kind kind = Kind::pass;
  /// Of a later one: so many messages go first; 0: it waits for `statsn_held` to end.
  std::uint32_t places = 0;
  std::optional<MessagePart> spoilt;
};

/// What is done to connections.
struct ConnectionOrder {
  FaultAction action = FaultAction::cut;  // or close
  CutManner cut = CutManner::rst;
  std::optional<Way> way;        // of close
  std::uint64_t connection = 0;  // 0: every one
};

enum class ConnectionFate : std::uint8_t { serve, silence, refuse };

/// How far the path has come.
struct PathPosition {
  PerWay<std::uint64_t> bytes;
  PerWay<std::uint64_t> messages;
  std::uint64_t connections = 0;
};

/// Something that a step did.
struct FaultEvent {
  enum class Kind : std::uint8_t { begun, struck, ended };
  Kind kind = Kind::begun;
  std::size_t step = 0;  // counted from 1, in the order in which they were given
  std::string text;      // the step, as it was written
  Instant at{};
  PathPosition position;
  std::uint64_t connection = 0;  // 0: no particular one
  std::string what;              // what it struck
};

/// The steps that were given, how far each is, and what they come to.
class FaultRules {
 public:
  explicit FaultRules(std::uint64_t seed) : random_(seed) {}

  /// At most so many steps at once are waiting or lasting.
  static constexpr std::size_t steps_most = 2000;
  /// False when there are too many.
  bool add(FaultStep step, Instant now);

  /// A connection came; they are counted from 1.
  ConnectionFate connection_came(std::uint64_t connection, Instant now);
  /// A message of a connection is about to pass.
  MessageFate meet(const Message& message, std::uint64_t connection, Instant now);
  /// Bytes that are of no message are about to pass: whether one of them is to be spoilt.
  bool spoils_bytes(Way way, std::uint64_t connection, Instant now);
  /// So many bytes may pass before a step has to be looked at.
  std::uint64_t bytes_until_a_step(Way way) const;
  void passed(Way way, std::uint64_t bytes, Instant now);
  /// Begins and ends what is due. To be called at `next_moment`, or later.
  void advance(Instant now);
  std::optional<Instant> next_moment() const;

  const PathState& state(Way way) const { return states_[way]; }
  const PathPosition& position() const { return position_; }
  /// How long something that comes now is kept.
  Duration draw_delay(Way way);
  /// Whether a datagram that comes now is lost.
  bool draw_loss(Way way);

  /// What was done since these were last asked.
  std::vector<ConnectionOrder> take_orders() { return std::exchange(orders_, {}); }
  std::vector<FaultEvent> take_events() { return std::exchange(events_, {}); }
  bool has_orders() const { return !orders_.empty(); }
  bool has_news() const { return has_orders() || !events_.empty(); }
  /// Every step is over.
  bool done() const { return entries_.empty(); }

 private:
  struct Entry {
    std::size_t number = 0;
    FaultStep step;
    Instant given{};
    std::uint64_t bytes_before = 0;
    std::uint64_t met = 0;
    bool waiting = true;   // for its moment
    bool armed = false;    // for a message that it can strike
    bool lasting = false;  // until it is ended
    std::optional<Instant> ends;
  };

  std::uint64_t counted(const std::optional<Way>& way) const;
  std::optional<Instant> due(const Entry& entry) const;
  void begin(Entry& entry, std::uint64_t connection, Instant now);
  void end_what_lasts(const std::optional<Way>& way, Instant now);
  void note(FaultEvent::Kind kind, const Entry& entry, std::uint64_t connection, Instant now, std::string what = {});
  bool counts(Entry& entry, const Message& message);
  bool can_strike(const Entry& entry, const Message& message) const;
  void strike(Entry& entry, const Message& message, MessageFate& fate, std::uint64_t connection, Instant now);
  void settle();

  std::mt19937_64 random_;
  std::vector<Entry> entries_;
  std::size_t given_ = 0;
  std::optional<Instant> first_connection_;
  PathPosition position_;
  PerWay<PathState> states_;
  std::vector<ConnectionOrder> orders_;
  std::vector<FaultEvent> events_;
};

}  // namespace holdfast::initiator
