#include "initiator/fault/diary.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "common/base/units.h"

namespace holdfast::initiator {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array kinds = {"begun", "struck", "ended"};

std::string size_text(std::uint64_t bytes) {
  if (bytes < 10 * KiB) return fmt::format("{} B", bytes);
  if (bytes < 10 * MiB) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / KiB);
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / MiB);
}

Json position_json(const PathPosition& position) {
  return {{"bytes_out", position.bytes[Way::out]},
          {"bytes_in", position.bytes[Way::in]},
          {"messages_out", position.messages[Way::out]},
          {"messages_in", position.messages[Way::in]},
          {"connections", position.connections}};
}

}  // namespace

double FaultDiary::seconds(Instant at) const { return std::chrono::duration<double>(at - began_).count(); }

void FaultDiary::note(const FaultEvent& event) {
  if (events_.size() < events_most)
    events_.push_back(event);
  else
    ++left_out_;
}

std::string FaultDiary::line(const FaultEvent& event) const {
  const PathPosition& position = event.position;
  std::string text = fmt::format("{:10.3f} s  {:<6}  {}: {}", seconds(event.at),
                                 kinds[static_cast<std::size_t>(event.kind)], event.step, event.text);
  if (!event.what.empty()) text += fmt::format(": {}", event.what);
  if (event.connection != 0) text += fmt::format(", connection {}", event.connection);
  return text + fmt::format("  (out {}, {} messages; in {}, {})", size_text(position.bytes[Way::out]),
                            position.messages[Way::out], size_text(position.bytes[Way::in]), position.messages[Way::in]);
}

std::string FaultDiary::line(const std::string& remark, Instant at) const {
  return fmt::format("{:10.3f} s  {}", seconds(at), remark);
}

std::string FaultDiary::json(const std::string& listening, const std::string& server, std::uint64_t seed,
                             const PathPosition& end, Instant now) const {
  Json events = Json::array();
  for (const FaultEvent& event : events_) {
    Json row = {{"at_s", seconds(event.at)},
                {"unix_s", unix_seconds_ + seconds(event.at)},
                {"kind", kinds[static_cast<std::size_t>(event.kind)]},
                {"step", event.step},
                {"text", event.text}};
    if (event.connection != 0) row["connection"] = event.connection;
    if (!event.what.empty()) row["what"] = event.what;
    row["position"] = position_json(event.position);
    events.push_back(std::move(row));
  }
  const Json whole = {{"schema", "holdfast.fault/1"},
                      {"listening", listening},
                      {"server", server},
                      {"seed", seed},
                      {"started_unix_s", unix_seconds_},
                      {"lasted_s", seconds(now)},
                      {"events", std::move(events)},
                      {"events_left_out", left_out_},
                      {"end", position_json(end)}};
  return whole.dump(1) + "\n";
}

}  // namespace holdfast::initiator
