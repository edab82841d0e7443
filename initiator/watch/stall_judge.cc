#include "initiator/watch/stall_judge.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace holdfast::initiator {
namespace {

constexpr std::size_t looks_judged_max = 24;
/// What was seen for so long, or for a quarter of the stall, outweighs what was not known for the rest.
constexpr Duration known_for = std::chrono::milliseconds(400);
constexpr int known_share = 4;
/// A direction counts that was seen for a fifth of the time for which the network was to blame.
constexpr int direction_share = 5;

struct Judged {
  Instant at{};
  BlameJudgement judgement;
};

/// A connection that has ended stays ended, whatever held before.
bool is_final(Blame blame) { return blame == Blame::closed_by_peer; }

/// The moments at which the stall is judged: evenly spread over the looks in it, the last one always.
std::vector<Instant> moments_of(std::span<const EvidenceSample> samples, const StallFrame& frame) {
  std::vector<Instant> all;
  for (const EvidenceSample& sample : samples)
    if (sample.at > frame.began && (!frame.ended || sample.at < *frame.ended)) all.push_back(sample.at);
  if (all.size() <= looks_judged_max) return all;
  std::vector<Instant> some;
  for (std::size_t i = 0; i < looks_judged_max; ++i)
    some.push_back(all[i * (all.size() - 1) / (looks_judged_max - 1)]);
  return some;
}

/// For how long each blame held.
class Weights {
 public:
  void add(Blame blame, Duration time) {
    of_[static_cast<std::size_t>(blame)] += time;
    all_ += time;
  }
  Duration of(Blame blame) const { return of_[static_cast<std::size_t>(blame)]; }
  Duration of_network() const { return of(Blame::network) + of(Blame::network_out) + of(Blame::network_in); }
  bool outweighs_unknown(Duration time) const {
    return time >= known_for || (time > Duration(0) && time * known_share >= all_);
  }

  Blame heaviest() const {
    Blame best = Blame::unknown;
    Duration most{};
    for (const Blame blame : {Blame::local, Blame::network, Blame::peer_process, Blame::backend, Blame::window_closed,
                              Blame::closed_by_peer}) {
      const Duration time = blame == Blame::network ? of_network() : of(blame);
      if (time <= most) continue;
      most = time;
      best = blame;
    }
    if (!outweighs_unknown(most)) return Blame::unknown;
    return best == Blame::network ? direction() : best;
  }

 private:
  Blame direction() const {
    const bool out = of(Blame::network_out) * direction_share >= of_network();
    const bool in = of(Blame::network_in) * direction_share >= of_network();
    if (out == in) return Blame::network;
    return out ? Blame::network_out : Blame::network_in;
  }

  std::array<Duration, blames> of_{};
  Duration all_{};
};

}  // namespace

BlameJudgement judge_stall(std::span<const EvidenceSample> samples, const StallFrame& frame, const std::string& transport,
                           const std::string& stuck_in, const HostCounters* counters) {
  const auto judged_until = [&](std::optional<Instant> until) {
    StallFrame cut = frame;
    cut.until = until;
    if (until) cut.stalled = std::min(frame.stalled, *until - frame.began);
    CaseFile file = case_of(samples, cut, transport, counters);
    file.stuck_in = stuck_in;
    return judge_blame(file);
  };
  std::vector<Judged> all;
  Weights weights;
  Instant before = frame.began;
  for (const Instant at : moments_of(samples, frame)) {
    all.push_back({at, judged_until(at)});
    weights.add(all.back().judgement.blame, at - std::exchange(before, at));
  }
  if (all.empty() || is_final(all.back().judgement.blame)) return judged_until({});
  const Blame blame = weights.heaviest();
  for (auto one = all.rbegin(); one != all.rend(); ++one) {
    const Blame found = one->judgement.blame;
    // What showed only when it was over shows at the last look that saw the network's fault.
    const bool shown_afterwards = found == Blame::network_in && blame == Blame::network;
    if (found == blame || shown_afterwards) return std::move(one->judgement);
  }
  return judged_until({});
}

}  // namespace holdfast::initiator
