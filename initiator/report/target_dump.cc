#include "initiator/report/target_dump.h"

#include <cerrno>
#include <utility>

#include "initiator/report/json_value.h"
#include "initiator/report/saved_record.h"

namespace holdfast::initiator {
namespace {

constexpr const char* slow_schema = "holdfast.slow/1";
/// No clock counts so far; differences of times below it have room.
constexpr std::int64_t time_end = std::int64_t{1} << 62;

Instant time_in(const Json& json, const char* key) {
  const auto value = value_of<std::int64_t>(json, key);
  if (value < 0 || value >= time_end)
    throw Json::other_error::create(599, std::string(key) + " is no time", nullptr);
  return Instant(Duration(value));
}

std::optional<Instant> time_if_any(const Json& json, const char* key) {
  if (!json.contains(key)) return std::nullopt;
  return time_in(json, key);
}

SessionIdentity session_in(const Json& json) {
  return {value_of<std::string>(json, "initiator"), value_of<std::string>(json, "isid"),
          value_of<std::uint16_t>(json, "tsih")};
}

TcpState socket_in(const Json& json) {
  TcpState tcp;
  if (json.is_null()) return tcp;
  tcp.known = true;
  tcp.in_queue = value_of<std::uint32_t>(json, "in_queue");
  tcp.out_queue = value_of<std::uint32_t>(json, "out_queue");
  tcp.out_queue_unsent = value_of<std::uint32_t>(json, "out_queue_unsent");
  tcp.unacked = value_of<std::uint32_t>(json, "unacked");
  tcp.backoff = value_of<std::uint8_t>(json, "backoff");
  tcp.send_window = value_of<std::uint32_t>(json, "send_window");
  tcp.last_ack_received_ms = value_of<std::uint32_t>(json, "last_ack_received_ms");
  return tcp;
}

TargetCommand command_in(const Json& json) {
  TargetCommand command;
  command.session = session_in(child(json, "connection"));
  command.itt = value_of<std::uint32_t>(json, "itt");
  command.cmd_sn = value_of<std::uint32_t>(json, "cmd_sn");
  command.cdb = value_of<std::string>(json, "cdb");
  command.command = value_of<std::string>(json, "command");
  command.stage = value_of<std::string>(json, "stage");
  command.stuck = value_of<bool>(json, "stuck");
  command.aborted = value_of<bool>(json, "aborted");
  command.r2ts_sent = value_of<std::uint32_t>(json, "r2ts_sent");
  command.r2ts_open = value_of<std::uint32_t>(json, "r2ts_open");
  command.data_out_wanted = value_of<std::uint32_t>(json, "data_out_wanted");
  command.data_out_received = value_of<std::uint32_t>(json, "data_out_received");
  const Json& times = child(json, "times");
  command.received = time_in(times, "received_ns");
  command.in_hand = time_if_any(times, "in_hand_ns");
  command.store_started = time_if_any(times, "store_started_ns");
  command.store_done = time_if_any(times, "store_done_ns");
  command.sent = time_if_any(times, "sent_ns");
  command.acknowledged = time_if_any(times, "acknowledged_ns");
  command.until = time_in(times, "until_ns");
  command.socket = socket_in(child(json, "socket"));
  return command;
}

TargetConnection connection_in(const Json& json) {
  TargetConnection connection;
  connection.session = session_in(json);
  connection.target = value_of<std::string>(json, "target");
  connection.session_began = time_in(json, "session_began_ns");
  connection.ended = time_if_any(json, "ended_ns");
  connection.heard = time_in(json, "heard_ns");
  connection.exp_cmd_sn = value_of<std::uint32_t>(json, "exp_cmd_sn");
  for (const Json& one : list_in(json, "silences"))
    connection.silences.push_back(
        {time_in(one, "from_ns"), time_in(one, "to_ns"), value_of<std::uint32_t>(one, "exp_cmd_sn")});
  for (const Json& one : list_in(child(json, "clock"), "rounds"))
    connection.rounds.push_back({time_in(one, "sent_ns"), time_in(one, "came_ns"), time_in(one, "answered_ns")});
  return connection;
}

TargetDump dump_in(const Json& json) {
  require_schema(json, slow_schema);
  TargetDump dump;
  const Json& daemon = child(json, "daemon");
  dump.version = value_of<std::string>(daemon, "version");
  dump.host = value_of<std::string>(daemon, "host");
  dump.boot_id = value_of<std::string>(daemon, "boot_id");
  dump.began = time_in(daemon, "began_ns");
  dump.limit = std::chrono::milliseconds(value_of<std::uint32_t>(daemon, "limit_ms"));
  dump.taken = time_in(child(json, "taken"), "monotonic_ns");
  dump.taken_unix_ns = time_in(child(json, "taken"), "unix_ns").time_since_epoch().count();
  for (const Json& one : list_in(json, "commands")) dump.commands.push_back(command_in(one));
  for (const Json& one : list_in(json, "connections")) dump.connections.push_back(connection_in(one));
  for (const Json& one : list_in(json, "pauses"))
    dump.pauses.push_back({time_in(one, "from_ns"), time_in(one, "to_ns")});
  return dump;
}

Error no_dump(const std::string& why) {
  return Error{ErrorKind::invalid_input, EINVAL, "this is not what `holdfastadm slow --json` prints: " + why};
}

}  // namespace

Result<TargetDump> target_dump_from_json(std::string_view text) {
  try {
    return dump_in(Json::parse(text));
  } catch (const Json::exception& error) {
    return no_dump(words_of(error));
  }
}

Result<TargetDump> read_target_dump(const std::string& path) {
  const Result<std::string> text = read_record_text(path);
  if (!text) return text.error();
  Result<TargetDump> dump = target_dump_from_json(*text);
  if (!dump) return Error{ErrorKind::invalid_input, EINVAL, path + ": " + dump.error().message};
  return dump;
}

}  // namespace holdfast::initiator
