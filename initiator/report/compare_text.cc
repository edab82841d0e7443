#include "initiator/report/compare_text.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <string_view>
#include <vector>

#include "initiator/report/format.h"
#include "initiator/report/judgement.h"
#include "initiator/report/judgement_words.h"

namespace holdfast::initiator {
namespace {

constexpr std::size_t columns = 100;
constexpr std::size_t label_max = 24;
constexpr std::string_view legend =
    "Medians of the rounds; spread is from the least to the most, gap and max are the worst. "
    "Stalls are "
    "of all rounds, and 1+2 is one stall and two hangs. Requests, sent and received are the "
    "copy's.";

/// A column of a table: its head, its width with the space before it, and what a row has in it.
struct Column {
  const char* head;
  int width;
  std::string (*cell)(const DestinationSummary& row);
};

template <typename... Arguments>
void line(std::string& text, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  fmt::format_to(std::back_inserter(text), format, std::forward<Arguments>(arguments)...);
  text += '\n';
}

template <Figure figure>
std::string median(const DestinationSummary& row) {
  return row[figure].count == 0 ? "-" : figure_text(figure, row[figure].median);
}

template <Figure figure>
std::string bare_median(const DestinationSummary& row) {
  return row[figure].count == 0 ? "-" : fmt::format("{:.1f}", row[figure].median);
}

template <Figure figure>
std::string most(const DestinationSummary& row) {
  return row[figure].count == 0 ? "-" : figure_text(figure, row[figure].max);
}

std::string files(const DestinationSummary& row) {
  const Spread& rate = row[Figure::files_per_second];
  if (rate.count == 0) return "-";
  const std::string text = figure_text(Figure::files_per_second, rate.median);
  return text.substr(0, text.find(' '));
}

/// Times of a minute and more in whole seconds, which are short and compare well.
std::string copy_time(double seconds) {
  constexpr double minute = 59.95;
  return seconds < minute ? figure_text(Figure::copy_seconds, seconds)
                          : fmt::format("{:.0f} s", seconds);
}

template <Figure figure>
std::string time(const DestinationSummary& row) {
  return row[figure].count == 0 ? "-" : copy_time(row[figure].median);
}

std::string copy_range(const DestinationSummary& row) {
  const Spread& range = row[Figure::copy_seconds];
  return range.count < 2 ? "-" : range_text(copy_time(range.min), copy_time(range.max));
}

std::string interruptions(const DestinationSummary& row) {
  std::uint64_t stalls = 0;
  std::uint64_t hangs = 0;
  for (const RunRecord* run : row.runs) {
    stalls += run->count(EventKind::stall);
    hangs += run->count(EventKind::hang) + run->count(EventKind::outage);
  }
  return hangs == 0 ? std::to_string(stalls) : fmt::format("{}+{}", stalls, hangs);
}

std::string processor(const DestinationSummary& row) {
  return median<Figure::cpu_share>(row) + (row.saturated > 0 ? " *" : "  ");
}

std::string verdict_of(const DestinationSummary& row) {
  const bool failed = std::any_of(row.runs.begin(), row.runs.end(), [](const RunRecord* run) {
    return run->workload.outcome == Outcome::failed;
  });
  return row.verdict == Verdict::steady && failed ? "failed" : to_string(row.verdict);
}

constexpr Column speed_columns[] = {
    {"copy", 9, time<Figure::copy_seconds>},
    {"spread", 15, copy_range},
    {"MiB/s", 8, bare_median<Figure::mib_per_second>},
    {"files/s", 9, files},
    {"worst gap", 11, most<Figure::worst_gap>},
    {"stalls", 7, interruptions},
    {"CPU  ", 8, processor},
    {"verdict", 8, verdict_of},
};

constexpr Column path_columns[] = {
    {"p50", 9, median<Figure::latency_p50>},
    {"p99", 9, median<Figure::latency_p99>},
    {"max", 9, most<Figure::latency_max>},
    {"verify", 9, time<Figure::verify_seconds>},
    {"requests", 10, median<Figure::wire_requests>},
    {"sent", 12, median<Figure::wire_bytes_sent>},
    {"received", 12, median<Figure::wire_bytes_received>},
};

std::string shortened(const std::string& label) {
  return label.size() <= label_max ? label : label.substr(0, label_max - 3) + "...";
}

template <std::size_t count>
void table(std::string& text, const Column (&cells)[count], const CompareRecord& record,
           const Rows& rows) {
  std::size_t width = std::string_view("destination").size();
  for (const DestinationSummary& row : rows) width = std::max(width, row_name(row, rows).size());
  for (const CompareDestination& destination : record.destinations)
    width = std::max(width, destination.label.size());
  width = std::min(width, label_max);
  std::string head = fmt::format("{:<{}}", "destination", width);
  for (const Column& column : cells) head += fmt::format("{:>{}}", column.head, column.width);
  line(text, "{}", head);
  for (const DestinationSummary& row : rows) {
    std::string body = fmt::format("{:<{}}", shortened(row_name(row, rows)), width);
    for (const Column& column : cells)
      body += fmt::format("{:>{}}", column.cell(row), column.width);
    line(text, "{}", body);
  }
}

void list_missing(std::string& text, const CompareRecord& record) {
  for (const CompareDestination& destination : record.destinations)
    if (destination.status != CompareDestination::Status::ran)
      line(text, "{}: not run, see below", shortened(printable_text(destination.label)));
}

/// Breaks `sentence` at spaces, so that it keeps within the columns where it can.
void wrap(std::string& text, std::string_view sentence) {
  std::size_t used = 0;
  while (!sentence.empty()) {
    const std::string_view word = sentence.substr(0, sentence.find(' '));
    sentence.remove_prefix(std::min(sentence.size(), word.size() + 1));
    if (used > 0 && used + 1 + word.size() > columns) {
      text += "\n ";
      used = 1;
    }
    if (used > 0) text += ' ';
    text += word;
    used += word.size() + 1;
  }
  text += '\n';
}

std::string cache_text(const Rows& rows) {
  Words states;
  for (const CacheState cache : {CacheState::warm, CacheState::cold})
    if (std::any_of(rows.begin(), rows.end(),
                    [cache](const auto& row) { return row.cache == cache; }))
      states.push_back(to_string(cache));
  return list_text(states);
}

void describe_work(std::string& text, const CompareRecord& record, const Rows& rows) {
  std::string what = fmt::format("compare {}: {}", printable_text(record.source),
                                 count_text(record.rounds, "round", "rounds"));
  if (!rows.empty()) what += fmt::format(", the page cache {}", cache_text(rows));
  if (!record.order.empty())
    what += fmt::format(", {} (seed {})", printable_text(record.order), record.seed);
  wrap(text, what);
  for (const CompareRun& run : record.runs) {
    if (run.record.workload.outcome != Outcome::finished) continue;
    line(text, "{}, {} in each run", count_text(run.record.totals.files, "file", "files"),
         bytes_text(run.record.totals.bytes));
    break;
  }
  const Machine& machine = record.machine;
  if (machine.cores > 0)
    wrap(text,
         fmt::format("on Linux {}, {} of {}, {} of memory; holdfast {}",
                     printable_text(machine.kernel), count_text(machine.cores, "core", "cores"),
                     printable_text(machine.cpu_model), bytes_text(machine.memory_bytes),
                     printable_text(record.version)));
}

void describe_servers(std::string& text, const CompareRecord& record) {
  for (const CompareDestination& destination : record.destinations) {
    const CompareDestination::Server& server = destination.server;
    const bool twin = destination.role == CompareDestination::Role::twin;
    if (destination.status != CompareDestination::Status::ran || server.name.empty() || twin)
      continue;
    const bool ours = destination.origin != CompareDestination::Origin::named;
    line(text, "{}: {}{}, {}", printable_text(destination.label),
         printable_text(server.name + (server.version.empty() ? "" : " " + server.version)),
         ours ? ", started for this" : "", printable_text(destination.url));
  }
}

}  // namespace

std::string to_text(const CompareRecord& record) {
  const Judgement judgement = judge(record);
  std::string text;
  describe_work(text, record, judgement.rows);
  describe_servers(text, record);
  text += '\n';
  if (!judgement.rows.empty()) {
    table(text, speed_columns, record, judgement.rows);
    list_missing(text, record);
    text += '\n';
    table(text, path_columns, record, judgement.rows);
    wrap(text, legend);
    text += '\n';
  }
  for (const std::string& sentence : judgement.words) wrap(text, sentence);
  if (!judgement.words.empty()) text += '\n';
  line(text, "{}", judgement.line);
  return text;
}

std::string verdict_line(const CompareRecord& record) {
  return judge(record).line;
}

}  // namespace holdfast::initiator
