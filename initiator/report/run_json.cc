#include "initiator/report/run_json.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "initiator/report/event_json.h"
#include "initiator/report/format.h"
#include "initiator/report/json_value.h"
#include "initiator/report/stacks.h"

namespace holdfast::initiator {
namespace {

double microseconds_of(Duration time) {
  return static_cast<double>(time.count()) / 1000;
}
Duration from_microseconds(double value) {
  constexpr double most = 1e15;  // 31 years, as `duration_of` has it
  return Duration(std::llround(std::clamp(value, -most, most) * 1000));
}

Json write(const std::vector<FileRemark>& remarks) {
  Json list = Json::array();
  for (const FileRemark& remark : remarks)
    list.push_back(Json{{"path", valid_utf8(remark.path)}, {"what", valid_utf8(remark.what)}});
  return list;
}

std::vector<FileRemark> read_remarks(const Json& json, const char* key) {
  std::vector<FileRemark> remarks;
  for (const Json& one : child(json, key))
    remarks.push_back({value_of<std::string>(one, "path"), value_of<std::string>(one, "what")});
  return remarks;
}

Json write(const RunRecord::Workload& workload, int exit_code) {
  return Json{{"kind", workload.kind},
              {"source", valid_utf8(workload.source)},
              {"verify", workload.verify},
              {"started", workload.started},
              {"started_ns", workload.clock_started.time_since_epoch().count()},
              {"version", workload.version},
              {"stall_limit_s", seconds_of(workload.stall_limit)},
              {"hang_limit_s", seconds_of(workload.hang_limit)},
              {"outcome", to_string(workload.outcome)},
              {"reason", valid_utf8(workload.reason)},
              {"signal", workload.signal},
              {"exit_code", exit_code},
              {"problems", workload.problems},
              {"problem_list", write(workload.problem_list)},
              {"mismatches", workload.mismatches},
              {"mismatch_list", write(workload.mismatch_list)}};
}

RunRecord::Workload read_workload(const Json& json) {
  RunRecord::Workload workload;
  workload.kind = value_of<std::string>(json, "kind");
  workload.source = value_of<std::string>(json, "source");
  workload.verify = value_of<bool>(json, "verify");
  workload.started = value_of<std::string>(json, "started");
  workload.clock_started = Instant(Duration(value_of<std::int64_t>(json, "started_ns")));
  workload.version = value_of<std::string>(json, "version");
  workload.stall_limit = seconds_in(json, "stall_limit_s");
  workload.hang_limit = seconds_in(json, "hang_limit_s");
  workload.outcome = named<Outcome>(value_of<std::string>(json, "outcome", "finished"), 4);
  workload.reason = value_of<std::string>(json, "reason");
  workload.signal = value_of<int>(json, "signal");
  workload.problems = value_of<std::uint64_t>(json, "problems");
  workload.problem_list = read_remarks(json, "problem_list");
  workload.mismatches = value_of<std::uint64_t>(json, "mismatches");
  workload.mismatch_list = read_remarks(json, "mismatch_list");
  return workload;
}

Json write(const Machine& machine) {
  return Json{{"kernel", valid_utf8(machine.kernel)},
              {"cpu_model", valid_utf8(machine.cpu_model)},
              {"cores", machine.cores},
              {"memory_bytes", machine.memory_bytes},
              {"boot_id", machine.boot_id}};
}

Machine read_machine(const Json& json) {
  return {value_of<std::string>(json, "kernel"), value_of<std::string>(json, "cpu_model"),
          value_of<std::uint32_t>(json, "cores"), value_of<std::uint64_t>(json, "memory_bytes"),
          value_of<std::string>(json, "boot_id")};
}

Json write(const RunRecord::Destination& destination) {
  Json negotiated = Json::object();
  for (const auto& [key, value] : destination.negotiated)
    negotiated[valid_utf8(key)] = valid_utf8(value);
  Json json{{"url", valid_utf8(destination.url)},
            {"transport", destination.transport},
            {"bytes", destination.bytes},
            {"negotiated", negotiated}};
  if (destination.sessions.empty()) return json;
  json["sessions"] = Json::array();
  for (const SessionIdentity& session : destination.sessions)
    json["sessions"].push_back(
        {{"InitiatorName", valid_utf8(session.initiator)}, {"ISID", valid_utf8(session.isid)}, {"TSIH", session.tsih}});
  if (destination.sessions_left_out > 0) json["sessions_left_out"] = destination.sessions_left_out;
  return json;
}

RunRecord::Destination read_destination(const Json& json) {
  RunRecord::Destination destination;
  destination.url = value_of<std::string>(json, "url");
  destination.transport = value_of<std::string>(json, "transport");
  destination.bytes = value_of<std::uint64_t>(json, "bytes");
  for (const auto& [key, value] : child(json, "negotiated").items())
    destination.negotiated[key] = value.get<std::string>();
  for (const Json& session : list_in(json, "sessions"))
    destination.sessions.push_back({value_of<std::string>(session, "InitiatorName"), value_of<std::string>(session, "ISID"),
                                    value_of<std::uint16_t>(session, "TSIH")});
  destination.sessions_left_out = value_of<std::uint64_t>(json, "sessions_left_out");
  return destination;
}

Json write(const WireUse& wire) {
  return Json{{"requests", wire.requests}, {"bytes_sent", wire.bytes_sent}, {"bytes_received", wire.bytes_received}};
}

WireUse read_wire(const Json& json) {
  return {value_of<std::uint64_t>(json, "requests"), value_of<std::uint64_t>(json, "bytes_sent"),
          value_of<std::uint64_t>(json, "bytes_received")};
}

Json write(const RunRecord::Totals& totals) {
  Json events = Json::object();
  for (std::size_t kind = 0; kind < event_kinds; ++kind)
    events[to_string(static_cast<EventKind>(kind))] = totals.events[kind];
  return Json{{"files", totals.files},
              {"directories", totals.directories},
              {"others", totals.others},
              {"links", totals.links},
              {"bytes", totals.bytes},
              {"seconds", seconds_of(totals.time)},
              {"copy_seconds", seconds_of(totals.copy_time)},
              {"verify_seconds", seconds_of(totals.verify_time)},
              {"verified_bytes", totals.verified_bytes},
              {"operations", totals.operations},
              {"errors", totals.errors},
              {"wire", write(totals.wire)},
              {"verify_wire", write(totals.verify_wire)},
              {"worst_gap_s", seconds_of(totals.worst_gap)},
              {"worst_loop_late_s", seconds_of(totals.worst_lateness)},
              {"events", events},
              {"events_dropped", totals.events_dropped}};
}

RunRecord::Totals read_totals(const Json& json) {
  RunRecord::Totals totals;
  const auto number = [&](const char* key) { return value_of<std::uint64_t>(json, key); };
  totals.files = number("files");
  totals.directories = number("directories");
  totals.others = number("others");
  totals.links = number("links");
  totals.bytes = number("bytes");
  totals.time = seconds_in(json, "seconds");
  totals.copy_time = seconds_in(json, "copy_seconds");
  totals.verify_time = seconds_in(json, "verify_seconds");
  totals.verified_bytes = number("verified_bytes");
  totals.operations = number("operations");
  totals.errors = number("errors");
  totals.wire = read_wire(child(json, "wire"));
  totals.verify_wire = read_wire(child(json, "verify_wire"));
  totals.worst_gap = seconds_in(json, "worst_gap_s");
  totals.worst_lateness = seconds_in(json, "worst_loop_late_s");
  const Json& events = child(json, "events");
  for (std::size_t kind = 0; kind < event_kinds; ++kind)
    totals.events[kind] = value_of<std::uint64_t>(events, to_string(static_cast<EventKind>(kind)));
  totals.events_dropped = number("events_dropped");
  return totals;
}

Json write(const LatencyColumn& column) {
  return Json{{"operations", column.operations},
              {"p50_us", microseconds_of(column.p50)},
              {"p99_us", microseconds_of(column.p99)},
              {"max_us", microseconds_of(column.max)}};
}

LatencyColumn read_column(const Json& json) {
  const auto time = [&](const char* key) { return from_microseconds(value_of<double>(json, key)); };
  return {value_of<std::uint64_t>(json, "operations"), time("p50_us"), time("p99_us"),
          time("max_us")};
}

Json write(const TimelineRow& row) {
  Json json{{"at_s", seconds_of(row.at)},
            {"row_s", seconds_of(row.length)},
            {"operations", row.operations},
            {"errors", row.errors},
            {"bytes_read", row.bytes_read},
            {"bytes_written", row.bytes_written},
            {"in_flight", row.in_flight},
            {"latency_p50_us", microseconds_of(row.latency_p50)},
            {"latency_p99_us", microseconds_of(row.latency_p99)},
            {"latency_max_us", microseconds_of(row.latency_max)},
            {"gap_max_us", microseconds_of(row.gap_max)},
            {"loop_late_us", microseconds_of(row.loop_late)}};
  if (row.readers.operations > 0) json["readers"] = write(row.readers);
  if (row.locks.operations > 0) json["locks"] = write(row.locks);
  return json;
}

TimelineRow read_row(const Json& json) {
  TimelineRow row;
  row.at = seconds_in(json, "at_s");
  row.operations = value_of<std::uint64_t>(json, "operations");
  row.errors = value_of<std::uint64_t>(json, "errors");
  row.bytes_read = value_of<std::uint64_t>(json, "bytes_read");
  row.bytes_written = value_of<std::uint64_t>(json, "bytes_written");
  row.in_flight = value_of<std::uint32_t>(json, "in_flight");
  row.length = duration_of(value_of<double>(json, "row_s", 1));  // Before it was said it was a second.
  row.latency_p50 = from_microseconds(value_of<double>(json, "latency_p50_us"));
  row.latency_p99 = from_microseconds(value_of<double>(json, "latency_p99_us"));
  row.latency_max = from_microseconds(value_of<double>(json, "latency_max_us"));
  row.gap_max = from_microseconds(value_of<double>(json, "gap_max_us"));
  row.loop_late = from_microseconds(value_of<double>(json, "loop_late_us"));
  row.readers = read_column(child(json, "readers"));
  row.locks = read_column(child(json, "locks"));
  return row;
}

Json write(const StackVerdict& verdict) {
  const StackTimer& timer = *verdict.timer;
  Json json = {{"stack", timer.stack},
               {"does", action_words(verdict)},
               {"limit_s", timer.limit == Duration(0) ? Json() : Json(seconds_of(timer.limit))},
               {"worst_s", seconds_of(verdict.worst)},
               {"margin", verdict.margin ? Json(std::round(*verdict.margin * 1000) / 1000) : Json()},
               {"outcome", to_string(verdict.outcome)},
               {"warned", verdict.warned},
               {"unproven", verdict.unproven}};
  if (verdict.acted_at) json["acted_at_s"] = seconds_of(*verdict.acted_at);
  return json;
}

Json write(const RunRecord::Pressure& pressure) {
  return Json{{"readers", pressure.readers},
              {"reads", pressure.reads},
              {"bytes", pressure.bytes},
              {"read_latency_us", json_of(pressure.read_latency)},
              {"locks", pressure.locks},
              {"locks_shared", pressure.locks_shared},
              {"locks_exclusive", pressure.locks_exclusive},
              {"lock_waits_us", json_of(pressure.lock_waits)},
              {"locks_refused", valid_utf8(pressure.locks_refused)}};
}

RunRecord::Pressure read_pressure(const Json& json) {
  RunRecord::Pressure pressure;
  pressure.readers = value_of<std::uint32_t>(json, "readers");
  pressure.reads = value_of<std::uint64_t>(json, "reads");
  pressure.bytes = value_of<std::uint64_t>(json, "bytes");
  pressure.read_latency = latency_of(child(json, "read_latency_us"));
  pressure.locks = value_of<bool>(json, "locks");
  pressure.locks_shared = value_of<std::uint64_t>(json, "locks_shared");
  pressure.locks_exclusive = value_of<std::uint64_t>(json, "locks_exclusive");
  pressure.lock_waits = latency_of(child(json, "lock_waits_us"));
  pressure.locks_refused = value_of<std::string>(json, "locks_refused");
  return pressure;
}

}  // namespace

RunRecord run_of(const Json& json) {
  require_schema(json, run_schema);
  RunRecord record;
  record.verdict = named<Verdict>(value_of<std::string>(json, "verdict"), 4);
  record.workload = read_workload(child(json, "workload"));
  record.machine = read_machine(child(json, "machine"));
  for (const Json& word : child(json, "command_line")) record.command_line.push_back(word.get<std::string>());
  record.destination = read_destination(child(json, "destination"));
  record.totals = read_totals(child(json, "totals"));
  for (const Json& one : child(json, "left_out"))
    record.left_out.push_back({value_of<std::string>(one, "what"), value_of<std::string>(one, "why"),
                               value_of<std::uint64_t>(one, "nodes")});
  record.pressure = read_pressure(child(json, "pressure"));
  const Json& generator = child(json, "generator");
  record.generator.time = seconds_in(generator, "cpu_s");
  record.generator.loop_time = seconds_in(generator, "loop_cpu_s");
  if (json.contains("load")) record.load = load_of(child(json, "load"));
  const Json& latency = child(json, "latency_us");
  record.latency = latency_of(latency);
  const Json& by_operation = child(latency, "by_operation");
  for (std::size_t kind = 0; kind < operation_kinds; ++kind)
    record.latency_by_operation[kind] =
        latency_of(child(by_operation, to_string(static_cast<OperationKind>(kind))));
  for (const Json& row : child(json, "timeline")) record.timeline.push_back(read_row(row));
  for (const Json& event : child(json, "events")) record.events.push_back(event_of(event));
  return record;
}

Json json_of(const RunRecord& record) {
  Json json;
  json["schema"] = run_schema;
  json["verdict"] = to_string(record.verdict);
  json["workload"] = write(record.workload, record.exit_code());
  json["machine"] = write(record.machine);
  Json& words = json["command_line"] = Json::array();
  for (const std::string& word : record.command_line) words.push_back(valid_utf8(word));
  json["destination"] = write(record.destination);
  json["totals"] = write(record.totals);
  Json& left_out = json["left_out"] = Json::array();
  for (const RunRecord::LeftOut& one : record.left_out)
    left_out.push_back(Json{{"what", valid_utf8(one.what)}, {"why", valid_utf8(one.why)}, {"nodes", one.nodes}});
  if (record.pressure.any()) json["pressure"] = write(record.pressure);
  json["generator"] = Json{{"cpu_s", seconds_of(record.generator.time)},
                           {"loop_cpu_s", seconds_of(record.generator.loop_time)},
                           {"share", record.generator_share()},
                           {"saturated", record.generator_saturated()}};
  if (record.load) json["load"] = json_of(*record.load);
  Json& latency = json["latency_us"] = json_of(record.latency);
  Json& by_operation = latency["by_operation"] = Json::object();
  for (std::size_t kind = 0; kind < operation_kinds; ++kind)
    if (record.latency_by_operation[kind].count > 0)
      by_operation[to_string(static_cast<OperationKind>(kind))] =
          json_of(record.latency_by_operation[kind]);
  Json& timeline = json["timeline"] = Json::array();
  for (const TimelineRow& row : record.timeline) timeline.push_back(write(row));
  Json& events = json["events"] = Json::array();
  for (const PathEvent& event : record.events) events.push_back(json_of(event));
  Json& verdicts = json["verdicts"] = Json::array();
  for (const StackVerdict& verdict : judge_stacks(history_of(record))) verdicts.push_back(write(verdict));
  return json;
}

std::string to_json(const RunRecord& record) { return json_of(record).dump(1) + "\n"; }

Result<RunRecord> record_from_json(std::string_view text) {
  try {
    return run_of(Json::parse(text));
  } catch (const Json::exception& error) {
    return Error{ErrorKind::invalid_input, EINVAL, "this is no run record: " + words_of(error)};
  }
}

Status write_record(const RunRecord& record, const std::string& path) {
  return write_whole(to_json(record), path);
}

}  // namespace holdfast::initiator
