#include "initiator/report/diff_text.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <iterator>
#include <nlohmann/json.hpp>

#include "initiator/report/format.h"

namespace holdfast::initiator {
namespace {

using Json = nlohmann::ordered_json;
using Mark = DiffRow::Mark;

constexpr std::size_t named_max = 5;

template <typename... Arguments>
void line(std::string& text, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  fmt::format_to(std::back_inserter(text), format, std::forward<Arguments>(arguments)...);
  text += '\n';
}

std::string cell(Figure figure, const Spread& spread) {
  if (spread.count == 0) return "-";
  if (spread.min == spread.max) return figure_text(figure, spread.median);
  return fmt::format("{} ({})", figure_text(figure, spread.median),
                     range_text(figure_text(figure, spread.min), figure_text(figure, spread.max)));
}

std::string change_text(const DiffRow& row) {
  if (row.change) return fmt::format("{:+.1f} %", *row.change * 100);
  return row.a.count > 0 && row.b.count > 0 && row.b.max > row.a.max ? "new" : "";
}

/// A change beyond the tolerance that does not count is within the spread, the noise or the grain.
const char* mark_text(const DiffRow& row, double tolerance) {
  constexpr const char* texts[] = {"same", "better", "WORSE", ""};
  const bool covered = row.mark == Mark::same && row.change && std::abs(*row.change) > tolerance;
  return covered ? "within noise" : texts[static_cast<std::size_t>(row.mark)];
}

/// Nothing of it is worth a line: it never happened in either.
bool is_idle(const DiffRow& row) {
  return row.a.max == 0 && row.b.max == 0;
}

std::string named(const DiffRow& row) {
  const std::string whose = row.label.empty() ? "" : printable_text(row.label) + " ";
  const std::string change = change_text(row);
  return whose + traits(row.figure).title + (change.empty() ? "" : " " + change);
}

std::size_t count_of(const Diff& diff, Mark mark) {
  return static_cast<std::size_t>(std::count_if(
      diff.rows.begin(), diff.rows.end(), [mark](const DiffRow& row) { return row.mark == mark; }));
}

Json json_of(const Spread& spread) {
  if (spread.count == 0) return nullptr;
  return Json{
      {"count", spread.count}, {"median", spread.median}, {"min", spread.min}, {"max", spread.max}};
}

}  // namespace

std::string verdict_line(const Diff& diff) {
  if (!diff.worse()) {
    const std::size_t better = count_of(diff, Mark::better);
    return better == 0
               ? "NOT WORSE: nothing changed beyond tolerance and spread"
               : "NOT WORSE: " + count_text(better, "figure is better", "figures are better");
  }
  std::vector<std::string> worse = diff.regressions;
  for (const DiffRow& row : diff.rows)
    if (row.mark == Mark::worse) worse.push_back(named(row));
  std::string text = fmt::format("WORSE by more than {:g} %: ", diff.tolerance * 100);
  for (std::size_t i = 0; i < std::min(worse.size(), named_max); ++i)
    text += (i > 0 ? ", " : "") + worse[i];
  if (worse.size() > named_max) text += fmt::format(" and {} more", worse.size() - named_max);
  return text;
}

std::string to_text(const Diff& diff, const DiffNames& names) {
  std::string text;
  line(text, "{} -> {}, tolerance {:g} %", printable_text(names.a), printable_text(names.b),
       diff.tolerance * 100);
  for (const std::string& note : diff.notes) line(text, "note: {}", note);
  const std::string* label = nullptr;
  for (const DiffRow& row : diff.rows) {
    if (label == nullptr || *label != row.label)
      line(text, "{:<20} {:>27} {:>27} {:>9}", row.label.empty() ? "" : printable_text(row.label),
           "before", "now", "change");
    label = &row.label;
    if (is_idle(row)) continue;
    std::string body = fmt::format("  {:<18} {:>27} {:>27} {:>9}  {}", traits(row.figure).title,
                                   cell(row.figure, row.a), cell(row.figure, row.b),
                                   change_text(row), mark_text(row, diff.tolerance));
    body.erase(body.find_last_not_of(' ') + 1);
    line(text, "{}", body);
  }
  for (const std::string& regression : diff.regressions) line(text, "WORSE: {}", regression);
  line(text, "{}", verdict_line(diff));
  return text;
}

std::string to_json(const Diff& diff, const DiffNames& names) {
  Json rows = Json::array();
  for (const DiffRow& row : diff.rows)
    rows.push_back(Json{{"label", valid_utf8(row.label)},
                        {"figure", traits(row.figure).key},
                        {"a", json_of(row.a)},
                        {"b", json_of(row.b)},
                        {"change", row.change ? Json(*row.change) : Json(nullptr)},
                        {"mark", to_string(row.mark)}});
  const auto list = [](const std::vector<std::string>& words) {
    Json all = Json::array();
    for (const std::string& word : words) all.push_back(valid_utf8(word));
    return all;
  };
  const Json json{{"schema", "holdfast.diff/1"},
                  {"worse", diff.worse()},
                  {"line", valid_utf8(verdict_line(diff))},
                  {"a", valid_utf8(names.a)},
                  {"b", valid_utf8(names.b)},
                  {"tolerance", diff.tolerance},
                  {"regressions", list(diff.regressions)},
                  {"notes", list(diff.notes)},
                  {"rows", rows}};
  return json.dump(1) + "\n";
}

}  // namespace holdfast::initiator
