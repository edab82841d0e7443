#include "initiator/report/stacks.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "initiator/report/format.h"

namespace holdfast::initiator {
namespace {

constexpr double margin_shown_max = 1000;
constexpr std::size_t named_in_a_sentence = 4;

bool is_worse(const StackVerdict& a, const StackVerdict& b) {
  if (a.outcome != b.outcome) return a.outcome > b.outcome;
  return a.worst > b.worst;
}

bool is_episode(const PathEvent& event) {
  return event.kind == EventKind::stall || event.kind == EventKind::hang || event.kind == EventKind::outage ||
         event.kind == EventKind::reconnect;
}

/// Of `verdicts`, which are of one ladder, takes each that is worse into `worst`.
void take_worse(std::vector<StackVerdict>& worst, const std::vector<StackVerdict>& verdicts) {
  for (const StackVerdict& verdict : verdicts) {
    const auto known = std::find_if(worst.begin(), worst.end(),
                                    [&verdict](const StackVerdict& one) { return one.timer == verdict.timer; });
    if (known == worst.end())
      worst.push_back(verdict);
    else if (is_worse(verdict, *known))
      *known = verdict;
  }
}

std::string limit_words(const StackTimer& timer) {
  return timer.limit == Duration(0) ? "never" : duration_text(timer.limit);
}

/// It came so near to acting that it matters what the other nodes saw.
bool needs_the_others(const StackVerdict& verdict) {
  return verdict.timer->shared_stall_survives && (verdict.outcome == StackOutcome::acted || verdict.warned);
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < named_in_a_sentence; ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > named_in_a_sentence) text += fmt::format(" and {} more", names.size() - named_in_a_sentence);
  return text;
}

}  // namespace

PathHistory history_of(const RunRecord& record) {
  PathHistory history;
  history.transport = record.destination.transport;
  history.watched = record.totals.time;
  history.worst_gap = record.totals.worst_gap;
  history.worst_wait = record.latency.max;
  history.listed_from = record.workload.stall_limit;
  for (const PathEvent& event : record.events) {
    if (!is_episode(event) || event.lasted == Duration(0)) continue;
    history.gaps.push_back({.at = event.at, .lasted = event.lasted, .silent = event.blame != "backend"});
    history.worst_wait = std::max(history.worst_wait, event.lasted);
  }
  return history;
}

std::vector<StackVerdict> stacks_of(const std::vector<const RunRecord*>& runs) {
  std::vector<StackVerdict> worst;
  for (const RunRecord* run : runs) take_worse(worst, judge_stacks(history_of(*run)));
  return worst;
}

std::string outcome_words(const StackVerdict& verdict) {
  if (verdict.outcome == StackOutcome::never)
    return verdict.warned ? "waits for ever, and logs it" : "waits for ever";
  std::string text = to_string(verdict.outcome);
  if (verdict.acted_at) text += " at " + duration_text(*verdict.acted_at);
  if (verdict.outcome != StackOutcome::acted && verdict.warned) text += ", after a warning";
  return verdict.unproven ? text + ", unproven" : text;
}

std::string margin_words(const StackVerdict& verdict) {
  if (!verdict.margin) return "-";
  return *verdict.margin > margin_shown_max ? fmt::format(">{:.0f}", margin_shown_max)
                                            : fmt::format("{:.3g}", *verdict.margin);
}

std::string action_words(const StackVerdict& verdict) {
  const StackTimer& timer = *verdict.timer;
  return timer.condition == nullptr ? timer.action : fmt::format("{}; {}", timer.action, timer.condition);
}

std::string stacks_text(const RunRecord& record) {
  const std::vector<StackVerdict> verdicts = judge_stacks(history_of(record));
  if (verdicts.empty()) return "";
  const auto out = [](std::string& text) { return std::back_inserter(text); };
  std::string text;
  fmt::format_to(out(text), "  {:<27} {:>10} {:>10} {:>6}  what it would have done\n", "on top of this path", "acts after",
                 "worst", "margin");
  for (const StackVerdict& verdict : verdicts)
    fmt::format_to(out(text), "  {:>27} {:>10} {:>10} {:>6}  {}\n", verdict.timer->stack, limit_words(*verdict.timer),
                   duration_text(verdict.worst), margin_words(verdict), outcome_words(verdict));
  for (const StackVerdict& verdict : verdicts)
    if (verdict.outcome == StackOutcome::acted || verdict.outcome == StackOutcome::is_unsafe)
      fmt::format_to(out(text), "    {}: {}\n", verdict.timer->stack, action_words(verdict));
  if (std::any_of(verdicts.begin(), verdicts.end(), needs_the_others))
    text += "    one node's record cannot know whether the other nodes stalled at the same time: OCFS2 fences a node that stalls "
            "alone, and none where all agree that they stalled together\n";
  const auto unproven = std::find_if(verdicts.begin(), verdicts.end(), [](const StackVerdict& one) { return one.unproven; });
  if (unproven != verdicts.end())
    fmt::format_to(out(text), "    unproven: a run of {} is too short to show what a path does in the field; {} is the least\n",
                   duration_text(record.totals.time), duration_text(least_run(*unproven->timer)));
  return text;
}

std::string stacks_sentence(const std::vector<std::pair<std::string, std::vector<const RunRecord*>>>& destinations) {
  std::vector<std::string> acted;
  std::string nearest;
  double least = 0;
  bool unproven = false;
  for (const auto& [label, runs] : destinations) {
    std::vector<std::string> here;
    for (const StackVerdict& verdict : stacks_of(runs)) {
      if (verdict.outcome == StackOutcome::acted) here.emplace_back(verdict.timer->stack);
      unproven |= verdict.unproven;
      if (!verdict.margin || (!nearest.empty() && *verdict.margin >= least)) continue;
      least = *verdict.margin;
      nearest = fmt::format("{} on {}, {} against {}", verdict.timer->stack, label, limit_words(*verdict.timer),
                            duration_text(verdict.worst));
    }
    if (!here.empty()) acted.push_back(fmt::format("{} ({})", label, joined(here)));
  }
  if (!acted.empty()) return fmt::format("What could stand on top would have acted on {}.", joined(acted));
  if (nearest.empty()) return "";
  return fmt::format("Nothing that could stand on top would have acted; nearest was {}{}.", nearest,
                     unproven ? ", but runs so short prove nothing good" : "");
}

}  // namespace holdfast::initiator
