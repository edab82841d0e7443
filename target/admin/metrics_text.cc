#include "target/admin/metrics_text.h"

#include <fmt/format.h>

#include <iterator>

#include "target/admin/slow.h"

namespace holdfast::target {
namespace {

/// Where the buckets of what is exported end, as powers of two in nanoseconds, since there the counts
/// are exact: from 16 microseconds to 69 seconds.
constexpr unsigned bounds[] = {14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36};

double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

template <typename... Arguments>
void add(std::string& to, fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  fmt::format_to(std::back_inserter(to), format, std::forward<Arguments>(arguments)...);
}

void add_single(std::string& to, const char* name, const char* type, const char* help, double value) {
  add(to, "# HELP {0} {2}\n# TYPE {0} {1}\n{0} {3}\n", name, type, help, value);
}

void add_histogram(std::string& to, const char* name, const std::string& labels, const Histogram& histogram) {
  // Durations are whole nanoseconds, so what is less than 2^n is at most 2^n - 1.
  for (unsigned bound : bounds)
    add(to, "{}_bucket{{{},le=\"{:.9f}\"}} {}\n", name, labels,
        static_cast<double>((std::uint64_t{1} << bound) - 1) / 1e9, histogram.count_below(bound));
  add(to, "{}_bucket{{{},le=\"+Inf\"}} {}\n", name, labels, histogram.count());
  add(to, "{}_sum{{{}}} {}\n", name, labels, seconds(histogram.sum()));
  add(to, "{}_count{{{}}} {}\n", name, labels, histogram.count());
}

std::string facts_of_the_daemon(const Administrator& administrator) {
  const FlightRecorder& recorder = administrator.recorder();
  std::string text;
  add(text, "# HELP holdfast_build_info The version that runs; always 1.\n# TYPE holdfast_build_info gauge\n"
            "holdfast_build_info{{version=\"{}\"}} 1\n", HOLDFAST_VERSION);
  add_single(text, "holdfast_uptime_seconds", "gauge", "How long the daemon has run.",
             seconds(clock_now() - administrator.began()));
  add_single(text, "holdfast_targets", "gauge", "Targets that are served.",
             static_cast<double>(administrator.targets().all().size()));
  std::size_t connections = 0;
  administrator.sessions().visit_from(0, [&](std::uint16_t, const Session& session) {
    connections += session.connections().size();
    return true;
  });
  add_single(text, "holdfast_sessions", "gauge", "Sessions that anything is left of.",
             static_cast<double>(administrator.sessions().size()));
  add_single(text, "holdfast_connections", "gauge", "Connections of these sessions.", static_cast<double>(connections));
  add_single(text, "holdfast_slow_limit_seconds", "gauge", "A command that takes longer is slow; 0: none is timed.",
             seconds(recorder.limit()));
  add_single(text, "holdfast_slow_commands_total", "counter", "Commands that were slow and are over.",
             static_cast<double>(recorder.commands_added()));
  add_single(text, "holdfast_stuck_commands", "gauge", "Commands that are slow and not over, up to 256.",
             static_cast<double>(count_stuck(administrator)));
  add_single(text, "holdfast_pauses_total", "counter",
             "How often this process did not run for 100 ms or more while something was under way.",
             static_cast<double>(recorder.pauses_seen()));
  return text;
}

}  // namespace

/// A metric that every LUN has. Either `count` or `histogram`.
struct MetricsText::Family {
  const char* name;
  const char* type;
  const char* help;
  std::uint64_t (*count)(const UnitStatistics::OfKind&) = nullptr;
  bool whole = false;   // of the command as a whole
  bool stages = false;  // of each stage
};

constexpr MetricsText::Family MetricsText::families[] = {
    {"holdfast_commands_in_flight", "gauge", "Commands that have come and are not over."},
    {"holdfast_commands_total", "counter", "Commands that were answered.",
     [](const UnitStatistics::OfKind& of) { return of.of(StageSpan::whole).count(); }},
    {"holdfast_commands_failed_total", "counter", "Commands that were answered with another status than GOOD.",
     [](const UnitStatistics::OfKind& of) { return of.failed; }},
    {"holdfast_commands_aborted_total", "counter", "Commands that had no answer: aborted, or their connection ended.",
     [](const UnitStatistics::OfKind& of) { return of.aborted; }},
    {"holdfast_command_data_bytes_total", "counter", "Data that commands moved, in bytes.",
     [](const UnitStatistics::OfKind& of) { return of.bytes; }},
    {"holdfast_command_duration_seconds", "histogram", "From a command's coming until its answer was in the socket.",
     nullptr, true, false},
    {"holdfast_command_stage_duration_seconds", "histogram",
     "The stages of a command: gather its data or memory, wait for others, the store, send the answer.", nullptr, false,
     true},
};

std::string escaped_label(std::string_view value) {
  std::string text;
  for (char character : value) {
    if (character == '\n') {
      text += "\\n";
      continue;
    }
    if (character == '"' || character == '\\') text += '\\';
    text += character;
  }
  return text;
}

MetricsText::MetricsText(const Administrator& administrator) : of_the_daemon_(facts_of_the_daemon(administrator)) {
  for (const std::unique_ptr<ServedTarget>& target : administrator.targets().all())
    for (const LunConfig& lun : target->config->luns)
      if (const LogicalUnit* unit = target->device->find(lun.number))
        units_.push_back({fmt::format("target=\"{}\",lun=\"{}\"", escaped_label(target->config->name), lun.number),
                          unit->shared_statistics()});
}

std::string MetricsText::next() {
  std::string piece;
  if (!begun_) piece = of_the_daemon_;
  begun_ = true;
  while (piece.size() < piece_bytes && family_ < std::size(families)) {
    const Family& family = families[family_];
    if (unit_ == 0 && !units_.empty())
      add(piece, "# HELP {0} {2}\n# TYPE {0} {1}\n", family.name, family.type, family.help);
    while (unit_ < units_.size() && piece.size() < piece_bytes) {
      const Unit& unit = units_[unit_++];
      if (family.whole || family.stages)
        add_histograms(family, unit, piece);
      else
        add_counts(family, unit, piece);
    }
    if (unit_ < units_.size()) break;
    unit_ = 0;
    ++family_;
  }
  return piece;
}

void MetricsText::add_counts(const Family& family, const Unit& unit, std::string& to) {
  if (family.count == nullptr) {
    add(to, "{}{{{}}} {}\n", family.name, unit.labels, unit.statistics->in_flight());
    return;
  }
  for (std::size_t kind = 0; kind < command_kinds; ++kind) {
    const UnitStatistics::OfKind* of = unit.statistics->of(static_cast<CommandKind>(kind));
    if (of != nullptr)
      add(to, "{}{{{},kind=\"{}\"}} {}\n", family.name, unit.labels, to_string(static_cast<CommandKind>(kind)),
          family.count(*of));
  }
}

void MetricsText::add_histograms(const Family& family, const Unit& unit, std::string& to) {
  for (std::size_t kind = 0; kind < command_kinds; ++kind) {
    const UnitStatistics::OfKind* of = unit.statistics->of(static_cast<CommandKind>(kind));
    if (of == nullptr) continue;
    const std::string labels =
        fmt::format("{},kind=\"{}\"", unit.labels, to_string(static_cast<CommandKind>(kind)));
    if (family.whole) add_histogram(to, family.name, labels, of->of(StageSpan::whole));
    if (!family.stages) continue;
    for (StageSpan span : {StageSpan::gather, StageSpan::wait, StageSpan::store, StageSpan::send})
      add_histogram(to, family.name, fmt::format("{},stage=\"{}\"", labels, to_string(span)), of->of(span));
  }
}

}  // namespace holdfast::target
