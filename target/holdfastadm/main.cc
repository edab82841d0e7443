// holdfastadm: one question to a running holdfastd, and its answer in ietadm's words.

#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <variant>

#include "target/holdfastadm/command_line.h"
#include "target/holdfastadm/conversation.h"
#include "target/holdfastadm/save_file.h"

namespace holdfast::target {
namespace {

using nlohmann::json;

/// ietadm's own line first, for scripts that look for it; then what is behind it.
int fail(const CommandLine& line, int code, const std::string& message) {
  if (line.json) std::printf("%s\n", json{{"errno", code}, {"message", message}}.dump(2).c_str());
  std::fprintf(stderr, "%s.\n", std::strerror(code));
  std::string rest = message;
  while (!rest.empty()) {
    const std::string one = rest.substr(0, rest.find('\n'));
    std::fprintf(stderr, "holdfastadm: %s\n", one.c_str());
    rest.erase(0, one.size() + 1);
  }
  return exit_code_of(code);
}

int save(const CommandLine& line, const json& answer) {
  const std::string text = "# What holdfastd served when `holdfastadm save` was called.\n" + answer.value("text", "");
  if (line.save_file == "-") {
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  std::string file = line.save_file;
  if (file.empty() && answer.contains("data")) file = answer["data"].value("file", "");
  const Status saved = save_file(file, text);
  if (!saved) return fail(line, saved.error().code, saved.error().message);
  if (line.json) std::printf("%s\n", json{{"file", file}}.dump(2).c_str());
  return 0;
}

/// A long answer comes in pages: each that is not the last one says how to ask for the next.
Result<json> ask_for_all(const CommandLine& line) {
  Result<json> answer = ask(line.control, line.request);
  json request = line.request;
  while (answer && answer->contains("data") && answer->at("data").contains("next")) {
    request["after"] = answer->at("data").at("next");
    const Result<json> page = ask(line.control, request);
    if (!page) return page.error();
    if (page->value("errno", 0) != 0) return page;
    answer->at("text") = answer->value("text", "") + page->value("text", "");
    json& data = answer->at("data");
    data.erase("next");
    for (const auto& [key, value] : page->at("data").items()) {
      if (value.is_array() && data.contains(key))
        data[key].insert(data[key].end(), value.begin(), value.end());
      else if (key == "next")
        data[key] = value;
    }
  }
  return answer;
}

int run(const CommandLine& line) {
  const Result<json> answer = ask_for_all(line);
  if (!answer) return fail(line, answer.error().code, answer.error().message);
  const int code = answer->value("errno", 0);
  if (code != 0) return fail(line, code, answer->value("message", ""));
  if (line.save) return save(line, *answer);
  if (!line.json) {
    std::fputs(answer->value("text", "").c_str(), stdout);
    return 0;
  }
  const std::string report = answer->value("text", "");
  const json data = answer->contains("data") ? answer->at("data") : json{{"report", report}};
  std::printf("%s\n", data.dump(2).c_str());
  return 0;
}

}  // namespace
}  // namespace holdfast::target

int main(int argc, char** argv) {
  const auto line = holdfast::target::parse_command_line(argc, argv);
  if (const int* exit_code = std::get_if<int>(&line)) return *exit_code;
  return holdfast::target::run(std::get<holdfast::target::CommandLine>(line));
}
