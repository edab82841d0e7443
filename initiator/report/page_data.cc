#include "initiator/report/page_data.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "initiator/report/format.h"
#include "initiator/report/run_text.h"
#include "initiator/report/spread.h"

namespace holdfast::initiator {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t rows_shown = 4096;  // of a run; records of ours have fewer
constexpr std::size_t bands_shown = 400;  // of a run
constexpr Duration gap_shown = std::chrono::milliseconds(100);  // shorter ones are no wait

/// Microseconds without a tail of digits; a chart's axis has a logarithm, so nothing is no value.
Json latency(Duration time) {
  if (time <= Duration(0)) return nullptr;
  const double microseconds = static_cast<double>(time.count()) / 1000;
  return std::max(0.1, std::round(microseconds * 10) / 10);
}

double rate(std::uint64_t bytes, Duration length) {
  const double seconds = seconds_of(length);
  return seconds <= 0 ? 0 : std::round(static_cast<double>(bytes) / seconds);
}

/// Rows so few that a chart can show them: neighbours become one.
std::vector<TimelineRow> thinned(const std::vector<TimelineRow>& rows) {
  const std::size_t each = (rows.size() + rows_shown - 1) / rows_shown;
  if (each <= 1) return rows;
  const auto join = [](LatencyColumn& into, const LatencyColumn& from) {
    into.operations += from.operations;
    into.p50 = std::max(into.p50, from.p50);
    into.p99 = std::max(into.p99, from.p99);
    into.max = std::max(into.max, from.max);
  };
  std::vector<TimelineRow> few;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const TimelineRow& row = rows[i];
    if (i % each == 0) {
      few.push_back(row);
      continue;
    }
    TimelineRow& into = few.back();
    into.length += row.length;
    into.operations += row.operations;
    into.bytes_read += row.bytes_read;
    into.bytes_written += row.bytes_written;
    into.latency_p50 = std::max(into.latency_p50, row.latency_p50);
    into.latency_p99 = std::max(into.latency_p99, row.latency_p99);
    into.latency_max = std::max(into.latency_max, row.latency_max);
    into.gap_max = std::max(into.gap_max, row.gap_max);
    join(into.readers, row.readers);
    join(into.locks, row.locks);
  }
  return few;
}

Json column(const std::vector<TimelineRow>& rows, LatencyColumn TimelineRow::*which) {
  const bool any = std::any_of(rows.begin(), rows.end(), [which](const TimelineRow& row) {
    return (row.*which).operations > 0;
  });
  if (!any) return nullptr;
  Json p50 = Json::array(), p99 = Json::array(), max = Json::array();
  for (const TimelineRow& row : rows) {
    p50.push_back(latency((row.*which).p50));
    p99.push_back(latency((row.*which).p99));
    max.push_back(latency((row.*which).max));
  }
  return Json{{"p50", std::move(p50)}, {"p99", std::move(p99)}, {"max", std::move(max)}};
}

