#include <algorithm>
#include <fmt/format.h>
#include <string_view>

#include "initiator/report/format.h"
#include "initiator/report/html_text.h"
#include "initiator/report/load_text.h"
#include "initiator/report/page_sections.h"
#include "initiator/report/run_text.h"

namespace holdfast::initiator {
namespace {

constexpr std::size_t remarks_shown = 20;  // the rest is folded

std::string figure(std::string_view name, const std::string& value, const std::string& more = "") {
  std::string html = fmt::format("<div><dt>{}</dt><dd>{}", name, value);
  if (!more.empty()) html += "<small>" + more + "</small>";
  return html + "</dd></div>\n";
}

std::string copy_figures(const RunRecord::Totals& totals) {
  return figure("Copied", bytes_text(totals.bytes), count_text(totals.files, "file", "files")) +
         figure("Copy time", html_time(totals.copy_time),
                rate_text(totals.bytes, totals.copy_time));
}

std::string load_figures(const LoadFigures& load) {
  return figure("Operations", count_text(load.operations(), "", ""),
                fmt::format("{} of {} in {}", html_text(load.access), bytes_text(load.block_bytes),
                            html_time(load.time))) +
         figure("A second", fmt::format("{:.0f}", load.rate()), rate_text(load.bytes(), load.time));
}

/// What went on beside a copy.
std::string pressure_figures(const RunRecord::Pressure& pressure) {
  std::string html;
  const auto add = [&html](std::string_view name, const LatencySummary& latency) {
    html += figure(name, html_time(latency.p99), "median " + html_time(latency.p50));
  };
  if (pressure.read_latency.count > 0) add("Readers, p99", pressure.read_latency);
  if (pressure.lock_waits.count > 0) add("Locks, p99", pressure.lock_waits);
  return html;
}

std::string figures(const RunRecord& record) {
  const RunRecord::Totals& totals = record.totals;
  std::string html = "<dl class=\"figures\">\n";
  html += record.load ? load_figures(*record.load) : copy_figures(totals);
  if (record.workload.verify && totals.verify_time > Duration(0))
    html += figure("Verified in", html_time(totals.verify_time),
                   record.workload.mismatches == 0
                       ? "nothing differs"
                       : count_text(record.workload.mismatches, "difference", "differences"));
  html += figure("Worst gap", html_time(totals.worst_gap),
                 "own loop late " + html_time(totals.worst_lateness));
  html += figure("Latency, p99", html_time(record.latency.p99),
                 "median " + html_time(record.latency.p50));
  html += pressure_figures(record.pressure);
  if (totals.wire.requests > 0)
    html += figure("Requests", count_text(totals.wire.requests, "", ""),
                   totals.wire.bytes_sent + totals.wire.bytes_received == 0
                       ? ""
                       : bytes_text(totals.wire.bytes_sent) + " out, " +
                             bytes_text(totals.wire.bytes_received) + " in");
  if (record.generator.time > Duration(0))
    html += figure(
        "This tool", fmt::format("{:.0f} %", record.generator_share() * 100),
        record.generator_saturated() ? "<span class=\"mark\">saturated</span>" : "of a processor");
  return html + "</dl>\n";
}

std::string chart(std::string_view kind, std::string_view title, std::string_view height) {
  return fmt::format(
      "<figure><figcaption><b>{}</b></figcaption><div class=\"chart{}\" data-chart=\"{}\" "
      "role=\"img\" "
      "aria-label=\"{} over time\"></div></figure>\n",
      title, height, kind, title);
}

std::string charts(const Page::Destination& destination) {
  const auto any = [&destination](auto&& has) {
    return std::any_of(
        destination.runs.begin(), destination.runs.end(), [&has](const Page::Run& run) {
          return std::any_of(run.record->timeline.begin(), run.record->timeline.end(), has);
        });
  };
  if (!any([](const TimelineRow&) { return true; })) return "";
  std::string html = "<div class=\"charts charts-only\">";
  if (destination.runs.size() > 1) {
    html += "<div class=\"choices\" role=\"group\" aria-label=\"Run\">";
    for (std::size_t i = 0; i < destination.runs.size(); ++i)
      html += fmt::format("<button type=\"button\" data-run=\"{}\" aria-pressed=\"{}\">{}</button>",
                          i, i == destination.shown ? "true" : "false",
                          html_text(destination.runs[i].label));
    html += "</div>\n";
  }
  html += chart("latency", "Latency", "");
  html += chart("throughput", "Throughput", " low");
  if (any([](const TimelineRow& row) { return row.readers.operations > 0; }))
    html += chart("readers", "Readers", " low");
  if (any([](const TimelineRow& row) { return row.locks.operations > 0; }))
    html += chart("locks", "Locks", " low");
  return html +
         "<p class=\"hint\">Drag, or pinch, to zoom; double-click or double-tap to see all of it "
         "again.</p></div>\n";
}

std::string latency_table(const RunRecord& record) {
  std::string html =
      "<div class=\"scroll\"><table><thead><tr><th>Operation</th><th class=\"number\">Count</th>"
      "<th class=\"number\">Min</th><th class=\"number\">Median</th><th class=\"number\">p90</th>"
      "<th class=\"number\">p99</th><th class=\"number\">p99.9</th><th "
      "class=\"number\">Max</th></tr></thead><tbody>\n";
  const auto row = [&html](std::string_view name, const LatencySummary& one) {
    html += fmt::format("<tr><td>{}</td><td class=\"number\">{}</td>", name, one.count);
    for (const Duration time : {one.min, one.p50, one.p90, one.p99, one.p99_9, one.max})
      html +=
          fmt::format("<td class=\"number\">{:.0f}</td>", static_cast<double>(time.count()) / 1000);
    html += "</tr>\n";
  };
  if (record.load)
    for (const auto& [name, latency] : load_latencies(*record.load))
      if (latency->count > 0) row(name, *latency);
  for (std::size_t kind = 0; kind < operation_kinds && !record.load; ++kind) {
    if (record.latency_by_operation[kind].count == 0) continue;
    std::string words = to_string(static_cast<OperationKind>(kind));
    std::replace(words.begin(), words.end(), '_', ' ');
    row(words, record.latency_by_operation[kind]);
  }
  row("all", record.latency);
  return html + "</tbody></table></div>\n";
}

std::string latency_tables(const Page::Destination& destination) {
  std::string html;
  for (const Page::Run& run : destination.runs) {
    if (run.record->latency.count == 0) continue;
    std::string title = "Latency by operation, µs";
    if (!run.label.empty()) title += ", " + html_text(run.label);
    const std::string table = latency_table(*run.record);
    html += destination.runs.size() == 1
                ? "<h3>" + title + "</h3>\n" + table
                : "<details><summary>" + title + "</summary>" + table + "</details>\n";
  }
  return html;
}

std::string remarks(std::string_view title, std::uint64_t count,
                    const std::vector<FileRemark>& list) {
  if (count == 0) return "";
  std::string html = fmt::format("<h3>{}</h3>\n<ul class=\"plain\">", title);
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i == remarks_shown)
      html += fmt::format("</ul><details><summary>{} more</summary><ul class=\"plain\">",
                          count - remarks_shown);
    html += "<li class=\"break\">" + html_name(list[i].path) + ": " + html_text(list[i].what) +
            "</li>\n";
  }
  if (count > list.size())
    html +=
        fmt::format("<li>… and {} more, which the record does not name</li>", count - list.size());
  return html + (list.size() > remarks_shown ? "</ul></details>\n" : "</ul>\n");
}

