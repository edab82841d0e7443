#include "initiator/report/diff.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <utility>

#include "initiator/report/blame_words.h"
#include "initiator/report/format.h"
#include "initiator/report/judgement.h"
#include "initiator/report/ranking.h"

namespace holdfast::initiator {
namespace {

using Mark = DiffRow::Mark;
using Better = FigureTraits::Better;

constexpr double tolerance_max = 10;
constexpr double same_work = 0.01;

/// Counts of what should not happen at all: of them the worst round counts, and not the median.
constexpr std::array<Figure, 4> events = {Figure::stalls, Figure::hangs, Figure::mismatches,
                                          Figure::problems};
/// Events of which a single one more is too many.
constexpr std::array<Figure, 2> disasters = {Figure::hangs, Figure::mismatches};
/// Figures that the noise of an A/A row speaks of.
constexpr std::array<Figure, 3> speeds = {Figure::copy_seconds, Figure::mib_per_second,
                                          Figure::files_per_second};

template <std::size_t count>
bool is_one_of(Figure figure, const std::array<Figure, count>& list) {
  return std::find(list.begin(), list.end(), figure) != list.end();
}

/// A single run as a comparison of one.
CompareRecord as_comparison(const RunRecord& run) {
  CompareRecord record;
  CompareDestination destination;
  destination.url = run.destination.url;
  destination.transport = run.destination.transport;
  record.destinations.push_back(std::move(destination));
  record.runs.push_back({"", 1, CacheState::warm, run});
  record.source = run.workload.source;
  return record;
}

double value_in(Figure figure, const Spread& spread) {
  return is_one_of(figure, events) ? spread.max : spread.median;
}

/// Whether the spread of either, or the noise of either machine, covers the difference.
bool is_covered(const DiffRow& row, double noise) {
  if (is_one_of(row.figure, events)) return false;
  if (row.a.count > 1 && row.b.count > 1 && !row.a.apart_from(row.b)) return true;
  return is_one_of(row.figure, speeds) && row.change && std::abs(*row.change) <= noise;
}

Mark mark_of(const DiffRow& row, double tolerance, double noise) {
  const FigureTraits& trait = traits(row.figure);
  if (row.a.count == 0 || row.b.count == 0 || trait.better == Better::neither)
    return Mark::unjudged;
  const double before = value_in(row.figure, row.a);
  const double after = value_in(row.figure, row.b);
  const Mark direction =
      (after > before) == (trait.better == Better::more) ? Mark::better : Mark::worse;
  if (is_one_of(row.figure, disasters) && after > before) return Mark::worse;
  if (std::abs(after - before) <= trait.grain) return Mark::same;
  if (row.change && std::abs(*row.change) <= tolerance) return Mark::same;
  return is_covered(row, noise) ? Mark::same : direction;
}

DiffRow row_of(Figure figure, const DestinationSummary& a, const DestinationSummary& b,
               double tolerance, double noise) {
  DiffRow row;
  row.label = a.destination->label;
  row.figure = figure;
  row.a = a[figure];
  row.b = b[figure];
  const double before = value_in(figure, row.a);
  if (row.a.count > 0 && row.b.count > 0 && before > 0)
    row.change = value_in(figure, row.b) / before - 1;
  row.mark = mark_of(row, tolerance, noise);
  return row;
}

/// "nfs: " before what is told of a destination; nothing before what is told of the only one.
std::string whose(const DestinationSummary& row) {
  return row.destination->label.empty() ? "" : printable_text(row.destination->label) + ": ";
}

std::string unfinished_text(const DestinationSummary& row) {
  return fmt::format("{} of {} did not finish", row.unfinished,
                     count_text(row.runs.size(), "run", "runs"));
}

void add_pair(Diff& diff, const DestinationSummary& a, const DestinationSummary& b, double noise) {
  for (std::size_t i = 0; i < figure_count; ++i) {
    const auto figure = static_cast<Figure>(i);
    if (a[figure].count + b[figure].count > 0)
      diff.rows.push_back(row_of(figure, a, b, diff.tolerance, noise));
  }
  const std::string blamed = blames_text(blames_of(a.runs));
  const std::string blamed_now = blames_text(blames_of(b.runs));
  if (blamed != blamed_now)
    diff.notes.push_back(fmt::format("{}stalls were blamed on: {} before, {} now", whose(b),
                                     blamed.empty() ? "none" : blamed, blamed_now.empty() ? "none" : blamed_now));
  if (b.unfinished * a.runs.size() > a.unfinished * b.runs.size())
    diff.regressions.push_back(fmt::format("{}{}, before {}", whose(b), unfinished_text(b),
                                           a.unfinished == 0 ? "all did" : unfinished_text(a)));
  for (const auto& [one, other] : {std::pair(&a, &b), std::pair(&b, &a)})
    if (one->saturated > 0 && other->saturated == 0)
      diff.notes.push_back(fmt::format("{}the tool itself was at its limit in the {} record only",
                                       whose(*one), one == &a ? "first" : "second"));
}

const DestinationSummary* find(const std::vector<DestinationSummary>& rows,
                               const DestinationSummary& like) {
  for (const DestinationSummary& row : rows)
    if (row.destination->label == like.destination->label && row.cache == like.cache) return &row;
  return nullptr;
}

void note_unlike(Diff& diff, const std::string& what, const std::string& a, const std::string& b) {
  if (a != b)
    diff.notes.push_back(
        fmt::format("{}: {} before, {} now", what, printable_text(a), printable_text(b)));
}

std::string work_of(const RunRecord& run) {
  return fmt::format("{} in {}", bytes_text(run.totals.bytes),
                     count_text(run.totals.files, "file", "files"));
}

bool differs_much(std::uint64_t a, std::uint64_t b) {
  const auto less = static_cast<double>(std::min(a, b));
  const auto more = static_cast<double>(std::max(a, b));
  return more - less > same_work * more;
}

void note_conditions(Diff& diff, const CompareRecord& a, const CompareRecord& b) {
  note_unlike(diff, "source", a.source, b.source);
  note_unlike(diff, "kernel", a.machine.kernel, b.machine.kernel);
  note_unlike(diff, "processor", a.machine.cpu_model, b.machine.cpu_model);
  if (a.runs.empty() || b.runs.empty()) return;
  const RunRecord& first = a.runs.front().record;
  const RunRecord& second = b.runs.front().record;
  note_unlike(diff, "stall limit", duration_text(first.workload.stall_limit),
              duration_text(second.workload.stall_limit));
  const bool finished =
      first.workload.outcome == Outcome::finished && second.workload.outcome == Outcome::finished;
  if (finished && (differs_much(first.totals.bytes, second.totals.bytes) ||
                   differs_much(first.totals.files, second.totals.files)))
    note_unlike(diff, "the work", work_of(first), work_of(second));
}

double noise_in(const CompareRecord& record, CacheState cache) {
  return noise_of(record, cache).largest;
}

Diff diff_of(const CompareRecord& a, const CompareRecord& b, double tolerance) {
  Diff diff;
  diff.tolerance = tolerance;
  note_conditions(diff, a, b);
  const auto before = summarize(a);
  const auto now = summarize(b);
  for (const DestinationSummary& row : before) {
    const DestinationSummary* same = find(now, row);
    const double noise = std::max(noise_in(a, row.cache), noise_in(b, row.cache));
    if (same != nullptr) {
      add_pair(diff, row, *same, noise);
      continue;
    }
    const CompareDestination* gone = b.find(row.destination->label);
    const std::string why =
        gone == nullptr || gone->reason.empty() ? "" : " (" + printable_text(gone->reason) + ")";
    diff.regressions.push_back(fmt::format("{}ran before and does not now{}", whose(row), why));
  }
  for (const DestinationSummary& row : now)
    if (find(before, row) == nullptr)
      diff.notes.push_back(whose(row) + "ran now and did not before");
  return diff;
}

Error wrong(std::string message) {
  return Error{ErrorKind::invalid_input, EINVAL, std::move(message)};
}

}  // namespace

bool Diff::worse() const {
  return !regressions.empty() || std::any_of(rows.begin(), rows.end(), [](const DiffRow& row) {
    return row.mark == Mark::worse;
  });
}

Result<Diff> diff_of(const SavedRecord& a, const SavedRecord& b, double tolerance) {
  if (a.index() != b.index()) return wrong("one is the record of a run, the other of a comparison");
  if (const auto* before = std::get_if<CompareRecord>(&a))
    return diff_of(*before, std::get<CompareRecord>(b), tolerance);
  const auto& before = std::get<RunRecord>(a);
  const auto& now = std::get<RunRecord>(b);
  if (before.workload.kind != now.workload.kind)
    return wrong(fmt::format("one is of a {}, the other of a {}",
                             printable_text(before.workload.kind),
                             printable_text(now.workload.kind)));
  Diff diff = diff_of(as_comparison(before), as_comparison(now), tolerance);
  note_unlike(diff, "destination", before.destination.url, now.destination.url);
  return diff;
}

Result<double> parse_tolerance(const std::string& text) {
  double percent = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, percent, std::chars_format::fixed);
  const std::string_view rest(read.ptr, static_cast<std::size_t>(end - read.ptr));
  const bool number = read.ec == std::errc() && (rest.empty() || rest == "%");
  if (!number || !(percent >= 0) || percent > tolerance_max * 100)
    return wrong(text + " is no tolerance: write 10% or 2.5%, at most 1000%");
  return percent / 100;
}

}  // namespace holdfast::initiator
