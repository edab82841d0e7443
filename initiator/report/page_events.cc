#include <algorithm>
#include <fmt/format.h>
#include <string_view>
#include <vector>

#include "initiator/report/format.h"
#include "initiator/report/html_text.h"
#include "initiator/report/page_sections.h"
#include "initiator/report/run_text.h"

namespace holdfast::initiator {
namespace {

constexpr std::size_t events_shown = 25;           // the rest is folded
constexpr std::size_t in_flight_shown = 200;       // of an event
constexpr std::size_t in_flight_shown_max = 5000;  // of all of them

struct Told {
  const PathEvent* event = nullptr;
  const Page::Run* run = nullptr;
};

const char* tone_of(EventKind kind) {
  switch (kind) {
    case EventKind::hang:
    case EventKind::outage:
      return "hung";
    case EventKind::stall:
    case EventKind::hiccup:
    case EventKind::reconnect:
      return "stalled";
    case EventKind::mismatch:
      return "corrupt";
    case EventKind::local_pause:
      return "neutral";
  }
  return "neutral";
}

std::string words_of(EventKind kind) {
  std::string words = to_string(kind);
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

std::string subject_of(const PathEvent& event) {
  if (event.has_operation) return html_name(operation_text(event.operation));
  if (!event.operation.file.empty()) return html_name(event.operation.file);
  return event.kind == EventKind::local_pause ? "this process did not run" : "";
}

std::string evidence_of(const PathEvent& event) {
  std::vector<std::string> parts;
  if (!event.evidence.empty()) parts.push_back(html_text(event.evidence));
  if (!event.more.empty()) parts.push_back("would tell more: " + html_text(event.more));
  if (event.has_operation && event.operation.age > event.lasted)
    parts.push_back("due " + html_time(event.operation.age) + " before");
  if (event.kind != EventKind::local_pause && event.has_operation)
    parts.push_back("our own loop late " + html_time(event.loop_late));
  return fmt::format("{}", fmt::join(parts, "; "));
}

/// Whom it is blamed on, where somebody asked.
std::string blame_of(const PathEvent& event) {
  if (event.blame == "unknown" && event.peer.empty()) return "";
  std::string html = "<span class=\"sub\">blame: <b class=\"blame\">" + html_text(event.blame) + "</b>";
  if (!event.peer.empty() && event.peer != "unknown") html += ", peer: " + html_text(event.peer);
  return html + "</span>";
}

/// What was seen of the connection, look by look.
std::string samples_of(const PathEvent& event) {
  if (event.samples.empty()) return "";
  const auto cell = [](const auto& value) { return fmt::format("<td class=\"number\">{}</td>", value); };
  std::string html = fmt::format(
      "<details><summary>{} at the path</summary><table class=\"looks\"><thead><tr><th>at</th><th>owed</th>"
      "<th>oldest</th><th>NOP open</th><th>unacked</th><th>sent again</th><th>backoff</th><th>window</th>"
      "<th>last data in</th><th>last ACK in</th><th>in queue</th><th>out queue</th></tr></thead><tbody>",
      count_text(event.samples.size(), "look", "looks"));
  for (const PathSample& sample : event.samples) {
    const TcpState& tcp = sample.tcp;
    html += "<tr>" + cell(fmt::format("{:.2f} s", seconds_of(sample.at))) + cell(sample.owed) +
            cell(html_time(sample.oldest_age)) + cell(html_time(sample.ping_open)) + cell(tcp.unacked) +
            cell(tcp.segments_sent_again) + cell(static_cast<unsigned>(tcp.backoff)) + cell(tcp.send_window) +
            cell(fmt::format("{} ms", tcp.last_data_received_ms)) +
            cell(fmt::format("{} ms", tcp.last_ack_received_ms)) + cell(tcp.in_queue) + cell(tcp.out_queue) + "</tr>";
  }
  return html + "</tbody></table></details>";
}

std::string in_flight_list(const PathEvent& event, std::size_t& room) {
  if (event.in_flight.empty()) return "";
  const std::size_t shown = std::min({event.in_flight.size(), in_flight_shown, room});
  room -= shown;
  std::string html = fmt::format("<details><summary>{} in flight</summary><ul class=\"flight\">",
                                 count_text(event.in_flight.size(), "operation", "operations"));
  for (std::size_t i = 0; i < shown; ++i)
    html += fmt::format("<li><b>{}</b> {}</li>", html_time(event.in_flight[i].age),
                        html_name(operation_text(event.in_flight[i])));
  if (shown < event.in_flight.size())
    html += fmt::format("<li>… and {} more: the record has them all</li>",
                        event.in_flight.size() - shown);
  return html + "</ul></details>";
}

std::string event_row(const Told& told, bool several_runs, std::size_t& room) {
  const PathEvent& event = *told.event;
  std::string html =
      fmt::format("<tr><td class=\"number\" data-label=\"at\">{:.3f} s</td>", seconds_of(event.at));
  if (several_runs) html += "<td data-label=\"in\">" + html_text(told.run->label) + "</td>";
  html += "<td>" + chip(tone_of(event.kind), words_of(event.kind)) + "</td>";
  html += fmt::format("<td class=\"number\" data-label=\"lasted\">{}{}</td>",
                      event.lasted > Duration(0) ? html_time(event.lasted) : "–",
                      event.open ? " so far" : "");
  html += "<td class=\"break\">" + subject_of(event) + blame_of(event);
  const std::string evidence = evidence_of(event);
  if (!evidence.empty()) html += "<span class=\"sub\">" + evidence + "</span>";
  html += samples_of(event) + in_flight_list(event, room);
  return html + "</td></tr>\n";
}

std::string table_of(const std::vector<Told>& events, bool several_runs, std::size_t& room) {
  std::string html = "<table class=\"events\"><thead><tr><th class=\"number\">At</th>";
  if (several_runs) html += "<th>Run</th>";
  html +=
      "<th>Event</th><th class=\"number\">Lasted</th><th>What was waiting, and the "
      "evidence</th></tr></thead><tbody>\n";
  for (const Told& told : events) html += event_row(told, several_runs, room);
  return html + "</tbody></table>\n";
}

std::string counts_of(const Page::Destination& destination) {
  std::string text;
  for (std::size_t kind = 0; kind < event_kinds; ++kind) {
    std::uint64_t count = 0;
    for (const Page::Run& run : destination.runs) count += run.record->totals.events[kind];
    if (count == 0) continue;
    const std::string words = words_of(static_cast<EventKind>(kind));
    text += (text.empty() ? "" : ", ") +
            count_text(count, words, words + (words.ends_with("ch") ? "es" : "s"));
  }
  return text;
}

}  // namespace

std::string events_table(const Page::Destination& destination) {
  std::vector<Told> events;
  std::uint64_t dropped = 0;
  for (const Page::Run& run : destination.runs) {
    for (const PathEvent& event : run.record->events) events.push_back({&event, &run});
    dropped += run.record->totals.events_dropped;
  }
  if (events.empty()) return "<p class=\"lead\">Nothing happened that is worth an event.</p>\n";
  const bool several_runs = destination.runs.size() > 1;
  std::vector<Told> rest;
  if (events.size() > events_shown) {
    std::stable_sort(events.begin(), events.end(),
                     [](const Told& a, const Told& b) { return weighs_more(*a.event, *b.event); });
    rest.assign(events.begin() + events_shown, events.end());
    events.resize(events_shown);
    const auto earlier = [](const Told& a, const Told& b) {
      return a.run != b.run ? a.run < b.run : a.event->at < b.event->at;
    };
    std::stable_sort(events.begin(), events.end(), earlier);
    std::stable_sort(rest.begin(), rest.end(), earlier);
  }
  std::size_t room = in_flight_shown_max;
  std::string html = "<p class=\"lead\">" + counts_of(destination) +
                     (rest.empty() ? "." : "; the worst of them:") + "</p>\n";
  html += "<div class=\"scroll\">" + table_of(events, several_runs, room) + "</div>\n";
  if (!rest.empty())
    html +=
        fmt::format("<details><summary>{} more</summary><div class=\"scroll\">{}</div></details>\n",
                    rest.size(), table_of(rest, several_runs, room));
  if (dropped > 0)
    html += "<p class=\"note\">" + count_text(dropped, "event more was", "events more were") +
            " counted but not kept.</p>\n";
  return html;
}

}  // namespace holdfast::initiator
