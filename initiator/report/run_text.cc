#include "initiator/report/run_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "initiator/report/format.h"
#include "initiator/report/load_text.h"
#include "initiator/report/stacks.h"

namespace holdfast::initiator {
namespace {

constexpr std::size_t events_shown = 20;
constexpr std::size_t remarks_shown = 20;
constexpr std::size_t in_flight_shown = 16;

/// Appends a formatted line.
template <typename... Arguments>
void line(std::string& text, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  fmt::format_to(std::back_inserter(text), format, std::forward<Arguments>(arguments)...);
  text += '\n';
}

void describe_run(std::string& text, const RunRecord& record) {
  line(text, "{} {} -> {}", record.workload.kind, printable_text(record.workload.source),
       printable_text(record.destination.url));
  if (record.destination.transport.empty()) return;
  std::string facts = fmt::format("  destination  {}, {}", record.destination.transport,
                                  bytes_text(record.destination.bytes));
  for (const char* key : {"vendor", "product", "serial", "engine"}) {
    const auto found = record.destination.negotiated.find(key);
    if (found != record.destination.negotiated.end() && !found->second.empty())
      facts += ", " + printable_text(found->second);
  }
  const auto connections = record.destination.negotiated.find("connections");
  if (connections != record.destination.negotiated.end())
    facts += fmt::format(", {} connection{}", printable_text(connections->second), connections->second == "1" ? "" : "s");
  line(text, "{}", facts);
  std::string agreed;
  for (const char* key : {"HeaderDigest", "DataDigest", "InitialR2T", "ImmediateData", "FirstBurstLength", "MaxBurstLength",
                          "MaxRecvDataSegmentLength", "MaxOutstandingR2T", "congestion_control"}) {
    const auto found = record.destination.negotiated.find(key);
    if (found != record.destination.negotiated.end())
      agreed += fmt::format("{}{}={}", agreed.empty() ? "" : " ", key, printable_text(found->second));
  }
  if (!agreed.empty()) line(text, "  agreed on    {}", agreed);
}

void describe_work(std::string& text, const RunRecord& record) {
  if (record.load) {
    text += load_lines(record);
    return;
  }
  const RunRecord::Totals& totals = record.totals;
  line(text, "  copied       {}, {}, {}, {}: {} in {} ({})", count_text(totals.files, "file", "files"),
       count_text(totals.directories, "directory", "directories"), count_text(totals.links, "link", "links"),
       count_text(totals.others, "other", "others"), bytes_text(totals.bytes), duration_text(totals.copy_time),
       rate_text(totals.bytes, totals.copy_time));
  if (record.workload.verify && totals.verify_time > Duration(0))
    line(text, "  verified     {} in {} ({}): {}", bytes_text(totals.verified_bytes),
         duration_text(totals.verify_time), rate_text(totals.verified_bytes, totals.verify_time),
         record.workload.mismatches == 0
             ? "nothing differs"
             : count_text(record.workload.mismatches, "difference", "differences"));
}

std::string wire_text(const WireUse& wire) {
  std::string text = count_text(wire.requests, "request", "requests");
  if (wire.bytes_sent + wire.bytes_received > 0)
    text += fmt::format(", {} sent, {} received", bytes_text(wire.bytes_sent), bytes_text(wire.bytes_received));
  return text;
}

void describe_cost(std::string& text, const RunRecord& record) {
  const RunRecord::Totals& totals = record.totals;
  if (totals.wire.requests > 0) line(text, "  on the wire  {}", wire_text(totals.wire));
  if (totals.verify_wire.requests > 0) line(text, "    to verify  {}", wire_text(totals.verify_wire));
  line(text, "  this tool    {:.0f} % of a processor{}{}", record.generator_share() * 100,
       record.load && record.load->poll > Duration(0)
           ? fmt::format(", polling for {} before it sleeps", duration_text(record.load->poll))
           : "",
       record.generator_saturated() ? "; it was SATURATED: the path may be able to do more" : "");
}

void describe_left_out(std::string& text, const RunRecord& record) {
  for (const RunRecord::LeftOut& one : record.left_out)
    line(text, "  not kept     {} of {}: {}", printable_text(one.what), count_text(one.nodes, "node", "nodes"),
         printable_text(one.why));
}

std::vector<LatencyRow> latencies(const RunRecord& record) {
  if (record.load) return load_latencies(*record.load);
  std::vector<LatencyRow> rows;
  for (std::size_t kind = 0; kind < operation_kinds; ++kind)
    rows.push_back({to_string(static_cast<OperationKind>(kind)), &record.latency_by_operation[kind]});
  return rows;
}

std::string latency_words(const LatencySummary& latency) {
  if (latency.count == 0) return "none";
  return fmt::format("p50 {}, p99 {}, worst {}", duration_text(latency.p50), duration_text(latency.p99),
                     duration_text(latency.max));
}

void describe_pressure(std::string& text, const RunRecord& record) {
  const RunRecord::Pressure& pressure = record.pressure;
  if (pressure.readers > 0)
    line(text, "  readers      {}: {}, {}; {}", pressure.readers, count_text(pressure.reads, "read", "reads"),
         bytes_text(pressure.bytes), latency_words(pressure.read_latency));
  if (pressure.locks)
    line(text, "  locks        {} exclusive, {} shared; waited {}{}", pressure.locks_exclusive, pressure.locks_shared,
         latency_words(pressure.lock_waits),
         pressure.locks_refused.empty() ? "" : "; then refused: " + printable_text(pressure.locks_refused));
}

void describe_latency(std::string& text, const RunRecord& record) {
  if (record.latency.count == 0) return;
  line(text, "  {:<12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}", "latency", "count", "p50", "p90", "p99", "p99.9", "max");
  for (const auto& [name, latency] : latencies(record)) {
    if (latency->count == 0) continue;
    line(text, "  {:>12} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}", name, latency->count, duration_text(latency->p50),
         duration_text(latency->p90), duration_text(latency->p99), duration_text(latency->p99_9),
         duration_text(latency->max));
  }
  line(text, "  worst gap    {}; our own loop was late by at most {}", duration_text(record.totals.worst_gap),
       duration_text(record.totals.worst_lateness));
}

void describe_remarks(std::string& text, const char* title, std::uint64_t count,
                      const std::vector<FileRemark>& remarks) {
  if (count == 0) return;
  line(text, "  {}", title);
  const std::size_t shown = std::min(remarks.size(), remarks_shown);
  for (std::size_t i = 0; i < shown; ++i)
    line(text, "    {}: {}", printable_text(remarks[i].path), printable_text(remarks[i].what));
  if (count > shown) line(text, "    … and {} more", count - shown);
}

Duration longest(const RunRecord& record, EventKind kind) {
  Duration most{};
  for (const PathEvent& event : record.events)
    if (event.kind == kind) most = std::max(most, event.lasted);
  return most;
}

std::string what_was_done(const RunRecord& record) {
  if (record.load) return load_done(record);
  return fmt::format("{}, {} in {}", count_text(record.totals.files, "file", "files"),
                     bytes_text(record.totals.bytes), duration_text(record.totals.time));
}

/// What the verdict line says of stalls, and of connections that came back.
std::string steadiness(const RunRecord& record) {
  const std::uint64_t stalls = record.count(EventKind::stall);
  const std::uint64_t reconnects = record.count(EventKind::reconnect);
  std::string words;
  if (stalls > 0)
    words = fmt::format("{} of {} or more, the longest {}", count_text(stalls, "stall", "stalls"),
                        duration_text(record.workload.stall_limit), duration_text(longest(record, EventKind::stall)));
  if (reconnects > 0)
    words += fmt::format("{}{}, the longest after {}", words.empty() ? "" : "; ",
                         count_text(reconnects, "reconnect", "reconnects"),
                         duration_text(longest(record, EventKind::reconnect)));
  return words.empty() ? fmt::format("worst gap {}", duration_text(record.totals.worst_gap)) : words;
}

}  // namespace

std::string operation_text(const InFlightOperation& operation) {
  std::string text = to_string(operation.kind);
  if (operation.bytes > 0)
    text += fmt::format(" of {} at {} {}", bytes_text(operation.bytes), operation.on_file ? "byte" : "LBA",
                        operation.lba);
  if (!operation.file.empty()) text += " for " + printable_text(operation.file);
  return text;
}

int weight_of(EventKind kind) {
  constexpr int weights[event_kinds] = {1, 3, 4, 5, 0, 2, 3};
  return weights[static_cast<std::size_t>(kind)];
}

bool weighs_more(const PathEvent& a, const PathEvent& b) {
  const int left = weight_of(a.kind);
  const int right = weight_of(b.kind);
  return left != right ? left > right : a.lasted > b.lasted;
}

namespace {

/// "blame: network, the peer silent"; empty where nobody asked.
std::string blame_text(const PathEvent& event) {
  if (event.blame == "unknown" && event.peer.empty()) return "";
  std::string text = "blame: " + printable_text(event.blame);
  if (!event.peer.empty() && event.peer != "unknown") text += ", peer: " + printable_text(event.peer);
  return text;
}

std::string event_head(const PathEvent& event) {
  std::string text = to_string(event.kind);
  if (event.has_operation)
    text += "  " + operation_text(event.operation);
  else if (!event.operation.file.empty())
    text += "  " + printable_text(event.operation.file);
  if (event.lasted > Duration(0))
    text += fmt::format(": {}{}", duration_text(event.lasted), event.open ? " so far" : "");
  if (event.has_operation && event.operation.age > event.lasted)
    text += fmt::format(", due {} ago", duration_text(event.operation.age));
  const bool timed = event.kind != EventKind::local_pause && event.kind != EventKind::mismatch;
  if (timed && event.has_operation)
    text += fmt::format(" (our own loop late {})", duration_text(event.loop_late));
  return text;
}

/// What led to an event's blame, a sentence a line.
void describe_reason(std::string& text, const PathEvent& event) {
  constexpr const char* indent = "                 ";
  if (const std::string blame = blame_text(event); !blame.empty()) line(text, "{}{}", indent, blame);
  for (const auto& [words, before] : {std::pair(event.evidence, "- "), std::pair(event.more, "? ")}) {
    std::string_view rest = words;
    while (!rest.empty()) {
      const std::string_view sentence = rest.substr(0, rest.find("; "));
      rest.remove_prefix(std::min(rest.size(), sentence.size() + 2));
      line(text, "{}{}{}", indent, before, printable_text(std::string(sentence)));
    }
  }
}

void describe_events(std::string& text, const RunRecord& record) {
  // Mismatches have a list of their own.
  std::vector<PathEvent> events;
  std::copy_if(record.events.begin(), record.events.end(), std::back_inserter(events),
               [](const PathEvent& event) { return event.kind != EventKind::mismatch; });
  if (events.empty()) return;
  std::string counts;
  for (std::size_t kind = 0; kind < event_kinds; ++kind) {
    const std::uint64_t count = record.totals.events[kind];
    if (count == 0 || kind == static_cast<std::size_t>(EventKind::mismatch)) continue;
    counts += fmt::format("{}{} {}", counts.empty() ? "" : ", ", count, to_string(static_cast<EventKind>(kind)));
  }
  line(text, "  events       {}", counts);
  const std::size_t all = events.size();
  if (all > events_shown) {
    std::stable_sort(events.begin(), events.end(), weighs_more);
    events.resize(events_shown);
    std::stable_sort(events.begin(), events.end(), [](const PathEvent& a, const PathEvent& b) { return a.at < b.at; });
    line(text, "    the {} worst of {}:", events_shown, all);
  }
  for (const PathEvent& event : events) {
    line(text, "    {:>9.3f} s  {}", seconds_of(event.at), event_head(event));
    describe_reason(text, event);
    const std::size_t shown = std::min(event.in_flight.size(), in_flight_shown);
    for (std::size_t i = 0; i < shown; ++i)
      line(text, "                 in flight for {}: {}", duration_text(event.in_flight[i].age),
           operation_text(event.in_flight[i]));
    if (event.in_flight.size() > shown)
      line(text, "                 … and {} more in flight", event.in_flight.size() - shown);
  }
}

}  // namespace

std::string reason_text(const PathEvent& event) {
  std::string text = blame_text(event);
  if (!event.evidence.empty()) text += (text.empty() ? "" : ": ") + printable_text(event.evidence);
  if (!event.more.empty()) text += "; would tell more: " + printable_text(event.more);
  return text;
}

std::string event_line(const PathEvent& event) {
  const std::string reason = reason_text(event);
  return event_head(event) + (reason.empty() ? "" : "; " + reason);
}

std::string verdict_line(const RunRecord& record) {
  const RunRecord::Workload& workload = record.workload;
  switch (record.verdict) {
    case Verdict::corrupt:
      return fmt::format("CORRUPT: {} between {} and what was read back",
                         count_text(workload.mismatches, "difference", "differences"),
                         record.load ? "what was written" : "the source");
    case Verdict::hung:
      if (record.count(EventKind::hang) == 0)
        return fmt::format("HUNG: the connection to the storage broke: {}", printable_text(workload.reason));
      return fmt::format("HUNG: an operation had no answer for {}", duration_text(longest(record, EventKind::hang)));
    default: break;
  }
  std::string held = steadiness(record);
  switch (workload.outcome) {
    case Outcome::interrupted: return fmt::format("INTERRUPTED after {}; {}", what_was_done(record), held);
    case Outcome::failed: return fmt::format("FAILED: {}; {}", printable_text(workload.reason), held);
    default: break;
  }
  if (workload.problems > 0)
    held += fmt::format("; {}", count_text(workload.problems, "file was not copied as it is", "files were not copied as they are"));
  return fmt::format("{}: {}; {}", record.verdict == Verdict::stalled ? "STALLED" : "STEADY", what_was_done(record),
                     held);
}

std::string to_text(const RunRecord& record) {
  std::string text;
  describe_run(text, record);
  describe_work(text, record);
  describe_left_out(text, record);
  describe_cost(text, record);
  describe_pressure(text, record);
  describe_latency(text, record);
  describe_events(text, record);
  text += stacks_text(record);
  describe_remarks(text, "not copied as they are:", record.workload.problems, record.workload.problem_list);
  describe_remarks(text, "different when read back:", record.workload.mismatches, record.workload.mismatch_list);
  line(text, "{}", verdict_line(record));
  return text;
}

}  // namespace holdfast::initiator