std::string left_out(const RunRecord& record) {
  if (record.left_out.empty()) return "";
  std::string html =
      "<h3>Left out, since this destination cannot carry it</h3>\n<ul class=\"plain\">";
  for (const RunRecord::LeftOut& one : record.left_out)
    html += fmt::format("<li>{} of {}: {}</li>\n", html_text(one.what),
                        count_text(one.nodes, "node", "nodes"), html_text(one.why));
  return html + "</ul>\n";
}

std::string negotiated(const RunRecord& record) {
  if (record.destination.negotiated.empty()) return "";
  std::string html = "<details><summary>What was agreed with it</summary><dl class=\"facts\">";
  for (const auto& [key, value] : record.destination.negotiated)
    html += "<dt>" + html_text(key) + "</dt><dd>" + html_text(value) + "</dd>\n";
  return html + "</dl></details>\n";
}

/// What the verdict's line says but for its first word, which the chip says.
std::string words_after_verdict(const RunRecord& record) {
  const std::string line = verdict_line(record);
  const std::size_t colon = line.find(": ");
  return colon == std::string::npos ? line : line.substr(colon + 2);
}

}  // namespace

std::string destination_section(const Page& page, std::size_t place) {
  const Page::Destination& destination = page.destinations[place];
  if (destination.runs.empty()) return "";  // The table says why.
  std::string html =
      fmt::format("<section id=\"d{}\" data-destination=\"{}\" style=\"--hue: var(--c{})\">\n",
                  place, place, place % 8);
  if (page.comparison)
    html += "<h2>" + swatch(place) + html_name(destination.label) + "</h2>\n";
  else
    html += "<h2>The run</h2>\n";
  const RunRecord& shown = *destination.runs[destination.shown].record;
  if (page.comparison) {
    html += "<p class=\"break\">" + html_name(destination.url) + "</p>\n<ul class=\"runs\">";
    for (const Page::Run& run : destination.runs)
      html += fmt::format("<li>{}{} <span class=\"soft\">{}</span></li>\n",
                          run.label.empty() ? "" : html_text(run.label) + " ",
                          verdict_chip(*run.record), html_text(words_after_verdict(*run.record)));
    html += "</ul>\n";
  }
  html += figures(shown) + charts(destination);
  html += "<h3>Events</h3>\n" + events_table(destination);
  html += remarks("Not copied as they are", shown.workload.problems, shown.workload.problem_list);
  html +=
      remarks("Different when read back", shown.workload.mismatches, shown.workload.mismatch_list);
  html += left_out(shown) + latency_tables(destination) + negotiated(shown);
  return html + "</section>\n";
}

}  // namespace holdfast::initiator
