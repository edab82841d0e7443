#include "initiator/verdict/stack_verdict.h"

#include <algorithm>

namespace holdfast::initiator {
namespace {

bool stands_on(TimerStands stands, const std::string& transport) {
  const bool network = transport == "iscsi" || transport == "nbd" || transport == "nfs";
  switch (stands) {
    case TimerStands::on_blocks: return transport != "nfs";  // A directory may lie on anything.
    case TimerStands::on_network: return network;
    case TimerStands::on_iscsi: return transport == "iscsi";
    case TimerStands::on_nbd: return transport == "nbd";
    case TimerStands::on_nfs: return transport == "nfs";
  }
  return false;
}

/// For how long that gap kept from the timer what feeds it. Nothing can have been silent for longer than the
/// longest time without a completion: an episode that lasted longer was of one operation, which others overtook.
Duration kept_from(const StackTimer& timer, const PathGap& gap, const PathHistory& history) {
  if (timer.feeds != TimerFeeds::silence) return gap.lasted;
  return gap.silent ? std::min(gap.lasted, history.worst_gap) : Duration(0);
}

Duration worst_for(const StackTimer& timer, const PathHistory& history) {
  Duration worst{};
  switch (timer.feeds) {
    case TimerFeeds::storage: worst = std::max(history.worst_gap, history.worst_wait); break;
    case TimerFeeds::operation: worst = history.worst_wait; break;
    // Where gaps are listed they say which of them were silent.
    case TimerFeeds::silence: worst = std::min(history.worst_gap, history.listed_from); break;
  }
  for (const PathGap& gap : history.gaps) worst = std::max(worst, kept_from(timer, gap, history));
  return worst;
}

StackOutcome outcome_of(const StackTimer& timer, Duration worst) {
  if (timer.limit == Duration(0)) return StackOutcome::never;
  if (worst >= timer.limit) return StackOutcome::acted;
  // The timer's side is reckoned with: a record that was spoilt may say anything of the path's.
  if (worst > timer.limit / 2 || worst >= timer.limit - timer.cadence) return StackOutcome::is_unsafe;
  if (worst > timer.limit / 4) return StackOutcome::thin;
  return worst > timer.limit / 10 ? StackOutcome::ok : StackOutcome::good;
}

StackVerdict judge(const StackTimer& timer, const PathHistory& history) {
  StackVerdict verdict;
  verdict.timer = &timer;
  verdict.worst = worst_for(timer, history);
  verdict.outcome = outcome_of(timer, verdict.worst);
  verdict.warned = timer.warns > Duration(0) && verdict.worst >= timer.warns;
  verdict.unproven = verdict.outcome != StackOutcome::acted && verdict.outcome != StackOutcome::never &&
                     history.watched < least_run(timer);
  if (timer.limit > Duration(0) && verdict.worst > Duration(0))
    verdict.margin = static_cast<double>(timer.limit.count()) / static_cast<double>(verdict.worst.count());
  if (verdict.outcome != StackOutcome::acted) return verdict;
  for (const PathGap& gap : history.gaps) {
    if (kept_from(timer, gap, history) < timer.limit) continue;
    verdict.acted_at = gap.at + timer.limit;
    break;
  }
  return verdict;
}

}  // namespace

Duration least_run(const StackTimer& timer) {
  return std::max<Duration>(std::chrono::seconds(300), 2 * timer.limit);
}

std::vector<StackVerdict> judge_stacks(const PathHistory& history) {
  std::vector<StackVerdict> verdicts;
  for (const StackTimer& timer : stack_timers())
    if (stands_on(timer.stands, history.transport)) verdicts.push_back(judge(timer, history));
  return verdicts;
}

}  // namespace holdfast::initiator
