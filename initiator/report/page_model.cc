#include "initiator/report/page_model.h"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>

#include "initiator/report/format.h"
#include "initiator/report/page_parts.h"
#include "initiator/report/run_text.h"

namespace holdfast::initiator {
namespace {

/// What to call a destination in a heading: its URL without what every URL of its kind has.
std::string label_of(const RunRecord& record) {
  return record.destination.transport.empty() ? record.destination.url
                                              : record.destination.transport;
}

std::string tone_of(const RunRecord& record) {
  if (record.verdict == Verdict::steady && record.workload.outcome != Outcome::finished)
    return "neutral";
  return to_string(record.verdict);
}

/// What a run says of its making where it has no command line: a record of before it was kept.
std::string likely_command(const RunRecord& record) {
  const RunRecord::Workload& workload = record.workload;
  std::string command = "holdfast " + shell_word(workload.kind);
  if (!workload.source.empty()) command += " " + shell_word(workload.source);
  command += " " + shell_word(record.destination.url);
  return workload.verify ? command + " --verify" : command;
}

}  // namespace

std::string command_of(const std::vector<std::string>& words) {
  std::string command;
  for (const std::string& word : words) command += (command.empty() ? "" : " ") + shell_word(word);
  return command;
}

void add(Page& page, std::string what, std::string value) {
  if (!value.empty()) page.making.emplace_back(std::move(what), std::move(value));
}

void describe_machine(const Machine& machine, Page& page) {
  add(page, "Kernel", machine.kernel);
  if (machine.cores == 0) return;
  add(page, "Machine",
      fmt::format("{} of {}, {} of memory", count_text(machine.cores, "core", "cores"),
                  machine.cpu_model.empty() ? "an unknown kind" : machine.cpu_model,
                  bytes_text(machine.memory_bytes)));
}

void describe_limits(const RunRecord& record, Page& page) {
  add(page, "A stall is",
      duration_text(record.workload.stall_limit) + " or more without an answer, that ended");
  add(page, "A hang is", duration_text(record.workload.hang_limit) + " or more");
  add(page, "Read back",
      record.workload.verify ? "everything, in a new session, and compared" : "not asked for");
}

std::string as_word(std::string text) {
  for (std::size_t i = 1; i < text.size(); ++i)
    if (text[i] >= 'A' && text[i] <= 'Z') text[i] = static_cast<char>(text[i] - 'A' + 'a');
  return text;
}

Page page_of(const RunRecord& record) {
  Page page;
  const std::string line = verdict_line(record);
  const std::size_t end = line.find_first_of(":; ");
  page.headline = as_word(line.substr(0, end));
  page.tone = tone_of(record);
  const std::size_t words = line.find_first_not_of(":; ", end);
  if (words != std::string::npos) page.words.push_back(line.substr(words) + ".");
  page.what = fmt::format("{} {} → {}", record.workload.kind, record.workload.source,
                          record.destination.url);
  page.title = page.headline + ": " + page.what;
  Page::Destination destination;
  destination.label = label_of(record);
  destination.url = record.destination.url;
  destination.transport = record.destination.transport;
  destination.runs = {{&record, ""}};
  page.destinations.push_back(std::move(destination));
  page.command =
      record.command_line.empty() ? likely_command(record) : command_of(record.command_line);
  add(page, "Started", record.workload.started);
  add(page, "Holdfast", record.workload.version);
  describe_machine(record.machine, page);
  describe_limits(record, page);
  return page;
}

std::string shell_word(const std::string& word) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/.,:=@%+-_";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char character : word)
    quoted += character == '\'' ? std::string("'\\''") : std::string(1, character);
  return quoted + "'";
}

}  // namespace holdfast::initiator