std::string kind_words(EventKind kind) {
  std::string words = to_string(kind);
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

/// The events that weigh most, in the order of time.
Json bands(const RunRecord& record) {
  std::vector<PathEvent const*> events;
  for (const PathEvent& event : record.events) events.push_back(&event);
  const auto more = [](const PathEvent* a, const PathEvent* b) { return weighs_more(*a, *b); };
  const auto earlier = [](const PathEvent* a, const PathEvent* b) { return a->at < b->at; };
  if (events.size() > bands_shown) {
    std::stable_sort(events.begin(), events.end(), more);
    events.resize(bands_shown);
  }
  std::stable_sort(events.begin(), events.end(), earlier);
  Json list = Json::array();
  for (const PathEvent* event : events) {
    std::string text = kind_words(event->kind);
    if (event->lasted > Duration(0)) text += " " + duration_text(event->lasted);
    if (event->blame != "unknown") text += ", blame: " + printable_text(event->blame);
    list.push_back(Json{{"kind", to_string(event->kind)},
                        {"from", seconds_of(event->at)},
                        {"to", seconds_of(event->at + event->lasted)},
                        {"open", event->open},
                        {"weight", weight_of(event->kind)},
                        {"text", std::move(text)}});
  }
  return list;
}

Json run_data(const RunRecord& record) {
  const std::vector<TimelineRow> rows = thinned(record.timeline);
  if (rows.empty()) return nullptr;
  Json at = Json::array(), p50 = Json::array(), p99 = Json::array(), max = Json::array(),
       gap = Json::array();
  Json read = Json::array(), written = Json::array();
  for (const TimelineRow& row : rows) {
    at.push_back(seconds_of(row.at));
    p50.push_back(latency(row.latency_p50));
    p99.push_back(latency(row.latency_p99));
    max.push_back(latency(row.latency_max));
    gap.push_back(row.gap_max >= gap_shown ? latency(row.gap_max) : Json(nullptr));
    read.push_back(rate(row.bytes_read, row.length));
    written.push_back(rate(row.bytes_written, row.length));
  }
  const TimelineRow& last = rows.back();
  return Json{{"row", seconds_of(rows.front().length)},
              {"end", seconds_of(last.at + last.length)},
              {"at", std::move(at)},
              {"p50", std::move(p50)},
              {"p99", std::move(p99)},
              {"max", std::move(max)},
              {"gap", std::move(gap)},
              {"read", std::move(read)},
              {"written", std::move(written)},
              {"readers", column(rows, &TimelineRow::readers)},
              {"locks", column(rows, &TimelineRow::locks)},
              {"bands", bands(record)}};
}

/// A distribution over the number of nines. Over several runs: the middle of them, point by point.
Json distribution(const std::vector<const LatencySummary*>& runs) {
  std::map<double, std::vector<double>> points;
  for (const LatencySummary* run : runs) {
    for (const PercentilePoint& point : run->percentiles) {
      const bool last = point.percent >= 100;
      const double nines = last ? std::log10(std::max(2.0, static_cast<double>(run->count)))
                                : -std::log10(1 - point.percent / 100);
      if (!last || runs.size() == 1)
        points[std::round(nines * 1000) / 1000].push_back(
            static_cast<double>(point.latency.count()) / 1000);
    }
  }
  Json list = Json::array();
  for (auto& [nines, values] : points)
    // The far end is of the longest run alone, and tells nothing of the others.
    if (values.size() * 2 > runs.size())
      list.push_back(Json::array({nines, std::max(0.1, Spread::of(std::move(values)).median)}));
  return list;
}

Json percentiles(const Page::Destination& destination) {
  Json by_kind = Json::object();
  std::vector<const LatencySummary*> all;
  for (const Page::Run& run : destination.runs)
    if (!run.record->latency.percentiles.empty()) all.push_back(&run.record->latency);
  if (!all.empty()) by_kind["all"] = distribution(all);
  for (std::size_t kind = 0; kind < operation_kinds; ++kind) {
    std::vector<const LatencySummary*> one;
    for (const Page::Run& run : destination.runs)
      if (!run.record->latency_by_operation[kind].percentiles.empty())
        one.push_back(&run.record->latency_by_operation[kind]);
    if (!one.empty()) by_kind[to_string(static_cast<OperationKind>(kind))] = distribution(one);
  }
  return by_kind;
}

}  // namespace

std::string page_data(const Page& page) {
  Json destinations = Json::array();
  for (std::size_t place = 0; place < page.destinations.size(); ++place) {
    const Page::Destination& destination = page.destinations[place];
    Json runs = Json::array();
    for (const Page::Run& run : destination.runs) runs.push_back(run_data(*run.record));
    destinations.push_back(Json{{"label", printable_text(destination.label)},
                                {"place", place},
                                {"hue", place % 8},
                                {"shown", destination.shown},
                                {"runs", std::move(runs)},
                                {"percentiles", percentiles(destination)}});
  }
  return Json{{"destinations", std::move(destinations)}}.dump(-1, ' ', true);
}

}  // namespace holdfast::initiator
