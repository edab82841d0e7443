#include <algorithm>
#include <cmath>
#include <utility>

#include "initiator/report/json_value.h"
#include "initiator/report/latency_summary.h"
#include "initiator/report/load_figures.h"

namespace holdfast::initiator {
namespace {

double microseconds_of(Duration time) {
  return static_cast<double>(time.count()) / 1000;
}
/// To nine decimals, which is as many nines as a run of a hundred million operations has.
double rounded(double percent) {
  return std::round(percent * 1e9) / 1e9;
}
Duration from_microseconds(double value) {
  constexpr double most = 1e15;  // 31 years, as `duration_of` has it
  return Duration(std::llround(std::clamp(value, -most, most) * 1000));
}


double per_second(std::uint64_t count, Duration time) {
  return time.count() > 0 ? static_cast<double>(count) / seconds_of(time) : 0;
}

Json write(const LoadFigures::Direction& direction, Duration time, bool open_loop) {
  Json json{{"operations", direction.operations},
            {"iops", per_second(direction.operations, time)},
            {"bytes", direction.bytes},
            {"bytes_per_s", per_second(direction.bytes, time)},
            {"latency_us", json_of(direction.latency)}};
  if (open_loop) json["service_us"] = json_of(direction.service);
  return json;
}

LoadFigures::Direction read_direction(const Json& json) {
  return {.operations = value_of<std::uint64_t>(json, "operations"),
          .bytes = value_of<std::uint64_t>(json, "bytes"),
          .latency = latency_of(child(json, "latency_us")),
          .service = latency_of(child(json, "service_us"))};
}

}  // namespace

Json json_of(const LatencySummary& latency) {
  Json percentiles = Json::array();
  for (const PercentilePoint& point : latency.percentiles)
    percentiles.push_back(Json::array({rounded(point.percent), microseconds_of(point.latency)}));
  return Json{{"count", latency.count},
              {"min", microseconds_of(latency.min)},
              {"p50", microseconds_of(latency.p50)},
              {"p90", microseconds_of(latency.p90)},
              {"p99", microseconds_of(latency.p99)},
              {"p99_9", microseconds_of(latency.p99_9)},
              {"max", microseconds_of(latency.max)},
              {"percentiles", percentiles}};
}

LatencySummary latency_of(const Json& json) {
  const auto time = [&](const char* key) { return from_microseconds(value_of<double>(json, key)); };
  std::vector<PercentilePoint> percentiles;
  for (const Json& point : child(json, "percentiles"))
    percentiles.push_back(
        {point.at(0).get<double>(), from_microseconds(point.at(1).get<double>())});
  return {value_of<std::uint64_t>(json, "count"),
          time("min"),
          time("p50"),
          time("p90"),
          time("p99"),
          time("p99_9"),
          time("max"),
          std::move(percentiles)};
}

Json json_of(const LoadFigures& load) {
  const bool open_loop = load.rate_asked > 0;
  return Json{{"rw", load.access},
              {"block_bytes", load.block_bytes},
              {"depth", load.depth},
              {"sessions", load.sessions},
              {"read_percent", load.read_percent},
              {"range_bytes", load.range_bytes},
              {"range_shortened", load.shortened},
              {"seed", load.seed},
              {"poll_us", load.poll / std::chrono::microseconds(1)},
              {"seconds", seconds_of(load.time)},
              {"rate_asked", open_loop ? Json(load.rate_asked) : Json()},
              {"operations", load.operations()},
              {"iops", load.rate()},
              {"bytes", load.bytes()},
              {"bytes_per_s", per_second(load.bytes(), load.time)},
              {"reads", write(load.reads, load.time, open_loop)},
              {"writes", write(load.writes, load.time, open_loop)},
              {"waiting_most", load.waiting_most},
              {"waited_longest_s", seconds_of(load.waited_longest)},
              {"never_sent", load.never_sent},
              {"checked_blocks", load.checked_blocks},
              {"unlabelled_blocks", load.unlabelled_blocks},
              {"read_back_blocks", load.read_back_blocks},
              {"read_back", load.read_back},
              {"read_back_lenient", load.lenient},
              {"generator_cpu_s", seconds_of(load.loop_time)},
              {"generator_share", load.share()},
              {"generator_saturated", load.saturated()}};
}

LoadFigures load_of(const Json& json) {
  const auto number = [&](const char* key) { return value_of<std::uint64_t>(json, key); };
  return {.access = value_of<std::string>(json, "rw"),
          .block_bytes = number("block_bytes"),
          .depth = number("depth"),
          .sessions = number("sessions"),
          .read_percent = number("read_percent"),
          .range_bytes = number("range_bytes"),
          .shortened = value_of<bool>(json, "range_shortened"),
          .seed = number("seed"),
          .poll = std::chrono::microseconds(number("poll_us")),
          .rate_asked = value_of<double>(json, "rate_asked"),
          .time = seconds_in(json, "seconds"),
          .loop_time = seconds_in(json, "generator_cpu_s"),
          .reads = read_direction(child(json, "reads")),
          .writes = read_direction(child(json, "writes")),
          .waiting_most = number("waiting_most"),
          .waited_longest = seconds_in(json, "waited_longest_s"),
          .never_sent = number("never_sent"),
          .checked_blocks = number("checked_blocks"),
          .unlabelled_blocks = number("unlabelled_blocks"),
          .read_back_blocks = number("read_back_blocks"),
          .read_back = value_of<bool>(json, "read_back"),
          .lenient = value_of<bool>(json, "read_back_lenient")};
}

}  // namespace holdfast::initiator
