#include "initiator/report/event_json.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "initiator/report/format.h"

namespace holdfast::initiator {
namespace {

/// The numbers of a connection's state, by the names that they have in a record.
template <typename T>
using Field = std::pair<const char*, T TcpState::*>;

constexpr Field<std::uint8_t> small_fields[] = {
    {"state", &TcpState::state},     {"ca_state", &TcpState::ca_state}, {"retransmits", &TcpState::retransmits},
    {"backoff", &TcpState::backoff}, {"probes", &TcpState::probes},
};
constexpr Field<std::uint32_t> fields[] = {
    {"rto_us", &TcpState::rto_us},
    {"rtt_us", &TcpState::rtt_us},
    {"segment_bytes", &TcpState::segment_bytes},
    {"path_mtu", &TcpState::path_mtu},
    {"congestion_window", &TcpState::congestion_window},
    {"unacked", &TcpState::unacked},
    {"send_window", &TcpState::send_window},
    {"last_data_sent_ms", &TcpState::last_data_sent_ms},
    {"last_data_received_ms", &TcpState::last_data_received_ms},
    {"last_ack_received_ms", &TcpState::last_ack_received_ms},
    {"segments_in", &TcpState::segments_in},
    {"segments_out", &TcpState::segments_out},
    {"data_segments_in", &TcpState::data_segments_in},
    {"segments_sent_again", &TcpState::segments_sent_again},
    {"duplicates_reported", &TcpState::duplicates_reported},
    {"out_of_order_in", &TcpState::out_of_order_in},
    {"in_queue", &TcpState::in_queue},
    {"out_queue", &TcpState::out_queue},
    {"out_queue_unsent", &TcpState::out_queue_unsent},
};
constexpr Field<std::uint64_t> large_fields[] = {
    {"bytes_sent", &TcpState::bytes_sent},
    {"bytes_sent_again", &TcpState::bytes_sent_again},
    {"bytes_acked", &TcpState::bytes_acked},
    {"bytes_received", &TcpState::bytes_received},
    {"window_limited_us", &TcpState::window_limited_us},
};

Json write(const TcpState& tcp) {
  Json json = Json::object();
  for (const auto& [key, member] : small_fields) json[key] = tcp.*member;
  for (const auto& [key, member] : fields) json[key] = tcp.*member;
  for (const auto& [key, member] : large_fields) json[key] = tcp.*member;
  return json;
}

TcpState read_tcp(const Json& json) {
  TcpState tcp;
  tcp.known = true;
  for (const auto& [key, member] : small_fields) tcp.*member = value_of<std::uint8_t>(json, key);
  for (const auto& [key, member] : fields) tcp.*member = value_of<std::uint32_t>(json, key);
  for (const auto& [key, member] : large_fields) tcp.*member = value_of<std::uint64_t>(json, key);
  return tcp;
}

constexpr std::pair<const char*, std::uint32_t PathSample::*> protocol_fields[] = {
    {"cmd_sn", &PathSample::cmd_sn},         {"exp_cmd_sn", &PathSample::exp_cmd_sn},
    {"max_cmd_sn", &PathSample::max_cmd_sn}, {"stat_sn", &PathSample::stat_sn},
    {"r2ts", &PathSample::r2ts},             {"data_out_bytes", &PathSample::data_out_bytes},
};

std::string hexadecimal(const std::vector<std::uint8_t>& bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::vector<std::uint8_t> bytes_of(const std::string& text) {
  constexpr std::size_t cdb_bytes_max = 16;
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 2 <= text.size() && bytes.size() < cdb_bytes_max; i += 2) {
    std::uint8_t byte = 0;
    std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
    bytes.push_back(byte);
  }
  return bytes;
}

Json write(const PathSample& sample) {
  Json json{{"at_s", seconds_of(sample.at)}, {"loop_late_s", seconds_of(sample.loop_late)}};
  if (sample.connection == 0) return json;
  json["connection"] = sample.connection;
  json["owed"] = sample.owed;
  json["waiting"] = sample.waiting;
  json["window_closed"] = sample.window_closed;
  json["ping_open_s"] = seconds_of(sample.ping_open);
  if (sample.owed > 0) {
    json["oldest_tag"] = sample.oldest_tag;
    json["oldest_age_s"] = seconds_of(sample.oldest_age);
    if (!sample.oldest_cdb.empty()) json["oldest_cdb"] = hexadecimal(sample.oldest_cdb);
  }
  for (const auto& [key, member] : protocol_fields)
    if (sample.*member != 0) json[key] = sample.*member;
  if (sample.tcp.known) json["tcp"] = write(sample.tcp);
  return json;
}

PathSample read_sample(const Json& json) {
  PathSample sample;
  sample.at = seconds_in(json, "at_s");
  sample.loop_late = seconds_in(json, "loop_late_s");
  sample.connection = value_of<std::uint32_t>(json, "connection");
  sample.owed = value_of<std::uint32_t>(json, "owed");
  sample.waiting = value_of<std::uint32_t>(json, "waiting");
  sample.window_closed = value_of<bool>(json, "window_closed");
  sample.ping_open = seconds_in(json, "ping_open_s");
  sample.oldest_tag = value_of<std::uint64_t>(json, "oldest_tag");
  sample.oldest_age = seconds_in(json, "oldest_age_s");
  sample.oldest_cdb = bytes_of(value_of<std::string>(json, "oldest_cdb"));
  for (const auto& [key, member] : protocol_fields) sample.*member = value_of<std::uint32_t>(json, key);
  if (json.contains("tcp")) sample.tcp = read_tcp(child(json, "tcp"));
  return sample;
}

void write(Json& json, const InFlightOperation& operation) {
  json["op"] = to_string(operation.kind);
  json[operation.on_file ? "offset" : "lba"] = operation.lba;
  json["bytes"] = operation.bytes;
  json["age_s"] = seconds_of(operation.age);
}

InFlightOperation read_operation(const Json& json) {
  InFlightOperation operation;
  operation.kind = named<OperationKind>(value_of<std::string>(json, "op", "read"), operation_kinds);
  operation.on_file = json.contains("offset");
  operation.lba = value_of<std::uint64_t>(json, operation.on_file ? "offset" : "lba");
  operation.bytes = value_of<std::uint64_t>(json, "bytes");
  operation.age = seconds_in(json, "age_s");
  operation.file = value_of<std::string>(json, "file");
  return operation;
}

}  // namespace

Json json_of(const PathEvent& event) {
  Json json{{"kind", to_string(event.kind)},
            {"at_s", seconds_of(event.at)},
            {"lasted_s", seconds_of(event.lasted)},
            {"open", event.open}};
  if (event.has_operation) write(json, event.operation);
  if (!event.operation.file.empty()) json["file"] = valid_utf8(event.operation.file);
  json["loop_late_s"] = seconds_of(event.loop_late);
  json["blame"] = valid_utf8(event.blame);
  json["evidence"] = valid_utf8(event.evidence);
  if (!event.peer.empty()) json["peer"] = valid_utf8(event.peer);
  if (!event.more.empty()) json["would_tell_more"] = valid_utf8(event.more);
  for (const PathSample& sample : event.samples) json["samples"].push_back(write(sample));
  if (event.in_flight.empty()) return json;
  Json& list = json["in_flight"] = Json::array();
  for (const InFlightOperation& operation : event.in_flight) {
    Json one;
    write(one, operation);
    if (!operation.file.empty()) one["file"] = valid_utf8(operation.file);
    list.push_back(std::move(one));
  }
  return json;
}

PathEvent event_of(const Json& json) {
  PathEvent event;
  event.kind = named<EventKind>(value_of<std::string>(json, "kind"), event_kinds);
  event.at = seconds_in(json, "at_s");
  event.lasted = seconds_in(json, "lasted_s");
  event.open = value_of<bool>(json, "open");
  event.has_operation = json.contains("op");
  event.operation = read_operation(json);
  event.loop_late = seconds_in(json, "loop_late_s");
  event.blame = value_of<std::string>(json, "blame", "unknown");
  event.evidence = value_of<std::string>(json, "evidence");
  event.peer = value_of<std::string>(json, "peer");
  event.more = value_of<std::string>(json, "would_tell_more");
  for (const Json& one : child(json, "samples")) event.samples.push_back(read_sample(one));
  for (const Json& one : child(json, "in_flight")) event.in_flight.push_back(read_operation(one));
  return event;
}

}  // namespace holdfast::initiator
