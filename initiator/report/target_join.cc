#include "initiator/report/target_join.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "initiator/report/format.h"

namespace holdfast::initiator {
namespace {

/// How far two machines' clocks may run apart, of the time between.
constexpr std::int64_t drift_parts = 10'000;  // 100 ppm
/// A run's session begins about when the run does.
constexpr Duration session_before_run_max = std::chrono::minutes(5);
/// What wall clocks that nobody has compared may be wrong by, for the question whether it is the same run.
constexpr Duration wall_clocks_apart_max = std::chrono::minutes(10);

Duration length_of(Instant instant) { return instant.time_since_epoch(); }
Duration magnitude(Duration time) { return time < Duration(0) ? -time : time; }

/// A stretch of an operation's time, and who had it.
struct Stretch {
  Duration length{};
  const char* blame = "unknown";
  std::string words;
  bool by_clocks = false;  // its ends are told by different clocks
};

/// The part of the join that knows both.
class Joiner {
 public:
  Joiner(const RunView& run, const TargetDump& dump) : run_(run), dump_(dump) {
    for (const TargetConnection& connection : dump.connections) {
      if (!is_ours(connection.session)) continue;
      connections_.push_back(&connection);
      rounds_.insert(rounds_.end(), connection.rounds.begin(), connection.rounds.end());
    }
  }

  std::optional<Error> refusal() const;
  ClockOffset clock_at(Duration moment) const;
  std::string words_of_clock(const ClockOffset& clock) const;
  JoinedEvent join(std::size_t place) const;

 private:
  struct Verdict {
    std::string blame = "unknown";
    std::vector<std::string> because;
  };

  bool is_ours(const SessionIdentity& session) const {
    return std::find(run_.sessions.begin(), run_.sessions.end(), session) != run_.sessions.end();
  }
  Duration in_run(Instant at_target, const ClockOffset& clock) const {
    return length_of(at_target) - clock.run_started;
  }
  const TargetCommand* find(const OverdueOperation& operation, Duration end, const ClockOffset& clock) const;
  Duration paused(Duration from, Duration to, const ClockOffset& clock) const;
  std::vector<Stretch> stretches(const TargetCommand& command, Duration sent, Duration end,
                                 const ClockOffset& clock) const;
  Verdict judge(const TargetCommand& command, Duration sent, Duration end, const ClockOffset& clock) const;
  Verdict judge_unseen(Duration sent, Duration end, const ClockOffset& clock) const;
  void add_steps(const TargetCommand& command, const ClockOffset& clock, std::vector<JoinedStep>& steps) const;
  JoinedOperation join(const OverdueOperation& operation, Duration end, const ClockOffset& clock,
                       Verdict& verdict) const;
  void add_what_was_slow_then(const PathEvent& event, JoinedEvent& joined, const ClockOffset& clock) const;

