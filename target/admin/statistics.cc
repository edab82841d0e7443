#include <fmt/format.h>

#include <chrono>
#include <string>

#include "common/runtime/loop.h"
#include "target/admin/slow.h"

namespace holdfast::target {
namespace {

using nlohmann::json;

constexpr std::size_t luns_a_page = 64;

double microseconds(Duration time) { return std::chrono::duration<double, std::micro>(time).count(); }

json to_json(const Histogram& histogram) {
  return {{"count", histogram.count()},
          {"mean", microseconds(histogram.mean())},
          {"p50", microseconds(histogram.percentile(50))},
          {"p90", microseconds(histogram.percentile(90))},
          {"p99", microseconds(histogram.percentile(99))},
          {"p99_9", microseconds(histogram.percentile(99.9))},
          {"max", microseconds(histogram.max())}};
}

json to_json(const UnitStatistics::OfKind& of) {
  json said = {{"commands", of.of(StageSpan::whole).count()},
               {"bytes", of.bytes},
               {"failed", of.failed},
               {"aborted", of.aborted}};
  for (std::size_t span = 0; span < stage_spans; ++span)
    said[std::string(to_string(static_cast<StageSpan>(span))) + "_us"] = to_json(of.times[span]);
  return said;
}

std::string short_time(Duration time) {
  const double value = microseconds(time);
  if (value < 1000) return fmt::format("{:.0f} us", value);
  if (value < 1e6) return fmt::format("{:.1f} ms", value / 1000);
  return fmt::format("{:.2f} s", value / 1e6);
}

std::string line_of(CommandKind kind, const UnitStatistics::OfKind& of) {
  const Histogram& whole = of.of(StageSpan::whole);
  std::string line = fmt::format("  {:<6} {:>11} {:>15} {:>7} {:>7} {:>8} {:>8} {:>8}", to_string(kind), whole.count(),
                                 of.bytes, of.failed, of.aborted, short_time(whole.percentile(50)),
                                 short_time(whole.percentile(99)), short_time(whole.max()));
  for (StageSpan span : {StageSpan::gather, StageSpan::wait, StageSpan::store, StageSpan::send})
    line += fmt::format(" {:>8}", short_time(of.of(span).percentile(99)));
  return line + "\n";
}

void add_unit(Shown& shown, const ServedTarget& target, std::uint32_t number, const UnitStatistics& statistics) {
  json said = {{"tid", target.tid},
               {"target", target.config->name},
               {"lun", number},
               {"in_flight", statistics.in_flight()},
               {"kinds", json::object()}};
  shown.text += fmt::format("LUN {} of {}: {} in flight\n", number, target.config->name, statistics.in_flight());
  for (std::size_t kind = 0; kind < command_kinds; ++kind) {
    const UnitStatistics::OfKind* of = statistics.of(static_cast<CommandKind>(kind));
    if (of == nullptr) continue;
    said["kinds"][to_string(static_cast<CommandKind>(kind))] = to_json(*of);
    shown.text += line_of(static_cast<CommandKind>(kind), *of);
  }
  shown.data["luns"].push_back(std::move(said));
}

/// Which thread has how many connections, and how busy they have kept it.
void add_threads(Shown& shown) {
  const Loop& loop = Loop::current();
  shown.data["threads"] = json::array();
  for (unsigned thread = 0; thread < loop.threads(); ++thread) {
    const double seconds = std::chrono::duration<double>(loop.processor_time(thread)).count();
    shown.data["threads"].push_back({{"connections", loop.seats(thread)}, {"processor_s", seconds}});
    if (loop.threads() > 1)
      shown.text += fmt::format("thread {}: {} connections, {:.2f} s of processor time\n", thread, loop.seats(thread), seconds);
  }
}

}  // namespace

Shown show_statistics(const Administrator& administrator, std::uint64_t after) {
  Shown shown{{}, {{"luns", json::array()}}};
  if (after == 0) {
    const FlightRecorder& recorder = administrator.recorder();
    shown.data["sessions"] = administrator.sessions().size();
    shown.data["stuck"] = count_stuck(administrator);
    shown.data["slow"] = recorder.commands_added();
    shown.data["limit_ms"] = std::chrono::floor<std::chrono::milliseconds>(recorder.limit()).count();
    shown.text = fmt::format("{} sessions; {} commands were slow, {} are stuck\n", administrator.sessions().size(),
                             recorder.commands_added(), shown.data["stuck"].get<std::size_t>());
    add_threads(shown);
    shown.text += fmt::format("  {:<6} {:>11} {:>15} {:>7} {:>7} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}\n", "", "commands",
                              "bytes", "failed", "aborted", "p50", "p99", "max", "gather99", "wait99", "store99", "send99");
  }
  std::uint64_t place = 0;
  for (const std::unique_ptr<ServedTarget>& target : administrator.targets().all()) {
    for (const LunConfig& lun : target->config->luns) {
      if (place++ < after) continue;
      if (shown.data["luns"].size() == luns_a_page) {
        shown.data["next"] = place - 1;
        return shown;
      }
      const LogicalUnit* unit = target->device->find(lun.number);
      if (unit != nullptr) add_unit(shown, *target, lun.number, unit->statistics());
    }
  }
  return shown;
}

}  // namespace holdfast::target
