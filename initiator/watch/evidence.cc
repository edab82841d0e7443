#include "initiator/watch/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "initiator/watch/stall_judge.h"

namespace holdfast::initiator {
namespace {

using std::chrono::milliseconds;

// A look that is younger is as good as a new one.
constexpr Duration fresh = milliseconds(20);
// What comes late when a stall is over comes within so long.
constexpr Duration settles_within = milliseconds(400);
constexpr Duration between_asks = milliseconds(200);
// A server that takes one connection at a time may leave a second one waiting for ever.
constexpr Duration answered_when_well = std::chrono::seconds(2);
// So that whoever has run of late is known to, where nothing but knocking can tell.
constexpr Duration between_knocks = milliseconds(300);
constexpr std::size_t rows_max = 24;
constexpr std::size_t events_with_rows_max = 200;
/// Of so many sessions each is looked at.
constexpr std::size_t sources_looked_at_max = 64;

std::string joined(const std::vector<std::string>& sentences) {
  std::string text;
  for (const std::string& sentence : sentences) text += (text.empty() ? "" : "; ") + sentence;
  return text;
}

std::string time_text(Duration time) { return fmt::format("{:.1f} s", static_cast<double>(time.count()) / 1e9); }

}  // namespace

Evidence::Evidence(Loop& loop, Watch& watch)
    : loop_(loop),
      watch_(watch),
      suspicion_(std::clamp<Duration>(watch.options().stall / 8, milliseconds(50), milliseconds(125))),
      knocks_after_(std::max<Duration>(watch.options().stall / 4, milliseconds(100))),
      knocker_(loop) {
  watch_.set_witness(this);
}

Evidence::~Evidence() { watch_.set_witness(nullptr); }

void Evidence::add(PathWitness& source, const std::string& transport) {
  sources_.push_back(&source);
  transport_ = transport;
  find_door();
}

void Evidence::remove(const PathWitness& source) {
  sources_.erase(std::remove(sources_.begin(), sources_.end(), &source), sources_.end());
}

/// Where the peer was, it is asked for even when the connection has gone.
void Evidence::find_door() {
  std::optional<PeerDoor> found;
  for (const PathWitness* source : sources_)
    if (!found) found = source->door();
  if (!found) return;
  const bool moved = !door_ || door_->peer.to_string() != found->peer.to_string() || door_->echo_port != found->echo_port;
  door_ = std::move(found);
  counters_.use_interface_of(door_->local);
  if (moved && door_->echo_port != 0) echo_.aim(door_->peer, door_->echo_port);
}

void Evidence::ticked(Instant now) {
  echo_.listen(now);
  settle(now);
  const Duration waited = watch_.longest_wait();
  const bool overdue = waited >= suspicion_;
  if (now - last_look_ >= (overdue ? pace_.overdue : pace_.quiet)) look(now);
  ask(now, waited);
}

void Evidence::look(Instant now) {
  last_look_ = now;
  sample_ = {};
  sample_.at = now;
  sample_.loop_late = watch_.total_lateness();
  sample_.operations = watch_.operations_ended();
  sample_.host = counters_.read();
  sample_.knock = knocker_.count(now);
  sample_.echo = echo_.count();
  gather(sample_);
  ring_.add(sample_);
}

/// Those connections are kept whose answers are the oldest owed ones.
void Evidence::gather(EvidenceSample& sample) {
  constexpr std::size_t most = EvidenceSample::connections_max;
  std::array<ConnectionEvidence, most> found;
  const auto older = [](const ConnectionEvidence& a, const ConnectionEvidence& b) {
    if (a.oldest.has_value() != b.oldest.has_value()) return a.oldest.has_value();
    return a.oldest && a.oldest->sent < b.oldest->sent;
  };
  const std::size_t looked_at = std::min(sources_.size(), sources_looked_at_max);
  for (std::size_t i = 0; i < looked_at; ++i) {
    const std::size_t count = sources_[i]->examine(found);
    for (std::size_t k = 0; k < count; ++k) {
      auto* const begin = sample.connections.data();
      auto* const end = begin + sample.connection_count;
      if (sample.connection_count < most) {
        *end = found[k];
        ++sample.connection_count;
      } else if (auto* youngest = std::max_element(begin, end, older); older(found[k], *youngest)) {
        *youngest = found[k];
      }
    }
  }
}

void Evidence::ask(Instant now, Duration waited) {
  const bool overdue = waited >= suspicion_;
  knock(now, waited);
  if (now - last_ask_ < (overdue ? between_asks : pace_.quiet)) return;
  last_ask_ = now;
  echo_.send();
  const std::size_t asked = std::min(sources_.size(), sources_looked_at_max);
  for (std::size_t i = 0; i < asked; ++i) sources_[i]->ping();
}

void Evidence::knock(Instant now, Duration waited) {
  if (stopping_ || !door_) return;
  const bool held_up = waited >= knocks_after_;
  if (!knocker_.idle()) {
    if (held_up)
      knocker_.renew(now);
    else if (knocker_.count(now).waiting >= answered_when_well || knocker_.count(now).connecting >= answered_when_well)
      knocker_.give_up();
    return;
  }
  // Once when all is well, so that it is known what silence means.
  const bool first = !knocked_when_well_ && now - watch_.start_of_run() >= pace_.overdue;
  if (!first && !(held_up && now - knocker_.idle_since() >= between_knocks)) return;
  knocked_when_well_ = true;
  find_door();
  // What comes of it is told from what was before by a look at this moment.
  if (held_up) look(now);
  knocker_.knock(*door_, now);
}

Testimony Evidence::testify(const PathEvent& event, const EpisodeView& episode) {
  if (event.kind == EventKind::local_pause) return of_a_pause(event);
  StallFrame frame;
  frame.began = episode.began;
  frame.stalled = event.lasted;
  if (episode.succeeded) frame.ended = episode.now;
  ring_.hold(frame.began);
  note_what_is_stuck(frame);
  const bool need_new = episode.succeeded || event.kind == EventKind::outage || episode.now - last_look_ >= fresh;
  if (need_new) look(episode.now);
  if (episode.over) {
    ring_.let_go();
    unsettled_.reset();
    if (episode.succeeded) unsettled_ = frame;
  }
  return put(frame);
}

/// When what comes late has had its time, the stall that ended last is judged by that as well.
void Evidence::settle(Instant now) {
  if (!unsettled_ || now - *unsettled_->ended < settles_within) return;
  const StallFrame frame = *std::exchange(unsettled_, std::nullopt);
  look(now);
  watch_.amend_last_episode(put(frame));
}

Testimony Evidence::put(const StallFrame& frame) {
  const BlameJudgement judgement = judge_stall(ring_.samples(), frame, transport_, stuck_in_, &counters_);
  Testimony testimony;
  testimony.blame = to_string(judgement.blame);
  testimony.peer = to_string(judgement.life);
  testimony.evidence = joined(judgement.because);
  testimony.more = joined(judgement.would_tell_more);
  if (testified_ < events_with_rows_max)
    testimony.samples = rows_of(ring_.samples(), frame, watch_.start_of_run(), rows_max);
  if (frame.ended) ++testified_;
  return testimony;
}

/// Why we did not run: no processor, or stopped, or held in a system call.
Testimony Evidence::of_a_pause(const PathEvent& event) const {
  Testimony testimony;
  testimony.blame = to_string(Blame::local);
  const HostSample now = counters_.read();
  const EvidenceSample* before = ring_.empty() ? nullptr : &ring_.last();
  const Duration waited = before == nullptr ? Duration(0) : now.cpu_waited - before->host.cpu_waited;
  const Duration stolen = before == nullptr ? Duration(0) : now.cpu_stolen - before->host.cpu_stolen;
  if (before == nullptr)
    testimony.evidence = "nobody had looked before";
  else if (waited >= event.lasted / 2)
    testimony.evidence = fmt::format("it waited {} for a processor", time_text(waited));
  else if (stolen >= event.lasted / 2)
    testimony.evidence = fmt::format("the hypervisor took {} of each processor", time_text(stolen));
  else
    testimony.evidence = fmt::format("it waited {} for a processor: it was stopped, or held in a system call",
                                     time_text(waited));
  return testimony;
}

void Evidence::note_what_is_stuck(const StallFrame& frame) {
  if (std::exchange(stuck_since_, frame.began) != frame.began) stuck_in_.clear();
  for (const PathWitness* source : sources_)
    if (std::string words = source->stuck_in(); !words.empty()) stuck_in_ = std::move(words);
}

Task<void> Evidence::stop() {
  stopping_ = true;
  if (unsettled_) {
    const StallFrame frame = *std::exchange(unsettled_, std::nullopt);
    watch_.amend_last_episode(put(frame));
  }
  co_await knocker_.stop();
}

}  // namespace holdfast::initiator
