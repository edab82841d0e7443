#include "target/admin/slow.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "common/scsi/command_words.h"
#include "target/admin/slow_json.h"

namespace holdfast::target {
namespace {

using nlohmann::json;

// A page is made in one go, so it is short, and what else the loop has to do waits no longer than a
// millisecond or two.
constexpr std::size_t stuck_max = 256;
constexpr std::size_t commands_a_page = 64;
constexpr std::size_t connections_a_page = 64;

/// What a page begins with, in the upper half of `after`; the lower one says from where on.
enum class Part : std::uint32_t { stuck, commands, connections, ended };

std::uint64_t cursor(Part part, std::uint64_t from) {
  return static_cast<std::uint64_t>(part) << 32 | (from & 0xffff'ffff);
}

std::string time_text(Duration time) {
  const double seconds = std::chrono::duration<double>(time).count();
  if (seconds < 0.001) return fmt::format("{:.0f} us", seconds * 1e6);
  if (seconds < 1) return fmt::format("{:.1f} ms", seconds * 1e3);
  if (seconds < 120) return fmt::format("{:.2f} s", seconds);
  return fmt::format("{:.0f} min", seconds / 60);
}

/// "at once" for what took no turn of the loop.
void add_stage(std::string& text, const char* what, Instant from, Instant to) {
  if (from == Instant{} || to == Instant{}) return;
  fmt::format_to(std::back_inserter(text), ", {} {}", what, to == from ? "at once" : "+" + time_text(to - from));
}

const char* words_of(CommandStage stage) {
  switch (stage) {
    case CommandStage::memory: return "waits for memory";
    case CommandStage::data: return "waits for data of the initiator's";
    case CommandStage::turn: return "waits for other commands";
    case CommandStage::store: return "is in the store";
    case CommandStage::sending: return "its answer is not in the socket yet";
    case CommandStage::unacknowledged: return "its answer is not acknowledged";
    case CommandStage::over: break;
  }
  return "is over";
}

std::string socket_text(const TcpState& state) {
  return fmt::format(
      "unread {}, unacknowledged {} of which unsent {}, window {}, backoff {}, data came {} ms ago, an ACK {} ms ago, "
      "round trip {} us",
      state.in_queue, state.out_queue, state.out_queue_unsent, state.send_window, state.backoff,
      state.last_data_received_ms, state.last_ack_received_ms, state.rtt_us);
}

std::string text_of(const SlowCommand& command, bool stuck, const FlightRecorder& recorder) {
  const CommandFacts& facts = command.facts;
  const StageTimes& times = facts.times;
  const ConnectionTrace& connection = *command.connection;
  const bool lost = !stuck && command.stage != CommandStage::over;
  std::string text = fmt::format(
      "{} {}: {}, ITT {:08x}h, LUN {} of {}, from {} at {}; {}{}\n", stuck ? "stuck for" : "took",
      time_text(command.until - times.received), scsi::words_of(facts.cdb), facts.tag,
      scsi::decode_lun(facts.lun).value_or(0), connection.target, connection.initiator, connection.peer.to_string(),
      words_of(command.stage), lost ? " and never will be: it was aborted, or its connection ended" : "");
  text += fmt::format("    received {} ago", time_text(clock_now() - times.received));
  add_stage(text, "data in hand", times.received, times.in_hand);
  add_stage(text, "store started", times.in_hand, times.store_started);
  add_stage(text, "store done", times.store_started, times.store_done);
  add_stage(text, "sent", times.store_done, times.sent);
  add_stage(text, "acknowledged", times.sent, command.acknowledged);
  if (facts.data_out_wanted > 0)
    text += fmt::format("; {} of {} bytes, {} R2Ts, {} open", facts.data_out_received, facts.data_out_wanted,
                        facts.r2ts_sent, facts.r2ts_open);
  const Duration paused = recorder.paused(times.received, command.until);
  if (paused > Duration(0)) text += fmt::format("; for {} of it THIS PROCESS DID NOT RUN", time_text(paused));
  text += '\n';
  if (command.tcp && command.tcp->state.known) text += "    socket: " + socket_text(command.tcp->state) + "\n";
  return text;
}

std::vector<SlowCommand> all_stuck(const Administrator& administrator) {
  std::vector<SlowCommand> all;
  administrator.sessions().visit_from(0, [&](std::uint16_t, const Session& session) {
    for (const std::unique_ptr<Connection>& connection : session.connections())
      for (SlowCommand& one : connection->stages().stuck())
        if (all.size() < stuck_max) all.push_back(std::move(one));
    return all.size() < stuck_max;
  });
  return all;
}

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

json daemon_facts(const Administrator& administrator) {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return {{"version", HOLDFAST_VERSION},
          {"pid", ::getpid()},
          {"host", host},
          {"boot_id", boot_id()},
          {"began_ns", administrator.began().time_since_epoch().count()},
          {"limit_ms", std::chrono::floor<std::chrono::milliseconds>(administrator.recorder().limit()).count()}};
}

json pauses_of(const FlightRecorder& recorder) {
  json pauses = json::array();
  for (const FlightRecorder::Pause& pause : recorder.pauses())
    pauses.push_back({{"from_ns", pause.from.time_since_epoch().count()}, {"to_ns", pause.to.time_since_epoch().count()}});
  return pauses;
}

json now_facts() {
  return {{"monotonic_ns", clock_now().time_since_epoch().count()},
          {"unix_ns", std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1)}};
}

std::string headline(const Administrator& administrator, std::size_t stuck) {
  const FlightRecorder& recorder = administrator.recorder();
  if (!recorder.is_timing()) return "Commands are not timed: the limit is 0.\n";
  return fmt::format("{} commands have been under way for longer than {} by now; {} that did are over, {} of them told here\n",
                     stuck, time_text(recorder.limit()), recorder.commands_added(), recorder.commands().size());
}

json connection_with_state(const Connection& connection, const Session& session) {
  json said = to_json(*connection.stages().trace());
  said["exp_cmd_sn"] = session.window().exp_cmd_sn();
  said["max_cmd_sn"] = session.window().max_cmd_sn();
  said["next_stat_sn"] = connection.next_stat_sn();
  const TcpSample sample = connection.stages().sample();
  if (sample.state.known) said["socket"] = to_json(sample.state);
  return said;
}

/// The session after those of the page, or nothing.
std::optional<std::uint16_t> add_connections(const Administrator& administrator, std::uint16_t from, json& to) {
  std::optional<std::uint16_t> next;
  administrator.sessions().visit_from(from, [&](std::uint16_t tsih, const Session& session) {
    if (to.size() >= connections_a_page) {
      next = tsih;
      return false;
    }
    for (const std::unique_ptr<Connection>& connection : session.connections())
      to.push_back(connection_with_state(*connection, session));
    return true;
  });
  return next;
}

}  // namespace

std::size_t count_stuck(const Administrator& administrator) { return all_stuck(administrator).size(); }

Shown show_slow(const Administrator& administrator, std::uint64_t after, bool connections) {
  const FlightRecorder& recorder = administrator.recorder();
  Shown shown{{}, {{"schema", "holdfast.slow/1"}, {"daemon", daemon_facts(administrator)}, {"taken", now_facts()}}};
  json& data = shown.data;
  data["commands"] = json::array();
  data["connections"] = json::array();
  const auto from = static_cast<std::uint32_t>(after);
  switch (static_cast<Part>(after >> 32)) {
    case Part::stuck: {
      const std::vector<SlowCommand> stuck = all_stuck(administrator);
      shown.text = headline(administrator, stuck.size());
      for (const SlowCommand& one : stuck) {
        shown.text += text_of(one, true, recorder);
        data["commands"].push_back(to_json(one));
        data["commands"].back()["stuck"] = true;
      }
      data["pauses"] = pauses_of(recorder);
      data["next"] = cursor(Part::commands, 0);
      break;
    }
    case Part::commands:
      for (const SlowCommand& one : recorder.commands()) {
        if (one.serial < from) continue;
        if (data["commands"].size() == commands_a_page) {
          data["next"] = cursor(Part::commands, one.serial);
          break;
        }
        shown.text += text_of(one, false, recorder);
        data["commands"].push_back(to_json(one));
        data["commands"].back()["stuck"] = false;
      }
      if (connections && !data.contains("next")) data["next"] = cursor(Part::connections, 0);
      break;
    case Part::connections: {
      const auto next = add_connections(administrator, static_cast<std::uint16_t>(from), data["connections"]);
      data["next"] = next ? cursor(Part::connections, *next) : cursor(Part::ended, 0);
      break;
    }
    case Part::ended:
      for (const std::shared_ptr<const ConnectionTrace>& one : recorder.ended())
        data["connections"].push_back(to_json(*one));
      break;
  }
  return shown;
}

}  // namespace holdfast::target
