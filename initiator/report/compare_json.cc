#include "initiator/report/compare_json.h"

#include <set>
#include <string>
#include <utility>

#include "initiator/report/format.h"
#include "initiator/report/json_value.h"
#include "initiator/report/judgement.h"

namespace holdfast::initiator {
namespace {

using Destination = CompareDestination;

Json write(const Destination::Server& server) {
  return Json{{"name", valid_utf8(server.name)},
              {"version", valid_utf8(server.version)},
              {"package", valid_utf8(server.package)}};
}

Json write(const Destination& destination) {
  return Json{
      {"label", valid_utf8(destination.label)},         {"url", valid_utf8(destination.url)},
      {"transport", valid_utf8(destination.transport)}, {"server", write(destination.server)},
      {"origin", to_string(destination.origin)},        {"role", to_string(destination.role)},
      {"twin_of", valid_utf8(destination.twin_of)},     {"status", to_string(destination.status)},
      {"reason", valid_utf8(destination.reason)},       {"code", destination.code}};
}

Destination read_destination(const Json& json) {
  const auto text = [&json](const char* key) { return value_of<std::string>(json, key); };
  const Json& server = child(json, "server");
  Destination destination;
  destination.label = text("label");
  destination.url = text("url");
  destination.transport = text("transport");
  destination.server = {value_of<std::string>(server, "name"),
                        value_of<std::string>(server, "version"),
                        value_of<std::string>(server, "package")};
  destination.origin = named<Destination::Origin>(text("origin"), 3);
  destination.role = named<Destination::Role>(text("role"), 3);
  destination.twin_of = text("twin_of");
  destination.status = named<Destination::Status>(text("status"), 5);
  destination.reason = text("reason");
  destination.code = value_of<int>(json, "code");
  return destination;
}

Json write(const CompareRun& run, const CompareRecord& record) {
  const Destination* destination = record.find(run.label);
  Json json = json_of(run.record);
  json["in_comparison"] =
      Json{{"label", valid_utf8(run.label)},
           {"round", run.round},
           {"cache", to_string(run.cache)},
           {"server", write(destination == nullptr ? Destination::Server{} : destination->server)}};
  return json;
}

Json write(const Spread& spread) {
  return Json{{"count", spread.count},
              {"median", spread.median},
              {"min", spread.min},
              {"max", spread.max},
              {"deviation", spread.deviation},
              {"confidence", spread.confidence()}};
}

Json write(const DestinationSummary& row) {
  Json figures = Json::object();
  for (std::size_t i = 0; i < figure_count; ++i)
    if (row.figures[i].count > 0)
      figures[traits(static_cast<Figure>(i)).key] = write(row.figures[i]);
  return Json{{"label", valid_utf8(row.destination->label)},
              {"cache", to_string(row.cache)},
              {"runs", row.runs.size()},
              {"verdict", to_string(row.verdict)},
              {"unfinished", row.unfinished},
              {"unsteady", row.unsteady},
              {"saturated", row.saturated},
              {"figures", figures}};
}

/// What follows from the runs, for scripts that do not want to work it out again.
Json write(const Judgement& judgement) {
  Json rows = Json::array();
  for (const DestinationSummary& row : judgement.rows) rows.push_back(write(row));
  Json words = Json::array();
  for (const std::string& sentence : judgement.words) words.push_back(valid_utf8(sentence));
  return Json{
      {"line", valid_utf8(judgement.line)},
      {"words", words},
      {"noise", Json{{"rounds", judgement.noise.rounds}, {"largest", judgement.noise.largest}}},
      {"rows", rows}};
}

CompareRun read_run(const Json& json) {
  const Json& place = child(json, "in_comparison");
  CompareRun run;
  run.label = value_of<std::string>(place, "label");
  run.round = value_of<std::uint32_t>(place, "round", 1);
  run.cache = named<CacheState>(value_of<std::string>(place, "cache"), 2);
  run.record = run_of(json);
  return run;
}

/// Every label stands for one destination, and every run has one.
void check_labels(const CompareRecord& record) {
  std::set<std::string> labels;
  for (const Destination& destination : record.destinations)
    if (!labels.insert(destination.label).second)
      throw Json::other_error::create(
          599, "two destinations are called '" + destination.label + "'", nullptr);
  for (const CompareRun& run : record.runs)
    if (!labels.contains(run.label))
      throw Json::other_error::create(
          599, "a run is of '" + run.label + "', which is no destination of it", nullptr);
}

}  // namespace

CompareRecord compare_of(const Json& json) {
  require_schema(json, compare_schema);
  const Json& machine = child(json, "machine");
  CompareRecord record;
  record.source = value_of<std::string>(json, "source");
  record.rounds = value_of<std::uint32_t>(json, "rounds", 1);
  record.order = value_of<std::string>(json, "order");
  record.seed = value_of<std::uint64_t>(json, "seed");
  record.started = value_of<std::string>(json, "started");
  record.version = value_of<std::string>(json, "version");
  record.machine = {
      value_of<std::string>(machine, "kernel"), value_of<std::string>(machine, "cpu_model"),
      value_of<std::uint32_t>(machine, "cores"), value_of<std::uint64_t>(machine, "memory_bytes")};
  for (const Json& word : list_in(json, "command_line"))
    record.command_line.push_back(word.get<std::string>());
  record.signal = value_of<int>(json, "signal");
  for (const Json& one : list_in(json, "destinations"))
    record.destinations.push_back(read_destination(one));
  for (const Json& one : list_in(json, "runs")) record.runs.push_back(read_run(one));
  check_labels(record);
  return record;
}

Json json_of(const CompareRecord& record) {
  Json json;
  json["schema"] = compare_schema;
  json["verdict"] = to_string(record.verdict());
  json["exit_code"] = record.exit_code();
  json["source"] = valid_utf8(record.source);
  json["rounds"] = record.rounds;
  json["order"] = valid_utf8(record.order);
  json["seed"] = record.seed;
  json["started"] = valid_utf8(record.started);
  json["version"] = valid_utf8(record.version);
  json["machine"] = Json{{"kernel", valid_utf8(record.machine.kernel)},
                         {"cpu_model", valid_utf8(record.machine.cpu_model)},
                         {"cores", record.machine.cores},
                         {"memory_bytes", record.machine.memory_bytes}};
  Json& words = json["command_line"] = Json::array();
  for (const std::string& word : record.command_line) words.push_back(valid_utf8(word));
  json["signal"] = record.signal;
  Json& destinations = json["destinations"] = Json::array();
  for (const Destination& destination : record.destinations)
    destinations.push_back(write(destination));
  json["judgement"] = write(judge(record));
  Json& runs = json["runs"] = Json::array();
  for (const CompareRun& run : record.runs) runs.push_back(write(run, record));
  return json;
}

std::string to_json(const CompareRecord& record) {
  return json_of(record).dump(1) + "\n";
}

Result<CompareRecord> compare_from_json(std::string_view text) {
  try {
    return compare_of(Json::parse(text));
  } catch (const Json::exception& error) {
    return Error{ErrorKind::invalid_input, EINVAL,
                 "this is no comparison's record: " + words_of(error)};
  }
}

Status write_record(const CompareRecord& record, const std::string& path) {
  return write_whole(to_json(record), path);
}

}  // namespace holdfast::initiator
