#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>
#include <string_view>

#include "initiator/report/format.h"
#include "initiator/report/judgement_words.h"

namespace holdfast::initiator {
namespace {

constexpr std::array<std::string_view, 2> file_protocols = {"nfs", "dir"};

bool is_file_protocol(const DestinationSummary& row) {
  const std::string& transport = row.destination->transport;
  return std::find(file_protocols.begin(), file_protocols.end(), transport) != file_protocols.end();
}

/// The names of the destinations that a property holds for, each once.
template <typename Property>
Words names_with(const Rows& rows, Property property) {
  Words names;
  for (const DestinationSummary& row : rows) {
    const std::string& label = row.destination->label;
    if (property(row) && std::find(names.begin(), names.end(), label) == names.end())
      names.push_back(label);
  }
  return names;
}

void add_noise(Words& words, const CompareRecord& record, const MachineNoise& noise) {
  if (noise.rounds == 0) return;
  const auto twin = std::find_if(
      record.destinations.begin(), record.destinations.end(),
      [](const auto& destination) { return destination.role == CompareDestination::Role::twin; });
  words.push_back(
      fmt::format("A/A: {}, measured twice in each of {}, differed from itself by up to {:.1f} %.",
                  twin->twin_of, count_text(noise.rounds, "round", "rounds"), noise.largest * 100));
}

void add_local_limit(Words& words, const Rows& rows) {
  const Words names = names_with(rows, [](const DestinationSummary& row) {
    return row.destination->role == CompareDestination::Role::local_limit;
  });
  if (!names.empty())
    words.push_back(
        list_text(names) +
        " is this machine without a server: the limit of the others, and no contender.");
}

void add_saturated(Words& words, const Rows& rows) {
  const Words names =
      names_with(rows, [](const DestinationSummary& row) { return row.saturated > 0; });
  if (names.empty()) return;
  words.push_back(fmt::format(
      "The tool itself was at its limit with {} (marked *): there the path may be able to do more.",
      list_text(names)));
}

void add_nature(Words& words, const Rows& rows) {
  const Words files = names_with(rows, is_file_protocol);
  const Words blocks =
      names_with(rows, [](const DestinationSummary& row) { return !is_file_protocol(row); });
  if (files.empty() || blocks.empty()) return;
  words.push_back(
      fmt::format("By nature: {} carried blocks of a filesystem that was made here, so many small "
                  "files went out as few large writes, "
                  "made durable by a flush of the cache; {} carried each file, name and attribute "
                  "by a call of its own, made durable by "
                  "COMMIT or fsync. Their requests and latencies are of different things; copy "
                  "times, gaps and stalls compare.",
                  list_text(blocks), list_text(files)));
}

void add_left_out(Words& words, const Rows& rows) {
  std::set<std::string> told;
  for (const DestinationSummary& row : rows) {
    if (!told.insert(row.destination->label).second) continue;
    Words things;
    for (const RunRecord::LeftOut& left : row.runs.front()->left_out)
      things.push_back(fmt::format("{} of {} ({})", printable_text(left.what),
                                   count_text(left.nodes, "node", "nodes"),
                                   printable_text(left.why)));
    if (!things.empty())
      words.push_back(
          fmt::format("{} could not keep {}.", row.destination->label, list_text(things)));
  }
}

}  // namespace

Words caveats(const CompareRecord& record, const Rows& rows, const MachineNoise& noise) {
  Words words;
  add_noise(words, record, noise);
  add_local_limit(words, rows);
  add_saturated(words, rows);
  add_nature(words, rows);
  add_left_out(words, rows);
  return words;
}

Words missing_words(const CompareRecord& record) {
  Words words;
  for (const CompareDestination& destination : record.destinations) {
    using Status = CompareDestination::Status;
    if (destination.status == Status::ran) continue;
    std::string why = printable_text(destination.reason);
    if (why.empty() && destination.status == Status::not_installed)
      why =
          destination.server.name + " is not installed: apt install " + destination.server.package;
    words.push_back(fmt::format("{} did not run: {}.", destination.label, why));
  }
  return words;
}

}  // namespace holdfast::initiator
