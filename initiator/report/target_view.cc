#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <utility>

#include "initiator/report/json_value.h"
#include "initiator/report/target_join.h"

namespace holdfast::initiator {
namespace {

constexpr std::size_t operations_max = 8;  // of one event

std::optional<SessionIdentity> session_in(const Json& negotiated) {
  SessionIdentity session{value_of<std::string>(negotiated, "InitiatorName"), value_of<std::string>(negotiated, "ISID"), 0};
  const auto tsih = value_of<std::string>(negotiated, "TSIH");
  const auto [end, error] = std::from_chars(tsih.data(), tsih.data() + tsih.size(), session.tsih);
  const bool whole = !tsih.empty() && error == std::errc() && end == tsih.data() + tsih.size();
  if (session.initiator.empty() || session.isid.empty() || !whole) return std::nullopt;
  return session;
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
  run.session = session_in(child(child(json, "destination"), "negotiated"));
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
