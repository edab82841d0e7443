#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "initiator/fault/message.h"

namespace holdfast::initiator {

/// When a step is done.
struct StepMoment {
  enum class Kind : std::uint8_t {
    now,
    after_time,     // `time` after the first connection, or after the step was given if that is later
    after_bytes,    // when `bytes` more have passed
    at_message,     // at the `nth` message of its kind from then on
    every_message,  // at every `nth` one
    at_connection,  // when the `nth` connection from then on comes
  };
  Kind kind = Kind::now;
  Duration time{};
  std::uint64_t bytes = 0;
  std::optional<Way> counted = std::nullopt;  // bytes of one way only
  std::uint64_t nth = 1;
  MessageKind message = MessageKind::message;
};

enum class FaultAction : std::uint8_t {
  delay, throttle, stop, resume, cut, close, silent, refuse, drop, corrupt, reorder, hold_statsn, lose
};

/// What becomes of bytes that a stopped direction is given.
enum class StopManner : std::uint8_t { hold, swallow };
enum class CutManner : std::uint8_t { rst, fin };
enum class MessagePart : std::uint8_t { header, data, header_digest, data_digest };

/// One line of a fault script: what is done, to which direction, when and for how long.
struct FaultStep {
  StepMoment when;
  FaultAction action = FaultAction::resume;
  /// nullopt: both ways.
  std::optional<Way> way = std::nullopt;
  /// nullopt: until a `resume`, or once where it is done to one message.
  std::optional<Duration> lasts = std::nullopt;
  Duration delay{};
  Duration jitter{};
  std::uint64_t bytes_per_second = 0;
  StopManner stop = StopManner::hold;
  CutManner cut = CutManner::rst;
  MessagePart part = MessagePart::data;
  /// The messages that are dropped, spoilt or sent later.
  std::optional<MessageKind> message = std::nullopt;
  /// Reordering: so many messages go first.
  std::uint32_t places = 1;
  double percent = 0;
  /// As it was written.
  std::string text;

  bool concerns(Way one) const { return !way || *way == one; }
};

}  // namespace holdfast::initiator
