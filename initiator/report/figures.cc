#include "initiator/report/figures.h"

#include <array>
#include <cmath>
#include <fmt/format.h>

#include "initiator/report/format.h"

namespace holdfast::initiator {
namespace {

using Unit = FigureTraits::Unit;
using Better = FigureTraits::Better;

// A gap or an answer below a hiccup's 100 ms is nobody's trouble.
constexpr std::array<FigureTraits, figure_count> table = {{
    {"copy_seconds", "copy time", Unit::seconds, Better::less, 0},
    {"mib_per_s", "throughput", Unit::mib_per_second, Better::more, 0},
    {"files_per_s", "files a second", Unit::per_second, Better::more, 0},
    {"latency_p50_us", "latency p50", Unit::microseconds, Better::less, 100},
    {"latency_p99_us", "latency p99", Unit::microseconds, Better::less, 10'000},
    {"latency_max_us", "latency max", Unit::microseconds, Better::less, 100'000},
    {"worst_gap_s", "worst gap", Unit::seconds, Better::less, 0.1},
    {"stalls", "stalls", Unit::count, Better::less, 0},
    {"hangs", "hangs and outages", Unit::count, Better::less, 0},
    {"mismatches", "mismatches", Unit::count, Better::less, 0},
    {"problems", "files with problems", Unit::count, Better::less, 0},
    {"verify_seconds", "verify time", Unit::seconds, Better::less, 0},
    {"wire_requests", "requests", Unit::count, Better::less, 0},
    {"wire_bytes_sent", "sent", Unit::bytes, Better::less, 0},
    {"wire_bytes_received", "received", Unit::bytes, Better::less, 0},
    {"cpu_s", "processor time", Unit::seconds, Better::less, 0.05},
    {"cpu_share", "processor share", Unit::share, Better::neither, 0},
}};

double count_of(std::uint64_t count) {
  return static_cast<double>(count);
}
double microseconds_of(Duration time) {
  return static_cast<double>(time.count()) / 1000;
}

std::optional<double> positive(double value) {
  return value > 0 ? std::optional(value) : std::nullopt;
}

std::optional<double> per_second_of_work(double amount, const RunRecord& record) {
  const double seconds = seconds_of(record.load ? record.load->time : record.totals.copy_time);
  return seconds > 0 ? std::optional(amount / seconds) : std::nullopt;
}

std::optional<double> latency(Duration time, const RunRecord& record) {
  return record.latency.count > 0 ? std::optional(microseconds_of(time)) : std::nullopt;
}

/// Figures that mean something of an unfinished run as well.
std::optional<double> steadiness(Figure figure, const RunRecord& record) {
  switch (figure) {
    case Figure::latency_p50:
      return latency(record.latency.p50, record);
    case Figure::latency_p99:
      return latency(record.latency.p99, record);
    case Figure::latency_max:
      return latency(record.latency.max, record);
    case Figure::worst_gap:
      return seconds_of(record.totals.worst_gap);
    case Figure::stalls:
      return count_of(record.count(EventKind::stall));
    case Figure::hangs:
      return count_of(record.count(EventKind::hang) + record.count(EventKind::outage));
    case Figure::mismatches:
      return count_of(record.workload.mismatches);
    case Figure::problems:
      return count_of(record.workload.problems);
    default:
      return std::nullopt;
  }
}

/// Figures of the work as a whole.
std::optional<double> amount(Figure figure, const RunRecord& record) {
  const WireUse& wire = record.totals.wire;
  const bool has_wire = wire.bytes_sent + wire.bytes_received > 0;
  switch (figure) {
    case Figure::copy_seconds:
      return positive(seconds_of(record.totals.copy_time));
    case Figure::mib_per_second:
      return per_second_of_work(count_of(record.totals.bytes) / (1 << 20), record);
    case Figure::files_per_second:
      if (record.load) return std::nullopt;
      return per_second_of_work(count_of(record.totals.files), record);
    case Figure::verify_seconds:
      return positive(seconds_of(record.totals.verify_time));
    case Figure::wire_requests:
      return positive(count_of(wire.requests));
    case Figure::wire_bytes_sent:
      return has_wire ? std::optional(count_of(wire.bytes_sent)) : std::nullopt;
    case Figure::wire_bytes_received:
      return has_wire ? std::optional(count_of(wire.bytes_received)) : std::nullopt;
    case Figure::cpu_seconds:
      return positive(seconds_of(record.generator.time));
    case Figure::cpu_share:
      return positive(record.generator_share());
    default:
      return std::nullopt;
  }
}

}  // namespace

const FigureTraits& traits(Figure figure) {
  return table[static_cast<std::size_t>(figure)];
}

std::optional<double> figure_of(Figure figure, const RunRecord& record) {
  if (const std::optional<double> value = steadiness(figure, record)) return value;
  if (record.workload.outcome != Outcome::finished) return std::nullopt;
  return amount(figure, record);
}

std::string figure_text(Figure figure, double value) {
  const auto whole = [value] { return static_cast<std::uint64_t>(std::llround(value)); };
  switch (traits(figure).unit) {
    case Unit::seconds:
      return duration_text(duration_of(value));
    case Unit::microseconds:
      return duration_text(duration_of(value / 1e6));
    case Unit::mib_per_second:
      return fmt::format("{:.1f} MiB/s", value);
    case Unit::per_second:
      return count_text(whole(), "/s", "/s");
    case Unit::bytes:
      return bytes_text(whole());
    case Unit::count:
      return value == std::floor(value) ? fmt::format("{:.0f}", value)
                                        : fmt::format("{:.1f}", value);
    case Unit::share:
      return fmt::format("{:.0f} %", value * 100);
  }
  return {};
}

std::string range_text(std::string from, const std::string& to) {
  const std::size_t from_unit = from.find(' ');
  const std::size_t to_unit = to.find(' ');
  const bool same = from_unit != std::string::npos && to_unit != std::string::npos &&
                    from.substr(from_unit) == to.substr(to_unit);
  if (same) from.resize(from_unit);
  return from + ".." + to;
}

}  // namespace holdfast::initiator
