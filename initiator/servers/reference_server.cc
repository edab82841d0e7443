#include "initiator/servers/reference_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <filesystem>

#include "common/runtime/process.h"

namespace holdfast::initiator {
namespace {

constexpr std::array servers = {&holdfastd_server, &nbdkit_server, &nbd_server, &ganesha_v4_server,
                                &ganesha_v3_server};

/// Where our own programs lie: beside the one that runs, or, in a build folder, in the daemon's part.
constexpr std::array<std::string_view, 2> beside_us = {"", "../target/"};

bool is_digit(char letter) { return std::isdigit(static_cast<unsigned char>(letter)) != 0; }

}  // namespace

std::span<const ReferenceServer* const> reference_servers() { return servers; }

const ReferenceServer* find_reference_server(std::string_view name) {
  const auto found = std::find_if(servers.begin(), servers.end(), [&](const auto* server) { return server->name == name; });
  return found == servers.end() ? nullptr : *found;
}

Result<std::string> find_server_program(const ReferenceServer& server) {
  const std::string name(server.program);
  const bool ours = server.packages.empty();
  if (ours) {
    std::error_code error;
    const std::filesystem::path us = std::filesystem::read_symlink("/proc/self/exe", error);
    for (std::string_view where : beside_us) {
      const std::filesystem::path beside = us.parent_path() / where / name;
      if (std::filesystem::is_regular_file(beside, error))
        return std::filesystem::weakly_canonical(beside, error).string();
    }
  }
  if (std::optional<std::string> found = find_program(name)) return *std::move(found);
  const std::string advice = ours ? fmt::format("put {} beside holdfast or into PATH", name)
                                  : fmt::format("apt-get install {}", server.packages);
  return Error{ErrorKind::invalid_input, ENOENT, fmt::format("{} is not installed: {}", server.product, advice)};
}

std::string server_version(const ReferenceServer& server, const std::string& program) {
  ProcessRequest request;
  request.program = program;
  request.arguments = {std::string(server.version_option)};
  request.keep_output = true;
  request.deadline = std::chrono::seconds(5);
  const Result<ProcessOutcome> outcome = run_process_and_wait(request);
  return outcome ? version_in(outcome->error_output) : "";
}

std::string version_in(std::string_view text) {
  for (std::size_t begin = 0; begin < text.size(); ++begin) {
    if (!is_digit(text[begin])) continue;
    std::size_t end = begin;
    while (end < text.size() && (is_digit(text[end]) || (text[end] == '.' && end + 1 < text.size() && is_digit(text[end + 1]))))
      ++end;
    const std::string_view number = text.substr(begin, end - begin);
    if (number.find('.') != std::string_view::npos) return std::string(number);
    begin = end;
  }
  return "";
}

}  // namespace holdfast::initiator
