#include "initiator/fault/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace holdfast::initiator {
namespace {

bool works_on_one_message(const FaultStep& step) {
  return step.action == FaultAction::corrupt || step.action == FaultAction::reorder ||
         (step.action == FaultAction::drop && !step.lasts);
}

bool is_done_at_once(FaultAction action) {
  return action == FaultAction::resume || action == FaultAction::cut || action == FaultAction::close;
}

const Stretch* stretch_of(const Message& message, MessagePart part) {
  switch (part) {
    case MessagePart::data: return &message.data;
    case MessagePart::header_digest: return &message.header_digest;
    case MessagePart::data_digest: return &message.data_digest;
    case MessagePart::header: break;
  }
  return nullptr;
}

void apply(const FaultStep& step, PathState& state) {
  switch (step.action) {
    case FaultAction::delay:
      state.delay = step.delay;
      state.jitter = step.jitter;
      return;
    case FaultAction::throttle: state.bytes_per_second = step.bytes_per_second; return;
    case FaultAction::stop: (step.stop == StopManner::hold ? state.held : state.swallowed) = true; return;
    case FaultAction::hold_statsn: state.statsn_held = true; return;
    case FaultAction::lose: state.lost_percent = step.percent; return;
    default: return;
  }
}

}  // namespace

bool FaultRules::add(FaultStep step, Instant now) {
  if (entries_.size() == steps_most) return false;
  Entry entry;
  entry.number = ++given_;
  entry.step = std::move(step);
  entry.given = now;
  entry.bytes_before = counted(entry.step.when.counted);
  if (entry.step.when.kind == StepMoment::Kind::now) begin(entry, 0, now);
  entries_.push_back(std::move(entry));
  settle();
  return true;
}

std::uint64_t FaultRules::counted(const std::optional<Way>& way) const {
  return way ? position_.bytes[*way] : position_.bytes[Way::out] + position_.bytes[Way::in];
}

std::optional<Instant> FaultRules::due(const Entry& entry) const {
  if (!entry.waiting || entry.step.when.kind != StepMoment::Kind::after_time || !first_connection_) return std::nullopt;
  return std::max(entry.given, *first_connection_) + entry.step.when.time;
}

void FaultRules::note(FaultEvent::Kind kind, const Entry& entry, std::uint64_t connection, Instant now,
                      std::string what) {
  events_.push_back({.kind = kind,
                     .step = entry.number,
                     .text = entry.step.text,
                     .at = now,
                     .position = position_,
                     .connection = connection,
                     .what = std::move(what)});
}

void FaultRules::begin(Entry& entry, std::uint64_t connection, Instant now) {
  const FaultStep& step = entry.step;
  entry.waiting = step.when.kind == StepMoment::Kind::every_message;
  note(FaultEvent::Kind::begun, entry, connection, now);
  if (works_on_one_message(step)) {
    entry.armed = true;
  } else if (!is_done_at_once(step.action)) {
    entry.lasting = true;
    if (step.lasts) entry.ends = now + *step.lasts;
  } else if (step.action == FaultAction::resume) {
    end_what_lasts(step.way, now);
  } else {
    orders_.push_back({.action = step.action, .cut = step.cut, .way = step.way, .connection = connection});
  }
}

void FaultRules::end_what_lasts(const std::optional<Way>& way, Instant now) {
  for (Entry& entry : entries_) {
    if (!entry.lasting) continue;
    if (!way || entry.step.way == way) {
      entry.lasting = false;
      note(FaultEvent::Kind::ended, entry, 0, now);
    } else if (!entry.step.way) {
      entry.step.way = opposite(*way);  // It goes on in the other direction.
    }
  }
}

/// Forgets what is over, and finds out what the rest comes to; what began last counts.
void FaultRules::settle() {
  std::erase_if(entries_, [](const Entry& entry) { return !entry.waiting && !entry.armed && !entry.lasting; });
  for (const Way way : both_ways) {
    states_[way] = PathState{};
    for (const Entry& entry : entries_)
      if (entry.lasting && entry.step.concerns(way)) apply(entry.step, states_[way]);
  }
}

ConnectionFate FaultRules::connection_came(std::uint64_t connection, Instant now) {
  ++position_.connections;
  if (!first_connection_) first_connection_ = now;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    if (!entry.waiting || entry.step.when.kind != StepMoment::Kind::at_connection) continue;
    if (++entry.met == entry.step.when.nth) begin(entry, connection, now);
  }
  ConnectionFate fate = ConnectionFate::serve;
  for (const Entry& entry : entries_) {
    if (!entry.lasting) continue;
    if (entry.step.action == FaultAction::silent) fate = ConnectionFate::silence;
    if (entry.step.action == FaultAction::refuse) fate = ConnectionFate::refuse;
  }
  settle();
  return fate;
}

