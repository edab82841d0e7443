#include "initiator/watch/watch.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/base/check.h"

namespace holdfast::initiator {
namespace {

// How often the witness of an episode that lasts is asked again.
constexpr Duration heard_every = std::chrono::seconds(1);

}  // namespace

Watch::Watch(const WatchOptions& options, Instant start)
    : options_(options),
      start_(start),
      names_({}, [this](std::uint32_t number, const std::string& name) { keep_name(number, name); }),
      slots_(options.slots),
      now_(start),
      last_progress_{start, {}},
      head_since_{start, {}} {
  free_.reserve(options.slots);
  for (std::uint32_t i = options.slots; i > 0; --i) free_.push_back(i - 1);
}

std::uint32_t Watch::begin(OperationKind kind, std::uint64_t lba, std::uint64_t bytes,
                           std::uint32_t file, Instant due, Instant now) {
  advance(now);
  CHECK(!free_.empty());
  const std::uint32_t index = free_.back();
  free_.pop_back();
  Slot& slot = slots_[index];
  slot.kind = kind;
  slot.used = true;
  slot.file = file;
  slot.lba = lba;
  slot.bytes = bytes;
  slot.due = mark(std::min(due, now));
  // What was due long ago may have waited for its turn behind others, which the peer did answer; what
  // it owes since before the last answer it is asked for from there.
  if (in_flight_ == 0) last_progress_ = later(last_progress_, slot.due);
  link(index);
  ++in_flight_;
  if (oldest_ == index) head_since_ = later(head_since_, slot.due);
  if (!tick_due_) tick_due_ = now_ + options_.tick;
  return index;
}

void Watch::end(std::uint32_t index, int error, Instant now) {
  advance(now);
  Slot& slot = slots_[index];
  CHECK(slot.used);
  judge();
  if (error == 0)
    completed(slot);
  else if (error != ECANCELED)
    ++errors_;
  if (error != ECANCELED) timeline_.completed(slot.kind, slot.bytes, error != 0, since(slot.due));
  const bool was_head = oldest_ == index;
  unlink(index);
  slot.used = false;
  slot.forgotten_name.clear();
  free_.push_back(index);
  --in_flight_;
  ++ended_;
  if (was_head) head_since_ = mark(now_);
  if (!episode_) return;
  if (in_flight_ > 0 && std::max(since(last_progress_), since(head_since_)) >= options_.stall) return;
  if (error != 0) episode_->kind = EventKind::hang;
  close_episode(error == ECANCELED ? "given up by us, unanswered" : (error != 0 ? "ended by an error" : ""),
                error == 0);
}

void Watch::completed(const Slot& slot) {
  latencies_[static_cast<std::size_t>(slot.kind)].record(since(slot.due));
  const Duration gap = since(last_progress_);
  gaps_.record(gap);
  timeline_.gap(gap);
  worst_gap_ = std::max(worst_gap_, gap);
  if (!episode_ && gap >= options_.hiccup) hiccup(gap);
  last_progress_ = mark(now_);
}

void Watch::hiccup(Duration gap) {
  if (gap < options_.hiccup_medians * gaps_.percentile(50)) return;
  PathEvent event;
  event.kind = EventKind::hiccup;
  event.at = from_start(last_progress_.when);
  event.lasted = gap;
  event.loop_late = late_total_ - last_progress_.late;
  event.has_operation = true;
  event.operation = describe(slots_[oldest_]);
  count_event(event);
}

void Watch::tick(Instant now) {
  advance(now);
  judge();
  tick_due_.reset();
  if (in_flight_ > 0) tick_due_ = now_ + options_.tick;
}

void Watch::advance(Instant now) {
  // Completions are stamped with the beginning of their turn, submissions with the moment itself, so
  // moments can come a little out of order; time does not run backwards for us.
  const Instant last = std::exchange(now_, std::max(now_, now));
  note_lateness(last);
  while (from_start(now_) >= timeline_.row_end()) {
    // As it stood when the row ended, which is a little ago.
    const Duration ago = from_start(now_) - timeline_.row_end();
    if (in_flight_ > 0) timeline_.gap(std::max(Duration(0), since(last_progress_) - ago));
    timeline_.end_row(in_flight_);
  }
}

void Watch::note_lateness(Instant last) {
  if (!tick_due_ || now_ <= *tick_due_) return;
  const Duration late = now_ - *tick_due_;
  worst_lateness_ = std::max(worst_lateness_, late);
  timeline_.late(late);
  if (late <= options_.local_pause) {
    // The loop hands completions out before timers, so a tick is always a little late.
    if (late >= std::chrono::milliseconds(1)) late_total_ += late;
  } else {
    // We cannot know what the peer did since we last ran, so none of that time is counted against it.
    late_total_ += now_ - last;
    PathEvent event;
    event.kind = EventKind::local_pause;
    event.at = from_start(*tick_due_);
    event.lasted = late;
    event.loop_late = late;
    event.blame = "local";
    hear(event, {.began = *tick_due_, .now = now_, .over = true, .succeeded = false});
    count_event(event);
  }
  tick_due_ = now_;  // The rest of this turn is not late a second time.
}

void Watch::judge() {
  if (in_flight_ == 0) return;
  const Duration gap = since(last_progress_);
  const Duration wait = std::max(gap, since(head_since_));
  worst_gap_ = std::max(worst_gap_, gap);
  if (wait < options_.stall && !episode_) return;
  const bool opened = !episode_;
  if (opened) open_episode(gap);
  episode_->lasted = since(episode_began_);
  episode_->loop_late = late_total_ - episode_began_.late;
  const bool hung = wait >= options_.hang && episode_->kind != EventKind::hang;
  if (hung) {
    episode_->kind = EventKind::hang;
    episode_->operation = describe(slots_[oldest_]);
    episode_->in_flight = in_flight();
  }
  if (!opened && !hung) return hear_again();
  heard_at_ = now_;
  hear(*episode_, {.began = episode_began_.when, .now = now_});
  if (listener_ != nullptr) listener_->event_opened(*episode_);
}

/// Takes down what the witness says of `event`.
void Watch::hear(PathEvent& event, const EpisodeView& episode) {
  if (witness_ == nullptr) return;
  Testimony testimony = witness_->testify(event, episode);
  event.blame = std::move(testimony.blame);
  event.peer = std::move(testimony.peer);
  event.more = std::move(testimony.more);
  event.samples = std::move(testimony.samples);
  if (!event.evidence.empty() && !testimony.evidence.empty() && event.kind == EventKind::outage)
    event.evidence += "; " + testimony.evidence;
  else if (!testimony.evidence.empty())
    event.evidence = std::move(testimony.evidence);
}

/// What a stall looked like when it had just passed its limit need not be all that there is to see.
void Watch::hear_again() {
  if (witness_ == nullptr || now_ - heard_at_ < heard_every) return;
  heard_at_ = now_;
  const std::string before = episode_->blame;
  hear(*episode_, {.began = episode_began_.when, .now = now_});
  if (listener_ != nullptr && episode_->blame != before) listener_->event_explained(*episode_);
}

void Watch::amend_last_episode(Testimony testimony) {
  if (!last_episode_) return;
  PathEvent& event = events_[*last_episode_];
  const bool changed = event.blame != testimony.blame;
  event.blame = std::move(testimony.blame);
  event.peer = std::move(testimony.peer);
  event.evidence = std::move(testimony.evidence);
  event.more = std::move(testimony.more);
  event.samples = std::move(testimony.samples);
  if (changed && listener_ != nullptr) listener_->event_explained(event);
}

Duration Watch::longest_wait() const {
  if (in_flight_ == 0) return Duration(0);
  return std::max(since(last_progress_), since(head_since_));
}

void Watch::open_episode(Duration gap) {
  episode_.emplace();
  episode_->kind = EventKind::stall;
  episode_->open = true;
  episode_->has_operation = true;
  episode_->operation = describe(slots_[oldest_]);
  episode_began_ = gap >= options_.stall ? last_progress_ : head_since_;
  episode_->at = from_start(episode_began_.when);
}

void Watch::close_episode(const std::string& evidence, bool succeeded) {
  PathEvent event = std::move(*episode_);
  episode_.reset();
  event.open = false;
  event.lasted = since(episode_began_);
  event.loop_late = late_total_ - episode_began_.late;
  hear(event, {.began = episode_began_.when, .now = now_, .over = true, .succeeded = succeeded});
  if (!event.evidence.empty() && !evidence.empty()) event.evidence += "; ";
  event.evidence += evidence;
  last_episode_.reset();
  if (events_.size() < options_.events_max) last_episode_ = events_.size();
  count_event(event);
}

void Watch::reconnected(Duration lasted, const std::string& evidence, Instant now) {
  advance(now);
  PathEvent event;
  event.kind = EventKind::reconnect;
  event.at = from_start(now_ - lasted);
  event.lasted = lasted;
  event.evidence = evidence;
  count_event(event);
}

void Watch::outage(const std::string& evidence, Instant now) {
  advance(now);
  PathEvent event;
  event.kind = EventKind::outage;
  event.at = from_start(now_);
  event.evidence = evidence;
  if (oldest_ != none) {
    event.has_operation = true;
    event.operation = describe(slots_[oldest_]);
    event.in_flight = in_flight();
  }
  hear(event, {.began = in_flight_ > 0 ? last_progress_.when : now_, .now = now_, .over = !episode_, .succeeded = false});
  count_event(event);
}

void Watch::finish(Instant now) {
  advance(now);
  judge();
  if (episode_) {
    episode_->kind = EventKind::hang;
    if (episode_->in_flight.empty()) episode_->in_flight = in_flight();
    close_episode("still open when the run ended", false);
  }
  if (in_flight_ > 0) timeline_.gap(since(last_progress_));
  timeline_.end_run(in_flight_, from_start(now_));
  tick_due_.reset();
}

void Watch::count_event(const PathEvent& event) {
  ++counts_[static_cast<std::size_t>(event.kind)];
  if (events_.size() < options_.events_max)
    events_.push_back(event);
  else
    ++events_dropped_;
  if (listener_ != nullptr) listener_->event_ended(event);
}

std::vector<PathEvent> Watch::events() const {
  std::vector<PathEvent> all = events_;
  if (episode_) all.push_back(*episode_);
  return all;
}

Histogram Watch::latency_of_all() const {
  Histogram all;
  for (const Histogram& one : latencies_) all.merge(one);
  return all;
}

std::vector<InFlightOperation> Watch::in_flight() const {
  std::vector<InFlightOperation> found;
  found.reserve(in_flight_);
  for (std::uint32_t i = oldest_; i != none; i = slots_[i].younger) found.push_back(describe(slots_[i]));
  return found;
}

Duration Watch::since(const Mark& mark) const {
  return std::max(Duration(0), now_ - mark.when - (late_total_ - mark.late));
}

InFlightOperation Watch::describe(const Slot& slot) const {
  const std::string& name = names_.name(slot.file);
  return {slot.kind, slot.lba, slot.bytes, name.empty() ? slot.forgotten_name : name, since(slot.due),
          options_.on_files};
}

Duration Watch::open_gap(Instant now) const {
  if (in_flight_ == 0 || now < now_) return Duration(0);
  return since(last_progress_) + (now - now_);
}

void Watch::keep_name(std::uint32_t number, const std::string& name) {
  for (std::uint32_t i = oldest_; i != none; i = slots_[i].younger)
    if (slots_[i].file == number) slots_[i].forgotten_name = name;
}

// The list is ordered by due time. New operations are due now, or a little ago when they had to wait
// for their turn, so the right place is at its young end or near it.
void Watch::link(std::uint32_t index) {
  Slot& slot = slots_[index];
  std::uint32_t before = youngest_;
  while (before != none && slots_[before].due.when > slot.due.when) before = slots_[before].older;
  slot.older = before;
  slot.younger = before == none ? oldest_ : slots_[before].younger;
  (slot.older == none ? oldest_ : slots_[slot.older].younger) = index;
  (slot.younger == none ? youngest_ : slots_[slot.younger].older) = index;
}

void Watch::unlink(std::uint32_t index) {
  Slot& slot = slots_[index];
  (slot.older == none ? oldest_ : slots_[slot.older].younger) = slot.younger;
  (slot.younger == none ? youngest_ : slots_[slot.younger].older) = slot.older;
  slot.older = slot.younger = none;
}

}  // namespace holdfast::initiator
