#include "initiator/cli/live_display.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "initiator/cli/guard.h"
#include "initiator/report/format.h"
#include "initiator/report/run_text.h"

namespace holdfast::initiator {
namespace {

constexpr Duration terminal_period = std::chrono::milliseconds(200);
constexpr Duration plain_period = std::chrono::seconds(10);
constexpr std::size_t plain_columns = 200;
constexpr Duration history_length = std::chrono::seconds(5);

const char* phase_name(Progress::Phase phase) {
  switch (phase) {
    case Progress::Phase::looking: return "looking at the source";
    case Progress::Phase::copying: return "copying";
    case Progress::Phase::syncing: return "syncing";
    case Progress::Phase::verifying: return "verifying";
    case Progress::Phase::loading: return "loading";
    case Progress::Phase::reading_back: return "reading back";
    case Progress::Phase::over: return "done";
  }
  return "";
}

std::string left_text(std::chrono::seconds left) {
  return left < std::chrono::minutes(1) ? fmt::format("{} s", left.count()) : duration_text(left);
}

std::size_t terminal_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

double slope(const std::deque<std::pair<Instant, std::uint64_t>>& history) {
  if (history.size() < 2 || history.back().first == history.front().first) return 0;
  const double time = static_cast<double>((history.back().first - history.front().first).count()) / 1e9;
  return static_cast<double>(history.back().second - history.front().second) / time;
}

/// A piece of the line; the lightest goes first when there is no room.
struct Part {
  std::string text;
  int weight;
};

std::vector<Part> counts(const Progress& progress, const Pace& pace) {
  if (progress.phase == Progress::Phase::loading) {
    const auto rate = static_cast<std::uint64_t>(std::llround(pace.entries));
    std::vector<Part> parts;
    if (rate > 0) parts.push_back({with_commas(rate) + " IOPS", 6});
    if (progress.waiting > 0) parts.push_back({with_commas(progress.waiting) + " due and waiting", 5});
    return parts;
  }
  const bool blocks = progress.phase == Progress::Phase::reading_back;
  if (blocks && progress.entries_total == 0) return {};
  return {{fmt::format("{} of {}", with_commas(progress.entries_done),
                       count_text(progress.entries_total, blocks ? "block" : "entry", blocks ? "blocks" : "entries")),
           1},
          {fmt::format("{} of {}", bytes_text(progress.bytes_done), bytes_text(progress.bytes_total)), 2}};
}

}  // namespace

std::string progress_line(const Progress& progress, const Watch& watch, Instant now, const Pace& pace,
                          std::size_t columns) {
  if (progress.phase == Progress::Phase::looking) return phase_name(progress.phase);
  std::vector<Part> parts = counts(progress, pace);
  if (pace.bytes > 0) parts.push_back({fmt::format("{}/s", bytes_text(static_cast<std::uint64_t>(pace.bytes))), 5});
  if (pace.left >= std::chrono::seconds(0)) parts.push_back({left_text(pace.left) + " left", 4});
  parts.push_back({fmt::format("{} in flight", watch.in_flight_count()), 3});
  const Duration gap = std::max(watch.worst_gap(), watch.open_gap(now));
  parts.push_back({"worst gap " + duration_text(gap), 6});
  if (const PathEvent* episode = watch.open_episode(); episode != nullptr)
    parts.push_back({fmt::format("{} for {}: {}", episode->kind == EventKind::hang ? "HUNG" : "STALLED",
                                 duration_text(episode->lasted), printable_text(episode->blame)),
                     8});
  if (progress.problems > 0) parts.push_back({count_text(progress.problems, "problem", "problems"), 7});
  for (;;) {
    std::string line = phase_name(progress.phase);
    for (const Part& part : parts) line += (&part == parts.data() ? ": " : ", ") + part.text;
    if (line.size() <= columns || parts.empty()) return line;
    parts.erase(std::min_element(parts.begin(), parts.end(),
                                 [](const Part& a, const Part& b) { return a.weight < b.weight; }));
  }
}

LiveDisplay::Style LiveDisplay::style_for(bool quiet) {
  if (quiet) return Style::none;
  return ::isatty(STDERR_FILENO) == 1 ? Style::terminal : Style::plain;
}

LiveDisplay::LiveDisplay(Loop& loop, Style style, const Progress& progress, const Watch& watch)
    : Timer(loop), style_(style), progress_(progress), watch_(watch), last_plain_(clock_now()) {
  if (style_ != Style::none) arm(clock_now() + terminal_period);
}

LiveDisplay::~LiveDisplay() { clear(); }

void LiveDisplay::expire() {
  const Instant now = clock_now();
  arm(now + terminal_period);
  note_progress(now);
  if (style_ == Style::terminal) {
    // The last column stays free: a terminal would begin the next line there.
    const std::string line = progress_line(progress_, watch_, now, pace(now), terminal_columns() - 1);
    write_without_waiting(STDERR_FILENO, "\r\x1b[K" + line);
    line_shown_ = true;
    return;
  }
  if (progress_.phase == phase_ && now - last_plain_ < plain_period) return;
  phase_ = progress_.phase;
  last_plain_ = now;
  say(progress_line(progress_, watch_, now, pace(now), plain_columns));
}

void LiveDisplay::note_progress(Instant now) {
  for (auto* history : {&history_, &entries_}) {
    const std::uint64_t done = history == &history_ ? progress_.bytes_done : progress_.entries_done;
    if (!history->empty() && done < history->back().second) history->clear();  // the next phase
    history->emplace_back(now, done);
    while (now - history->front().first > history_length) history->pop_front();
  }
}

Pace LiveDisplay::pace(Instant now) const {
  Pace pace{.bytes = slope(history_), .entries = slope(entries_)};
  pace.left = left(pace, now);
  return pace;
}

/// The longer of what the bytes and the entries that are left will take; of a load, its time.
std::chrono::seconds LiveDisplay::left(const Pace& pace, Instant now) const {
  if (progress_.phase == Progress::Phase::loading)
    return std::chrono::ceil<std::chrono::seconds>(std::max(Duration(0), progress_.until - now));
  if (progress_.phase == Progress::Phase::syncing || (pace.bytes <= 0 && pace.entries <= 0))
    return std::chrono::seconds(-1);
  const auto rest = [](std::uint64_t total, std::uint64_t done, double per_second) {
    if (done >= total || per_second <= 0) return 0.0;
    return static_cast<double>(total - done) / per_second;
  };
  const double seconds = std::max(rest(progress_.bytes_total, progress_.bytes_done, pace.bytes),
                                  rest(progress_.entries_total, progress_.entries_done, pace.entries));
  return std::chrono::seconds(static_cast<std::int64_t>(std::ceil(std::min(seconds, 1e9))));
}

void LiveDisplay::show(const PathEvent& event) {
  const bool over = event.kind == EventKind::stall && !event.open;
  say(fmt::format("{:.3f} s: {}{}", seconds_of(event.at), event_line(event), over ? ", now over" : ""));
}

void LiveDisplay::explain(const PathEvent& event) {
  say(fmt::format("{:.3f} s: the {} there: {}", seconds_of(event.at), to_string(event.kind), reason_text(event)));
}

void LiveDisplay::say(std::string_view text) {
  if (style_ == Style::none) return;
  clear();
  write_without_waiting(STDERR_FILENO, fmt::format("holdfast: {}\n", text));
}

void LiveDisplay::end_progress() {
  disarm();
  clear();
}

void LiveDisplay::clear() {
  if (!line_shown_) return;
  line_shown_ = false;
  write_without_waiting(STDERR_FILENO, "\r\x1b[K");
}

}  // namespace holdfast::initiator
