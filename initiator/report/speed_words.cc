#include <algorithm>
#include <fmt/format.h>

#include "initiator/report/judgement_words.h"

namespace holdfast::initiator {
namespace {

using Doubt = Ranking::Doubt;

std::string time_of(const DestinationSummary& row) {
  return figure_text(Figure::copy_seconds, row[Figure::copy_seconds].median);
}

std::string named_time(const Ranking::Place& place, const Rows& rows) {
  return row_name(*place.row, rows) + " " + time_of(*place.row);
}

bool any(const Ranking& ranking, Doubt doubt) {
  return std::any_of(ranking.places.begin(), ranking.places.end(),
                     [doubt](const Ranking::Place& place) { return place.doubt == doubt; });
}

/// The destinations that may be as fast as the fastest, itself included.
std::vector<Ranking::Place> leaders(const Ranking& ranking) {
  std::vector<Ranking::Place> found;
  for (std::size_t i = 0; i < ranking.places.size(); ++i)
    if (i == 0 || ranking.places[i].doubt != Doubt::none) found.push_back(ranking.places[i]);
  return found;
}

std::string names_of(const std::vector<Ranking::Place>& places, const Rows& rows) {
  Words names;
  for (const Ranking::Place& place : places) names.push_back(row_name(*place.row, rows));
  return list_text(names);
}

std::string in_order(const Ranking& ranking, const Rows& rows) {
  Words times;
  for (const Ranking::Place& place : ranking.places) times.push_back(named_time(place, rows));
  return list_text(times);
}

/// Why those that took longer are not called slower.
std::string doubts(const Ranking& ranking) {
  Words reasons;
  if (any(ranking, Doubt::spread)) reasons.push_back("their spreads touch");
  if (any(ranking, Doubt::noise)) reasons.push_back("the A/A row differs from itself by as much");
  if (any(ranking, Doubt::saturated))
    reasons.push_back("the tool itself was at its limit in the slower one");
  return list_text(reasons);
}

std::string slower_ones(const Ranking& ranking, const Rows& rows) {
  Words slower;
  for (std::size_t i = 1; i < ranking.places.size(); ++i) {
    const Ranking::Place& place = ranking.places[i];
    if (place.doubt == Doubt::none)
      slower.push_back(
          fmt::format("{} ({:.2f} times as long)", named_time(place, rows), place.times));
  }
  return list_text(slower);
}

std::string few_rounds(const Ranking& ranking, const Rows& rows) {
  return fmt::format(
      "Who is fastest is not said: that takes {} rounds. Copy times as they were: {}.",
      rounds_to_rank, in_order(ranking, rows));
}

std::string verdict_on_speed(const Ranking& ranking, const Rows& rows) {
  if (any(ranking, Doubt::few_rounds)) return few_rounds(ranking, rows);
  const auto first = leaders(ranking);
  if (first.size() == ranking.places.size())
    return fmt::format("No difference in speed that this machine can show ({}): {}.",
                       doubts(ranking), in_order(ranking, rows));
  if (first.size() == 1)
    return fmt::format("Fastest: {}. Slower: {}.", named_time(ranking.places.front(), rows),
                       slower_ones(ranking, rows));
  return fmt::format(
      "Fastest: {}, with no difference that this machine can show ({}). Slower than {}: {}.",
      names_of(first, rows), doubts(ranking), row_name(*first.front().row, rows),
      slower_ones(ranking, rows));
}

}  // namespace

Words speed_words(const Ranking& ranking, const Rows& rows) {
  Words words;
  if (ranking.places.size() > 1) words.push_back(verdict_on_speed(ranking, rows));
  for (const DestinationSummary* row : ranking.excluded)
    words.push_back(fmt::format("{} is not ranked: {} of {} runs did not finish.",
                                row_name(*row, rows), row->unfinished, row->runs.size()));
  return words;
}

std::string speed_phrase(const Ranking& ranking, const Rows& rows) {
  if (ranking.places.size() < 2) return {};
  if (any(ranking, Doubt::few_rounds)) return "too few rounds to say who is fastest";
  const auto first = leaders(ranking);
  if (first.size() == ranking.places.size())
    return "no difference in speed that this machine can show";
  return "fastest: " + names_of(first, rows);
}

}  // namespace holdfast::initiator
