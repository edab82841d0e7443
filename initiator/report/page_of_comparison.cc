#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <iterator>
#include <utility>

#include "initiator/report/format.h"
#include "initiator/report/judgement_words.h"
#include "initiator/report/page_model.h"
#include "initiator/report/page_parts.h"

namespace holdfast::initiator {
namespace {

/// The run to look at first: of the worst, or else the one in the middle.
std::size_t telling_run(const DestinationSummary& summary) {
  std::size_t telling = 0;
  const double median = summary[Figure::copy_seconds].median;
  const auto weight = [&](const RunRecord* run) {
    const double distance = std::abs(seconds_of(run->totals.copy_time) - median);
    return std::pair(static_cast<int>(run->verdict) * 4 + static_cast<int>(run->workload.outcome),
                     -distance);
  };
  for (std::size_t i = 1; i < summary.runs.size(); ++i)
    if (weight(summary.runs[i]) > weight(summary.runs[telling])) telling = i;
  return telling;
}

std::string server_text(const CompareDestination& destination) {
  const CompareDestination::Server& server = destination.server;
  if (server.name.empty()) return "";
  return server.name + (server.version.empty() ? "" : " " + server.version);
}

std::string role_text(const CompareDestination& destination) {
  switch (destination.role) {
    case CompareDestination::Role::local_limit:
      return "the local limit";
    case CompareDestination::Role::twin:
      return "A/A: " + destination.twin_of + " once more";
    case CompareDestination::Role::contender:
      return "";
  }
  return "";
}

Page::Destination place_of(const CompareDestination& destination) {
  Page::Destination place;
  place.label = destination.label;
  place.url = destination.url;
  place.transport = destination.transport;
  place.server = server_text(destination);
  place.role = role_text(destination);
  return place;
}

Page::Destination place_of(const DestinationSummary& summary, const CompareRecord& record,
                           const Rows& rows) {
  Page::Destination place = place_of(*summary.destination);
  place.label = row_name(summary, rows);
  place.summary = &summary;
  for (const CompareRun& run : record.runs) {
    const bool of_it =
        std::find(summary.runs.begin(), summary.runs.end(), &run.record) != summary.runs.end();
    if (of_it)
      place.runs.push_back(
          {&run.record, record.rounds > 1 ? fmt::format("round {}", run.round) : ""});
  }
  place.shown = telling_run(summary);
  return place;
}

void list_destinations(const CompareRecord& record, const Judgement& judgement, Page& page) {
  for (const CompareDestination& destination : record.destinations) {
    const std::size_t before = page.destinations.size();
    for (const DestinationSummary& summary : judgement.rows)
      if (summary.destination == &destination)
        page.destinations.push_back(place_of(summary, record, judgement.rows));
    if (page.destinations.size() > before) continue;
    page.destinations.push_back(place_of(destination));
    std::string& why = page.destinations.back().absence;
    why = destination.reason;
    if (why.empty() && !destination.server.package.empty())
      why =
          destination.server.name + " is not installed: apt install " + destination.server.package;
    if (why.empty()) why = "it did not run";
  }
}

void describe_making(const CompareRecord& record, Page& page) {
  page.command = command_of(record.command_line);
  add(page, "Started", record.started);
  add(page, "Holdfast", record.version);
  describe_machine(record.machine, page);
  std::string rounds = count_text(record.rounds, "round", "rounds");
  if (!record.order.empty()) rounds += fmt::format(", {} (seed {})", record.order, record.seed);
  add(page, "Order", rounds);
  if (!record.runs.empty()) describe_limits(record.runs.front().record, page);
  for (const CompareDestination& destination : record.destinations) {
    std::string what = server_text(destination);
    if (!what.empty() && destination.origin != CompareDestination::Origin::named)
      what += ", started for this";
    add(page, destination.label, what.empty() ? destination.url : destination.url + "\n" + what);
  }
}

/// "STEADY: all 5 held still; fastest: …" as "All 5 held still": the mark above it says its first
/// word, and the words below it the rest.
std::string sentence_of(const std::string& line) {
  const std::size_t colon = line.find(": ");
  if (colon == std::string::npos) return as_word(line);
  std::string sentence = line.substr(colon + 2);
  sentence.resize(std::min(sentence.size(), sentence.find("; ")));
  if (sentence.starts_with("all ")) sentence[0] = 'A';
  return sentence;
}

std::string tone_of(const CompareRecord& record, const Judgement& judgement) {
  const bool held = std::all_of(judgement.rows.begin(), judgement.rows.end(),
                                [](const DestinationSummary& row) { return row.complete(); });
  if (record.verdict() == Verdict::steady && (!held || judgement.rows.empty())) return "neutral";
  return to_string(record.verdict());
}

}  // namespace

Page page_of(const CompareRecord& record, const Judgement& judgement) {
  Page page;
  page.comparison = true;
  page.what = "compare " + record.source;
  page.mark = judgement.line.substr(0, judgement.line.find(':'));
  std::transform(page.mark.begin(), page.mark.end(), page.mark.begin(), [](char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
  });
  page.headline = sentence_of(judgement.line);
  page.title = page.what + ": " + page.headline;
  page.tone = tone_of(record, judgement);
  page.caveats = caveats(record, judgement.rows, judgement.noise);
  page.words = judgement.words;
  page.words.resize(page.words.size() - std::min(page.words.size(), page.caveats.size()));
  list_destinations(record, judgement, page);
  describe_making(record, page);
  return page;
}

}  // namespace holdfast::initiator