  const RunView& run_;
  const TargetDump& dump_;
  std::vector<const TargetConnection*> connections_;  // of the run's session
  std::vector<TargetConnection::Round> rounds_;
};

Error another_run(const std::string& why) {
  return Error{ErrorKind::invalid_input, EINVAL, "the target's dump is not of this run: " + why};
}

std::optional<Error> Joiner::refusal() const {
  const SessionIdentity& session = run_.sessions.front();
  const bool slow_ones = std::any_of(dump_.commands.begin(), dump_.commands.end(),
                                     [&](const TargetCommand& one) { return is_ours(one.session); });
  if (connections_.empty() && !slow_ones)
    return another_run(fmt::format("it knows no session of {} with ISID {} and TSIH {}; it tells of {}",
                                   printable_text(session.initiator), printable_text(session.isid), session.tsih,
                                   count_text(dump_.connections.size(), "connection", "connections")));
  const ClockOffset clock = clock_at(Duration(0));
  const Duration tolerance =
      clock.basis == ClockBasis::wall_clocks ? wall_clocks_apart_max : clock.uncertainty + std::chrono::seconds(5);
  for (const TargetConnection* connection : connections_) {
    const Duration began = in_run(connection->session_began, clock);
    if (began >= -session_before_run_max - tolerance && began <= run_.time + tolerance) continue;
    return another_run(fmt::format("its session of that name, ISID and TSIH began {} {} the run did",
                                   duration_text(magnitude(began)), began < Duration(0) ? "before" : "after"));
  }
  return std::nullopt;
}

/// Of all pings the one that says most about that moment of the run: with a short round trip, and not
/// long before or after.
ClockOffset Joiner::clock_at(Duration moment) const {
  ClockOffset clock;
  clock.rounds = rounds_.size();
  if (!run_.boot_id.empty() && run_.boot_id == dump_.boot_id) {
    clock.basis = ClockBasis::one_machine;
    clock.run_started = length_of(run_.started);
    return clock;
  }
  bool found = false;
  for (const TargetConnection::Round& round : rounds_) {
    const Duration distance = magnitude(Duration(round.sent - run_.started) - moment);
    const Duration uncertainty = (round.answered - round.sent) / 2 + distance / drift_parts;
    if (found && uncertainty >= clock.uncertainty) continue;
    found = true;
    clock.basis = ClockBasis::pings;
    clock.uncertainty = uncertainty;
    // The ping came in the middle of its round trip, give or take half of it.
    const Instant came_by_ours = round.sent + (round.answered - round.sent) / 2;
    clock.run_started = length_of(round.came) - (came_by_ours - run_.started);
  }
  if (found) return clock;
  const Duration since_start = Duration(dump_.taken_unix_ns - run_.started_unix_ns);
  clock.run_started = length_of(dump_.taken) - since_start;
  return clock;
}

std::string Joiner::words_of_clock(const ClockOffset& clock) const {
  switch (clock.basis) {
    case ClockBasis::one_machine: return "both ends ran on one machine and read the same clock";
    case ClockBasis::pings:
      return fmt::format("the clocks are known to {} by {}", duration_text(clock.uncertainty),
                         count_text(clock.rounds, "round trip of a ping", "round trips of pings"));
    case ClockBasis::wall_clocks: break;
  }
  return "no ping has compared the clocks: times of the two ends stand side by side by their wall clocks, which may be "
         "wrong by any amount, so that directions cannot be settled by them";
}

const TargetCommand* Joiner::find(const OverdueOperation& operation, Duration end, const ClockOffset& clock) const {
  const TargetCommand* found = nullptr;
  Duration nearest{};
  for (const TargetCommand& command : dump_.commands) {
    const bool same = is_ours(command.session) && command.itt == operation.itt &&
                      command.cdb.starts_with(operation.cdb);
    if (!same) continue;
    const Duration received = in_run(command.received, clock);
    // Tags come again, but not while they are in use.
    const Duration slack =
        clock.basis == ClockBasis::wall_clocks ? wall_clocks_apart_max : clock.uncertainty + std::chrono::seconds(1);
    if (received < operation.sent - slack || received > end + slack) continue;
    const Duration distance = magnitude(received - operation.sent);
    if (found != nullptr && distance >= nearest) continue;
    found = &command;
    nearest = distance;
  }
  return found;
}

Duration Joiner::paused(Duration from, Duration to, const ClockOffset& clock) const {
  Duration all{};
  for (const TargetDump::Pause& pause : dump_.pauses)
    all += std::max(Duration(0), std::min(to, in_run(pause.to, clock)) - std::max(from, in_run(pause.from, clock)));
  return all;
}

/// Who kept an R2T's data from coming.
Stretch gathering(const TargetCommand& command, Duration length) {
  if (command.data_out_wanted == 0 || command.stage == "memory")
    return {length, "peer_process", "the target made it wait for memory"};
  if (command.socket.known && command.socket.out_queue > 0 && command.socket.backoff > 0)
    return {length, "network_in", "what the target had sent, its R2T among it, was not acknowledged"};
  return {length, "network_out",
          fmt::format("of its data {} of {} bytes had come, and what the target had asked for did not",
                      command.data_out_received, command.data_out_wanted)};
}

Stretch sending(const TargetCommand& command, Duration length) {
  if (command.socket.known && command.socket.send_window == 0)
    return {length, "local", "the answer waited at the target because we did not read"};
  return {length, "network_in", "the target could not get the answer out"};
}

Stretch returning(const TargetCommand& command, Duration length) {
  if (command.stage == "unacknowledged" || command.acknowledged)
    return {length, "network_in", "the target sent the answer, and our machine did not acknowledge it"};
  return {length, "network_in", "the answer had left the target and was not here", true};
}

std::vector<Stretch> Joiner::stretches(const TargetCommand& command, Duration sent, Duration end,
                                       const ClockOffset& clock) const {
  std::vector<Stretch> all;
  Duration pauses{};
  const auto add = [&](Duration from, Duration to, const auto& what) {
    if (to <= from) return;
    const Duration idle = paused(from, to, clock);
    pauses += idle;
    all.push_back(what(to - from - idle));
  };
  const auto moment = [&](const std::optional<Instant>& at) { return at ? in_run(*at, clock) : end; };
  const Duration received = in_run(command.received, clock);
  add(sent, received, [](Duration length) {
    return Stretch{length, "network_out", "it was sent, and did not come to the target", true};
  });
  add(received, moment(command.in_hand), [&](Duration length) { return gathering(command, length); });
  if (command.in_hand)
    add(moment(command.in_hand), moment(command.store_started), [](Duration length) {
      return Stretch{length, "backend", "the target had it wait for other commands"};
    });
  if (command.store_started)
    add(moment(command.store_started), moment(command.store_done), [](Duration length) {
      return Stretch{length, "backend", "the target's store had it"};
    });
  if (command.store_done)
    add(moment(command.store_done), moment(command.sent), [&](Duration length) { return sending(command, length); });
  if (command.sent) add(moment(command.sent), end, [&](Duration length) { return returning(command, length); });
  all.push_back({pauses, "peer_process", "the target's process did not run"});
  return all;
}

Joiner::Verdict Joiner::judge(const TargetCommand& command, Duration sent, Duration end,
                              const ClockOffset& clock) const {
  Verdict verdict;
  const std::vector<Stretch> all = stretches(command, sent, end, clock);
  const auto longest = std::max_element(all.begin(), all.end(),
                                        [](const Stretch& a, const Stretch& b) { return a.length < b.length; });
  for (const Stretch& one : all)
    if (one.length >= (end - sent) / 20)
      verdict.because.push_back(fmt::format("for {} {}", duration_text(one.length), one.words));
  if (longest->length * 2 < end - sent) return verdict;
  if (longest->by_clocks && (clock.basis == ClockBasis::wall_clocks || longest->length <= 2 * clock.uncertainty)) {
    verdict.blame = "network";
    verdict.because.push_back("the clocks are not known well enough to say in which direction");
    return verdict;
  }
  verdict.blame = longest->blame;
  return verdict;
}

/// The target does not tell of it: it was quick there, or never came. Silence speaks before answers that were
/// not acknowledged, since what is lost on the way out takes acknowledgements along.
Joiner::Verdict Joiner::judge_unseen(Duration sent, Duration end, const ClockOffset& clock) const {
  const Duration waited = end - sent;
  if (paused(sent, end, clock) * 2 >= waited)
    return {"peer_process",
            {fmt::format("the target's process did not run for {} of it", duration_text(paused(sent, end, clock)))}};
  for (const TargetConnection* connection : connections_) {
    if (clock.basis == ClockBasis::wall_clocks) break;
    std::vector<TargetConnection::Silence> silences = connection->silences;
    // The one that had not ended when somebody looked.
    silences.push_back({connection->heard, connection->ended.value_or(dump_.taken), connection->exp_cmd_sn});
    for (const TargetConnection::Silence& silence : silences) {
      const Duration from = in_run(silence.from, clock), to = in_run(silence.to, clock);
      // What came last may have been sent a little later; had the operation come, its answer would be known.
      if (from - clock.uncertainty > sent + waited / 10 || std::min(to, end) - sent < waited / 2) continue;
      if (from > sent)
        return {"network",
                {fmt::format("the target got nothing for {}; what it got last came {} after this was sent and may have "
                             "been this one, so which direction was lost it does not say",
                             duration_text(to - from), duration_text(from - sent))}};
      return {"network_out",
              {fmt::format("it was sent {} after the last thing that the target got from us, and then the target got "
                           "nothing for {}",
                           duration_text(sent - from), duration_text(to - from))}};
    }
  }
  for (const TargetCommand& command : dump_.commands) {
    const bool late = is_ours(command.session) && command.sent &&
                      (command.stage == "unacknowledged" || command.acknowledged);
    if (!late) continue;
    const Duration from = in_run(*command.sent, clock);
    const Duration to = in_run(command.acknowledged.value_or(command.until), clock);
    if (std::min(to, end) - std::max(from, sent) >= waited / 2)
      return {"network_in",
              {fmt::format("other answers of that time were not acknowledged by our machine for {}",
                           duration_text(to - from))}};
  }
  if (clock.basis == ClockBasis::wall_clocks) return {"unknown", {"the target tells nothing of it"}};
  return {"unknown",
          {fmt::format("the target heard from us all the time, was not slow by its limit of {}, and its answers were "
                       "acknowledged: what was lost was lost at our end, or the target does not remember it any more",
                       duration_text(dump_.limit))}};
}

void Joiner::add_steps(const TargetCommand& command, const ClockOffset& clock, std::vector<JoinedStep>& steps) const {
  const auto add = [&](const std::optional<Instant>& at, const char* what) {
    if (at) steps.push_back({true, in_run(*at, clock), what});
  };
  add(command.received, "received");
  add(command.in_hand, command.data_out_wanted > 0 ? "its data in hand" : "memory in hand");
  add(command.store_started, "store started");
  add(command.store_done, "store done");
  add(command.sent, "answer sent");
  add(command.acknowledged, "answer acknowledged by our machine");
  if (command.stuck) add(command.until, "looked at: still not over");
  if (!command.stuck && command.aborted) add(command.until, "aborted");
}

std::string name_of(const TargetCommand* command, const OverdueOperation& operation) {
  return fmt::format("{}ITT {:08x}h", command == nullptr ? "" : printable_text(command->command) + ", ", operation.itt);
}

JoinedOperation Joiner::join(const OverdueOperation& operation, Duration end, const ClockOffset& clock,
                             Verdict& verdict) const {
  const TargetCommand* command = find(operation, end, clock);
  JoinedOperation joined{.operation = operation, .words = name_of(command, operation), .known_to_target = command != nullptr};
  joined.steps.push_back({false, operation.sent, "sent"});
  joined.steps.push_back({false, operation.seen, "still without an answer"});
  if (command != nullptr) add_steps(*command, clock, joined.steps);
  std::stable_sort(joined.steps.begin(), joined.steps.end(),
                   [](const JoinedStep& a, const JoinedStep& b) { return a.at < b.at; });
  verdict = command != nullptr ? judge(*command, operation.sent, end, clock) : judge_unseen(operation.sent, end, clock);
  return joined;
}

/// The record does not say which operations were overdue: what the target found slow at that time.
void Joiner::add_what_was_slow_then(const PathEvent& event, JoinedEvent& joined, const ClockOffset& clock) const {
  const Duration end = event.at + event.lasted;
  const TargetCommand* worst = nullptr;
  Duration most{};
  for (const TargetCommand& command : dump_.commands) {
    const Duration from = std::max(in_run(command.received, clock), event.at);
    const Duration within = std::min(in_run(command.until, clock), end) - from;
    if (!is_ours(command.session) || within <= most) continue;
    most = within;
    worst = &command;
  }
  Verdict verdict;
  if (worst != nullptr) {
    OverdueOperation operation{.itt = worst->itt, .cdb = worst->cdb, .sent = in_run(worst->received, clock), .seen = end};
    JoinedOperation one{.operation = operation, .words = name_of(worst, operation), .known_to_target = true};
    add_steps(*worst, clock, one.steps);
    joined.operations.push_back(std::move(one));
    verdict = judge(*worst, operation.sent, end, clock);
    if (verdict.blame == "network_in" && worst->sent && (worst->acknowledged || worst->stage == "unacknowledged")) {
      // Whether it was this one that we missed is not known: its answer may have come, and its acknowledgement not.
      verdict.blame = "network";
      verdict.because.push_back("whether the answer was lost or its acknowledgement, the record does not say");
    }
  } else {
    verdict = judge_unseen(event.at, end, clock);
  }
  joined.blame = verdict.blame;
  joined.because = verdict.because;
}

JoinedEvent Joiner::join(std::size_t place) const {
  const PathEvent& event = run_.events[place];
  const Duration end = event.at + event.lasted + event.loop_late;
  const ClockOffset clock = clock_at(event.at);
  JoinedEvent joined{.event = place};
  for (const OverdueOperation& operation : run_.overdue[place]) {
    Verdict verdict;
    joined.operations.push_back(join(operation, end, clock, verdict));
    // The one that waited longest comes first; the others speak where it does not settle anything.
    if (joined.because.empty() || (joined.blame == "unknown" && verdict.blame != "unknown")) {
      joined.blame = verdict.blame;
      joined.because = verdict.because;
    }
  }
  if (joined.operations.empty()) add_what_was_slow_then(event, joined, clock);
  // A direction that our own end could tell is no less certain for what the target leaves open.
  const bool told = event.blame == "network_out" || event.blame == "network_in";
  if (joined.blame == "network" && told) joined.blame = event.blame;
  return joined;
}

bool matters(EventKind kind) {
  return kind == EventKind::stall || kind == EventKind::hang || kind == EventKind::outage;
}

}  // namespace

Result<TargetJoin> join_with_target(const RunView& run, const TargetDump& dump) {
  if (run.sessions.empty())
    return Error{ErrorKind::invalid_input, EINVAL,
                 "the record does not say which session the run had: it is not of iSCSI, or of an older holdfast"};
  const Joiner joiner(run, dump);
  if (const std::optional<Error> refusal = joiner.refusal()) return *refusal;
  TargetJoin join;
  join.target = fmt::format("holdfastd {} on {}", printable_text(dump.version), printable_text(dump.host));
  join.clock = joiner.clock_at(run.time / 2);
  join.clock_words = joiner.words_of_clock(join.clock);
  for (std::size_t place = 0; place < run.events.size(); ++place)
    if (matters(run.events[place].kind)) join.events.push_back(joiner.join(place));
  return join;
}

}  // namespace holdfast::initiator
