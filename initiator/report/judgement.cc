#include "initiator/report/judgement.h"

#include <algorithm>
#include <fmt/format.h>

#include "initiator/report/blame_words.h"
#include "initiator/report/format.h"
#include "initiator/report/judgement_words.h"
#include "initiator/report/stacks.h"

namespace holdfast::initiator {
namespace {

bool has(const Rows& rows, CacheState cache) {
  return std::any_of(rows.begin(), rows.end(),
                     [cache](const auto& row) { return row.cache == cache; });
}

bool held_still(const DestinationSummary& row) {
  return row.unsteady == 0 && row.unfinished == 0;
}

/// The first word of the last line: how it all ended.
std::string headline(const CompareRecord& record, const Rows& rows) {
  constexpr const char* names[] = {"STEADY", "STALLED", "HUNG", "CORRUPT"};
  const Verdict verdict = record.verdict();
  if (verdict == Verdict::corrupt) return "CORRUPT";
  if (record.signal != 0) return "INTERRUPTED";
  if (verdict == Verdict::steady && !std::all_of(rows.begin(), rows.end(), held_still))
    return "FAILED";
  return names[static_cast<std::size_t>(verdict)];
}

std::string who_held(const Rows& rows) {
  Words held;
  Words shaken;
  for (const DestinationSummary& row : rows)
    (held_still(row) ? held : shaken).push_back(row_name(row, rows));
  if (shaken.empty()) return rows.size() == 1 ? held.front() + " held still" : "all held still";
  const std::string others = held.size() == 1 ? ", " + held.front() + " did" : ", the others did";
  return list_text(shaken) + " did not hold still" + (held.empty() ? "" : others);
}

std::string last_line(const CompareRecord& record, const Rows& rows, const std::string& speed) {
  Words missing;
  for (const CompareDestination& destination : record.destinations)
    if (destination.status != CompareDestination::Status::ran) missing.push_back(destination.label);
  if (rows.empty())
    return missing.empty() ? "NOTHING RAN"
                           : fmt::format("NOTHING RAN: {} could not start", list_text(missing));
  std::string line = fmt::format("{}: {}", headline(record, rows), who_held(rows));
  if (!speed.empty()) line += "; " + speed;
  if (!missing.empty()) line += fmt::format("; not run: {}", list_text(missing));
  return line;
}

void append(Words& words, Words more) {
  std::move(more.begin(), more.end(), std::back_inserter(words));
}

}  // namespace

std::string list_text(const Words& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " and " : ", ";
    text += words[i];
  }
  return text;
}

std::string row_name(const DestinationSummary& row, const Rows& rows) {
  const std::string label = printable_text(row.destination->label);
  const bool both = has(rows, CacheState::warm) && has(rows, CacheState::cold);
  return both ? fmt::format("{}, {}", label, to_string(row.cache)) : label;
}

namespace {

using RunsByName = std::vector<std::pair<std::string, std::vector<const RunRecord*>>>;

RunsByName contenders(const Rows& rows) {
  RunsByName destinations;
  for (const DestinationSummary& row : rows)
    if (row.destination->role == CompareDestination::Role::contender) destinations.emplace_back(row.destination->label, row.runs);
  return destinations;
}

}  // namespace

Judgement judge(const CompareRecord& record) {
  Judgement judgement;
  judgement.rows = summarize(record);
  const Rows& rows = judgement.rows;
  const CacheState first = has(rows, CacheState::warm) ? CacheState::warm : CacheState::cold;
  judgement.noise = noise_of(record, first);
  const Ranking ranking = rank(rows, first, judgement.noise);

  append(judgement.words, steadiness_words(rows));
  append(judgement.words, speed_words(ranking, rows));
  if (first == CacheState::warm && has(rows, CacheState::cold))
    append(judgement.words,
           speed_words(rank(rows, CacheState::cold, noise_of(record, CacheState::cold)), rows));
  const RunsByName runs = contenders(rows);
  for (std::string sentence : {blames_sentence(runs), stacks_sentence(runs)})
    if (!sentence.empty()) judgement.words.push_back(std::move(sentence));
  append(judgement.words, missing_words(record));
  append(judgement.words, caveats(record, rows, judgement.noise));
  judgement.line = last_line(record, rows, speed_phrase(ranking, rows));
  return judgement;
}

}  // namespace holdfast::initiator
