#include "target/config/load.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <sys/stat.h>
#include <system_error>
#include <utility>

#include "target/config/access.h"
#include "target/config/text_file.h"

namespace holdfast::target {
namespace {

constexpr const char* config_name = "ietd.conf";

bool exists(const std::string& path) {
  struct stat status {};
  // What cannot be looked at may be there, and is not passed over.
  return ::lstat(path.c_str(), &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

ParsedConfig failed(const std::string& file, std::string message) {
  ParsedConfig parsed;
  parsed.config.file = file;
  parsed.diagnostics.push_back({Diagnostic::Severity::error, file, 0, std::move(message)});
  return parsed;
}

bool has_secrets(const Config& config) {
  const auto any = [](const Accounts& accounts) { return !accounts.incoming.empty() || accounts.outgoing; };
  return any(config.discovery_accounts) ||
         std::any_of(config.targets.begin(), config.targets.end(),
                     [&](const TargetConfig& target) { return any(target.accounts); });
}

/// The folder in which `file` lies, absolute: a daemon leaves the folder where it was started.
std::string folder_of(const std::string& file) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(file, error);
  return error ? "." : absolute.parent_path().string();
}

}  // namespace

ParsedConfig load_config(const std::string& file, const ConfigPlaces& places, Rigour rigour) {
  std::string chosen = file;
  for (const std::string& folder : places.folders) {
    if (!chosen.empty()) break;
    const std::string candidate = folder + "/" + config_name;
    if (exists(candidate)) chosen = candidate;
  }
  if (chosen.empty())
    return failed(config_name, fmt::format("is neither in {}; name a configuration with -c",
                                           fmt::join(places.folders, " nor in ")));
  Result<TextFile> file_read = read_text_file(chosen);
  if (!file_read) return failed(chosen, file_read.error().message);
  const std::string folder = folder_of(chosen);
  ParsedConfig parsed = parse_config(file_read->text, chosen, folder, rigour);
  if (file_read->others_can_read && has_secrets(parsed.config))
    parsed.diagnostics.push_back({Diagnostic::Severity::warning, chosen, 0,
                                  "holds secrets and can be read by everybody; run chmod o-r on it"});
  std::vector<std::string>& folders = parsed.config.access_folders;
  folders.push_back(folder);
  for (const std::string& place : places.folders)
    if (place != folder) folders.push_back(place);
  for (Diagnostic& said : Access(folders).refresh()) parsed.diagnostics.push_back(std::move(said));
  return parsed;
}

}  // namespace holdfast::target