bool FaultRules::counts(Entry& entry, const Message& message) {
  const StepMoment& when = entry.step.when;
  const bool every = when.kind == StepMoment::Kind::every_message;
  if (!entry.waiting || (!every && when.kind != StepMoment::Kind::at_message)) return false;
  if (!message.is(when.message)) return false;
  // A direction says what is stopped, and not what is counted, unless the step strikes what it counts.
  const bool strikes_what_it_counts = works_on_one_message(entry.step) && !entry.step.message;
  if (strikes_what_it_counts && !entry.step.concerns(message.way)) return false;
  ++entry.met;
  return every ? entry.met % when.nth == 0 : entry.met == when.nth;
}

bool FaultRules::can_strike(const Entry& entry, const Message& message) const {
  const FaultStep& step = entry.step;
  if (!step.concerns(message.way) || !message.is(step.message.value_or(MessageKind::message))) return false;
  if (step.action != FaultAction::corrupt) return true;
  const Stretch* stretch = stretch_of(message, step.part);
  return stretch != nullptr ? stretch->bytes > 0 : message.spoilt_header_byte > 0;
}

void FaultRules::strike(Entry& entry, const Message& message, MessageFate& fate, std::uint64_t connection,
                        Instant now) {
  entry.armed = false;
  if (entry.step.action == FaultAction::drop) fate.kind = MessageFate::Kind::drop;
  if (entry.step.action == FaultAction::corrupt) fate.spoilt = entry.step.part;
  if (entry.step.action == FaultAction::reorder) {
    fate.kind = MessageFate::Kind::later;
    fate.places = entry.step.places;
  }
  note(FaultEvent::Kind::struck, entry, connection, now, fmt::format("{} of {} bytes", name_of(message.kind), message.bytes));
}

MessageFate FaultRules::meet(const Message& message, std::uint64_t connection, Instant now) {
  MessageFate fate;
  ++position_.messages[message.way];
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    if (counts(entry, message)) begin(entry, connection, now);
    const bool lasting_drop = entry.lasting && entry.step.action == FaultAction::drop;
    if (lasting_drop && can_strike(entry, message)) fate.kind = MessageFate::Kind::drop;
    if (entry.armed && can_strike(entry, message)) strike(entry, message, fate, connection, now);
  }
  settle();
  const PathState& state = states_[message.way];
  if (state.statsn_held && message.takes_stat_sn && fate.kind == MessageFate::Kind::pass) {
    fate.kind = MessageFate::Kind::later;
    fate.places = 0;
  }
  if (state.swallowed) fate.kind = MessageFate::Kind::drop;
  return fate;
}

bool FaultRules::spoils_bytes(Way way, std::uint64_t connection, Instant now) {
  for (Entry& entry : entries_) {
    if (!entry.armed || entry.step.action != FaultAction::corrupt || !entry.step.concerns(way)) continue;
    if (entry.step.part != MessagePart::data || entry.step.message.value_or(MessageKind::message) != MessageKind::message)
      continue;
    entry.armed = false;
    note(FaultEvent::Kind::struck, entry, connection, now, "a byte");
    settle();
    return true;
  }
  return false;
}

std::uint64_t FaultRules::bytes_until_a_step(Way way) const {
  std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
  for (const Entry& entry : entries_) {
    const StepMoment& when = entry.step.when;
    if (!entry.waiting || when.kind != StepMoment::Kind::after_bytes || (when.counted && *when.counted != way)) continue;
    least = std::min(least, entry.bytes_before + when.bytes - counted(when.counted));
  }
  return least;
}

void FaultRules::passed(Way way, std::uint64_t bytes, Instant now) {
  position_.bytes[way] += bytes;
  bool begun = false;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    const StepMoment& when = entry.step.when;
    if (!entry.waiting || when.kind != StepMoment::Kind::after_bytes) continue;
    if (counted(when.counted) < entry.bytes_before + when.bytes) continue;
    begin(entry, 0, now);
    begun = true;
  }
  if (begun) settle();
}

void FaultRules::advance(Instant now) {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    Entry& entry = entries_[i];
    if (const std::optional<Instant> when = due(entry); when && *when <= now) begin(entry, 0, now);
    if (!entry.lasting || !entry.ends || *entry.ends > now) continue;
    entry.lasting = false;
    note(FaultEvent::Kind::ended, entry, 0, now);
  }
  settle();
}

std::optional<Instant> FaultRules::next_moment() const {
  std::optional<Instant> next;
  const auto consider = [&next](const std::optional<Instant>& moment) {
    if (moment && (!next || *moment < *next)) next = moment;
  };
  for (const Entry& entry : entries_) {
    consider(due(entry));
    if (entry.lasting) consider(entry.ends);
  }
  return next;
}

Duration FaultRules::draw_delay(Way way) {
  const PathState& state = states_[way];
  if (state.jitter == Duration(0)) return state.delay;
  const std::int64_t span = 2 * state.jitter.count() + 1;
  const auto drawn = static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(span)) - state.jitter.count();
  return std::max(Duration(0), state.delay + Duration(drawn));
}

bool FaultRules::draw_loss(Way way) {
  const double percent = states_[way].lost_percent;
  return percent > 0 && std::generate_canonical<double, 53>(random_) * 100 < percent;
}

}  // namespace holdfast::initiator
