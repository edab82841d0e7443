#include <algorithm>
#include <cerrno>
#include <ctime>
#include <map>
#include <optional>
#include <utility>

#include "initiator/report/json_value.h"
#include "initiator/report/target_join.h"

namespace holdfast::initiator {
namespace {

constexpr std::size_t operations_max = 8;  // of one event

/// Records from before there was a list have the last one among what was negotiated.
std::vector<SessionIdentity> sessions_in(const Json& destination) {
  std::vector<SessionIdentity> sessions;
  for (const Json& one : list_in(destination, "sessions")) {
    SessionIdentity session{value_of<std::string>(one, "InitiatorName"), value_of<std::string>(one, "ISID"),
                            value_of<std::uint16_t>(one, "TSIH")};
    if (!session.initiator.empty() && !session.isid.empty()) sessions.push_back(std::move(session));
  }
  if (!sessions.empty()) return sessions;
  std::map<std::string, std::string> negotiated;
  for (const auto& [key, value] : child(destination, "negotiated").items()) negotiated[key] = value.get<std::string>();
  if (std::optional<SessionIdentity> session = SessionIdentity::of(negotiated)) sessions.push_back(std::move(*session));
  return sessions;
}

/// "2026-11-22T12:00:00Z", or 0.
std::int64_t unix_ns_of(const std::string& text) {
  std::tm parts{};
  if (::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr) return 0;
  const std::int64_t seconds = ::timegm(&parts);
  return std::clamp<std::int64_t>(seconds, 0, 1LL << 32) * 1'000'000'000;
}

/// The operations that were the oldest without an answer when somebody looked, those that waited longest first.
std::vector<OverdueOperation> overdue_in(const Json& event) {
  std::vector<OverdueOperation> all;
  for (const Json& sample : list_in(event, "samples")) {
    if (!sample.contains("oldest_tag")) continue;
    const Duration at = seconds_in(sample, "at_s");
    OverdueOperation one{.itt = static_cast<std::uint32_t>(value_of<std::uint64_t>(sample, "oldest_tag")),
                         .cdb = value_of<std::string>(sample, "oldest_cdb"),
                         .sent = at - seconds_in(sample, "oldest_age_s"),
                         .seen = at};
    const auto known = std::find_if(all.begin(), all.end(), [&](const OverdueOperation& other) {
      return other.itt == one.itt && other.cdb == one.cdb && other.seen >= one.sent;
    });
    if (known != all.end())
      known->seen = std::max(known->seen, at);
    else
      all.push_back(std::move(one));
  }
  std::stable_sort(all.begin(), all.end(), [](const OverdueOperation& a, const OverdueOperation& b) {
    return a.seen - a.sent > b.seen - b.sent;
  });
  // Beside it stand those that were looked at before it was overdue, and were soon answered.
  std::erase_if(all, [longest = all.empty() ? Duration() : all.front().seen - all.front().sent](
                         const OverdueOperation& one) { return (one.seen - one.sent) * 2 < longest; });
  if (all.size() > operations_max) all.resize(operations_max);
  return all;
}

PathEvent event_in(const Json& json) {
  PathEvent event;
  event.kind = named<EventKind>(value_of<std::string>(json, "kind"), event_kinds);
  event.at = seconds_in(json, "at_s");
  event.lasted = seconds_in(json, "lasted_s");
  event.loop_late = seconds_in(json, "loop_late_s");
  event.blame = value_of<std::string>(json, "blame", "unknown");
  return event;
}

RunView view_in(const Json& json) {
  require_schema(json, run_schema);
  RunView run;
  const Json& workload = child(json, "workload");
  run.sessions = sessions_in(child(json, "destination"));
  run.started = Instant(Duration(std::clamp<std::int64_t>(value_of<std::int64_t>(workload, "started_ns"), 0, 1LL << 61)));
  run.started_unix_ns = unix_ns_of(value_of<std::string>(workload, "started"));
  run.boot_id = value_of<std::string>(child(json, "machine"), "boot_id");
  run.time = seconds_in(child(json, "totals"), "seconds");
  for (const Json& one : list_in(json, "events")) {
    run.events.push_back(event_in(one));
    run.overdue.push_back(overdue_in(one));
  }
  return run;
}

}  // namespace

Result<RunView> run_view_from_json(std::string_view text) {
  try {
    return view_in(Json::parse(text));
  } catch (const Json::exception& error) {
    return Error{ErrorKind::invalid_input, EINVAL, "this is no record of a run: " + words_of(error)};
  }
}

}  // namespace holdfast::initiator
