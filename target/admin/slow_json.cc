#include "target/admin/slow_json.h"

#include <fmt/format.h>

#include <span>
#include <string>

#include "common/scsi/command_words.h"

namespace holdfast::target {
namespace {

using nlohmann::json;

std::string hexadecimal(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (std::uint8_t byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::int64_t nanoseconds(Instant instant) { return instant.time_since_epoch().count(); }

void add_time(json& to, const char* key, Instant instant) {
  if (instant != Instant{}) to[key] = nanoseconds(instant);
}

json times_of(const SlowCommand& command) {
  const StageTimes& times = command.facts.times;
  json said = json::object();
  add_time(said, "received_ns", times.received);
  add_time(said, "in_hand_ns", times.in_hand);
  add_time(said, "store_started_ns", times.store_started);
  add_time(said, "store_done_ns", times.store_done);
  add_time(said, "sent_ns", times.sent);
  add_time(said, "acknowledged_ns", command.acknowledged);
  add_time(said, "until_ns", command.until);
  return said;
}

json identity_of(const ConnectionTrace& connection) {
  return {{"initiator", connection.initiator},
          {"isid", hexadecimal(std::span(&connection.isid[0], connection.isid.size()))},
          {"tsih", connection.tsih},
          {"cid", connection.cid},
          {"target", connection.target},
          {"portal_group", connection.portal_group},
          {"peer", connection.peer.to_string()},
          {"local", connection.local.to_string()},
          {"session_began_ns", nanoseconds(connection.session_began)},
          {"began_ns", nanoseconds(connection.began)}};
}

json clock_of(const ClockRounds& clock) {
  json rounds = json::array(), open = json::array();
  for (const ClockRounds::Round& round : clock.rounds())
    rounds.push_back({{"sent_ns", nanoseconds(round.sent)},
                      {"came_ns", nanoseconds(round.came)},
                      {"answered_ns", nanoseconds(round.answered)}});
  for (const ClockRounds::OpenPing& ping : clock.open())
    open.push_back({{"number", ping.number},
                    {"sent_ns", nanoseconds(ping.sent)},
                    {"came_ns", nanoseconds(ping.came)}});
  return {{"rounds", std::move(rounds)}, {"open", std::move(open)}};
}

}  // namespace

json to_json(const TcpState& state) {
  return {{"state", state.state},
          {"ca_state", state.ca_state},
          {"in_queue", state.in_queue},
          {"out_queue", state.out_queue},
          {"out_queue_unsent", state.out_queue_unsent},
          {"unacked", state.unacked},
          {"retransmits", state.retransmits},
          {"backoff", state.backoff},
          {"probes", state.probes},
          {"send_window", state.send_window},
          {"rto_us", state.rto_us},
          {"rtt_us", state.rtt_us},
          {"last_data_sent_ms", state.last_data_sent_ms},
          {"last_data_received_ms", state.last_data_received_ms},
          {"last_ack_received_ms", state.last_ack_received_ms},
          {"segments_in", state.segments_in},
          {"segments_out", state.segments_out},
          {"data_segments_in", state.data_segments_in},
          {"segments_sent_again", state.segments_sent_again},
          {"duplicates_reported", state.duplicates_reported},
          {"out_of_order_in", state.out_of_order_in},
          {"bytes_acked", state.bytes_acked},
          {"bytes_received", state.bytes_received},
          {"window_limited_us", state.window_limited_us}};
}

json to_json(const SlowCommand& command) {
  const CommandFacts& facts = command.facts;
  json said = {{"itt", facts.tag},
               {"cmd_sn", facts.cmd_sn},
               {"lun", scsi::decode_lun(facts.lun).value_or(0)},
               {"cdb", hexadecimal(scsi::shown_bytes(facts.cdb))},
               {"command", scsi::name_of(facts.cdb)},
               {"stage", to_string(command.stage)},
               {"aborted", facts.aborted},
               {"r2ts_sent", facts.r2ts_sent},
               {"r2ts_open", facts.r2ts_open},
               {"data_out_wanted", facts.data_out_wanted},
               {"data_out_received", facts.data_out_received},
               {"times", times_of(command)},
               {"connection", identity_of(*command.connection)}};
  if (command.serial != 0) said["serial"] = command.serial;
  if (const auto range = scsi::blocks_of(facts.cdb)) {
    said["lba"] = range->lba;
    said["blocks"] = range->blocks;
  }
  if (facts.times.sent != Instant{}) {
    said["status"] = facts.status;
    said["stat_sn"] = facts.stat_sn;
  }
  if (command.tcp && command.tcp->state.known) {
    said["socket"] = to_json(command.tcp->state);
    said["socket"]["at_ns"] = nanoseconds(command.tcp->at);
  }
  return said;
}

json to_json(const ConnectionTrace& connection) {
  json said = identity_of(connection);
  add_time(said, "ended_ns", connection.ended);
  add_time(said, "heard_ns", connection.heard);
  said["exp_stat_sn"] = connection.exp_stat_sn;
  if (connection.ended != Instant{}) said["exp_cmd_sn"] = connection.exp_cmd_sn;
  said["silences"] = json::array();
  for (const ConnectionTrace::Silence& silence : connection.silences)
    said["silences"].push_back({{"from_ns", nanoseconds(silence.from)},
                                {"to_ns", nanoseconds(silence.to)},
                                {"exp_cmd_sn", silence.exp_cmd_sn}});
  said["clock"] = clock_of(connection.clock);
  return said;
}

}  // namespace holdfast::target
