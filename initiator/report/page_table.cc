#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <string_view>

#include "initiator/report/html_text.h"
#include "initiator/report/page_sections.h"

namespace holdfast::initiator {
namespace {

/// A column of numbers: all of them in the unit that its head names, so that they can be compared
/// at a glance, and copied.
struct Column {
  const char* head;
  const char* unit;
  std::string (*cell)(const Page& page, std::size_t place);
};

constexpr double mebibyte = 1024 * 1024;

/// Three digits where they say something.
std::string number(double value) {
  if (value == 0) return "0";
  const int decimals =
      std::clamp(2 - static_cast<int>(std::floor(std::log10(std::abs(value)))), 0, 3);
  return fmt::format("{:.{}f}", value, decimals);
}

const DestinationSummary& summary(const Page& page, std::size_t place) {
  return *page.destinations[place].summary;
}

template <Figure figure, int divisor = 1>
std::string median(const Page& page, std::size_t place) {
  const Spread& spread = summary(page, place)[figure];
  return spread.count == 0 ? "–" : number(spread.median / divisor);
}

template <Figure figure, int divisor = 1>
std::string most(const Page& page, std::size_t place) {
  const Spread& spread = summary(page, place)[figure];
  return spread.count == 0 ? "–" : number(spread.max / divisor);
}

template <Figure figure>
std::string whole(const Page& page, std::size_t place) {
  const Spread& spread = summary(page, place)[figure];
  return spread.count == 0 ? "–" : fmt::format("{:.0f}", spread.median);
}

std::string copy_range(const Page& page, std::size_t place) {
  const Spread& spread = summary(page, place)[Figure::copy_seconds];
  return spread.count < 2 ? "–" : number(spread.min) + " – " + number(spread.max);
}

/// The rate, and below it a bar with what the rounds ranged over.
std::string rate(const Page& page, std::size_t place) {
  double best = 0;
  for (const Page::Destination& destination : page.destinations)
    if (destination.summary != nullptr)
      best = std::max(best, (*destination.summary)[Figure::mib_per_second].max);
  const Spread& spread = summary(page, place)[Figure::mib_per_second];
  if (spread.count == 0 || best <= 0) return "–";
  return number(spread.median) + fmt::format(
                                     "<span class=\"bar\" style=\"--share: {:.1f}%; --from: "
                                     "{:.1f}%; --to: {:.1f}%; --hue: var(--c{})\">"
                                     "</span>",
                                     100 * spread.median / best, 100 * spread.min / best,
                                     100 * spread.max / best, place % 8);
}

std::string rounds(const Page& page, std::size_t place) {
  const DestinationSummary& row = summary(page, place);
  const std::size_t finished =
      row.runs.size() - std::min<std::size_t>(row.runs.size(), row.unfinished);
  return finished == row.runs.size() ? std::to_string(finished)
                                     : fmt::format("{} of {}", finished, row.runs.size());
}

std::string interruptions(const Page& page, std::size_t place) {
  std::uint64_t stalls = 0;
  std::uint64_t hangs = 0;
  for (const RunRecord* run : summary(page, place).runs) {
    stalls += run->count(EventKind::stall);
    hangs += run->count(EventKind::hang) + run->count(EventKind::outage);
  }
  return fmt::format("{} / {}", stalls, hangs);
}

std::string processor(const Page& page, std::size_t place) {
  const Spread& spread = summary(page, place)[Figure::cpu_share];
  if (spread.count == 0) return "–";
  return (summary(page, place).saturated > 0 ? "<span class=\"mark\">saturated *</span> " : "") +
         fmt::format("{:.0f}", spread.median * 100);
}

constexpr Column result_columns[] = {
    {"Copy", "s, median", median<Figure::copy_seconds>},
    {"Range", "s", copy_range},
    {"Rate", "MiB/s", rate},
    {"Files", "per s", whole<Figure::files_per_second>},
    {"Worst gap", "ms",
     [](const Page& page, std::size_t place) {
       const Spread& spread = summary(page, place)[Figure::worst_gap];
       return spread.count == 0 ? std::string("–") : number(spread.max * 1000);
     }},
    {"Stalls / hangs", "in all rounds", interruptions},
    {"Rounds", "finished", rounds},
};

constexpr Column path_columns[] = {
    {"Median", "latency, ms", median<Figure::latency_p50, 1000>},
    {"p99", "latency, ms", median<Figure::latency_p99, 1000>},
    {"Max", "latency, ms", most<Figure::latency_max, 1000>},
    {"Read back", "s", median<Figure::verify_seconds>},
    {"Requests", "of its protocol", whole<Figure::wire_requests>},
    {"Sent", "MiB", median<Figure::wire_bytes_sent, static_cast<int>(mebibyte)>},
    {"Received", "MiB", median<Figure::wire_bytes_received, static_cast<int>(mebibyte)>},
    {"This tool", "% of a processor", processor},
};

std::string name_cell(const Page& page, std::size_t place) {
  const Page::Destination& destination = page.destinations[place];
  const std::string name = html_name(destination.label);
  std::string html =
      "<td class=\"name\">" + swatch(place) +
      (destination.runs.empty() ? name : fmt::format("<a href=\"#d{}\">{}</a>", place, name));
  for (const std::string* more : {&destination.server, &destination.role})
    if (!more->empty()) html += "<small>" + html_text(*more) + "</small>";
  return html + "</td>";
}

std::string verdict_cell(const Page& page, std::size_t place) {
  const DestinationSummary& row = summary(page, place);
  const RunRecord& shown = *page.destinations[place].runs[page.destinations[place].shown].record;
  return "<td>" +
         (row.verdict == Verdict::steady ? verdict_chip(shown)
                                         : chip(to_string(row.verdict), to_string(row.verdict))) +
         "</td>";
}

template <std::size_t count>
std::string table(const Page& page, const Column (&columns)[count], bool verdicts) {
  std::string html = "<div class=\"scroll\"><table><thead><tr><th>Destination</th>";
  if (verdicts) html += "<th>Verdict</th>";
  for (const Column& column : columns)
    html += fmt::format("<th class=\"number\">{}<small>{}</small></th>", column.head, column.unit);
  html += "</tr></thead><tbody>\n";
  for (std::size_t place = 0; place < page.destinations.size(); ++place) {
    const Page::Destination& destination = page.destinations[place];
    if (destination.runs.empty() && !verdicts) continue;
    html += "<tr>" + name_cell(page, place);
    if (destination.runs.empty()) {
      html += fmt::format("<td>{}</td><td colspan=\"{}\" class=\"break soft\">{}</td></tr>\n",
                          chip("neutral", "not run"), count, html_text(destination.absence));
      continue;
    }
    if (verdicts) html += verdict_cell(page, place);
    for (const Column& column : columns)
      html += "<td class=\"number\">" + column.cell(page, place) + "</td>";
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

}  // namespace

std::string table_section(const Page& page) {
  if (!page.comparison) return "";
  std::string html =
      "<section id=\"destinations\"><h2>Destinations</h2>\n" + table(page, result_columns, true);
  html += "<h3>On the path, and what it took</h3>\n" + table(page, path_columns, false);
  if (!page.caveats.empty()) {
    html += "<h3>To compare them fairly</h3>\n<ul class=\"plain\">";
    for (const std::string& caveat : page.caveats)
      html += "<li class=\"break\">" + html_text(caveat) + "</li>\n";
    html += "</ul>\n";
  }
  return html + "</section>\n";
}

}  // namespace holdfast::initiator
