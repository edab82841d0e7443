#include "target/config/load.h"

#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <sys/stat.h>
#include <system_error>
#include <utility>

#include "common/base/result.h"
#include "common/runtime/fd.h"

namespace holdfast::target {
namespace {

constexpr const char* config_name = "ietd.conf";
constexpr const char* access_list_names[] = {"initiators.allow", "initiators.deny",
                                             "targets.allow"};

/// The whole of a file of bounded size. A fifo is fine too (a shell's `<(…)`).
Result<std::string> read_text(const std::string& path, bool& others_can_read) {
  // O_NONBLOCK: to open a fifo that nobody writes to would wait for ever.
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return Error::from_errno(errno, "open");
  ::fcntl(fd.get(), F_SETFL, 0);
  struct stat status {};
  others_can_read = ::fstat(fd.get(), &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & S_IROTH) != 0;
  std::string text;
  constexpr std::size_t step = 65'536;
  for (;;) {
    const std::size_t had = text.size();
    if (had > config_bytes_max)
      return Error{ErrorKind::invalid_input, 0,
                   fmt::format("is larger than {} bytes", config_bytes_max)};
    text.resize(had + step);
    const ssize_t got = ::read(fd.get(), text.data() + had, step);
    const int code = errno;
    text.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got == 0) return text;
    if (got < 0 && code != EINTR) return Error::from_errno(code, "read");
  }
}

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

void refuse_access_lists(std::vector<std::string> folders, std::vector<Diagnostic>& diagnostics) {
  std::vector<std::string> seen;
  for (const std::string& folder : folders) {
    if (std::find(seen.begin(), seen.end(), folder) != seen.end()) continue;
    seen.push_back(folder);
    for (const char* name : access_list_names) {
      const std::string path = folder + "/" + name;
      if (exists(path))
        diagnostics.push_back({Diagnostic::Severity::error, path, 0,
                               "access lists are not yet supported; while this file is here, "
                               "nothing is served, since anyone could log in"});
    }
  }
}

}  // namespace

ParsedConfig load_config(const std::string& file, const ConfigPlaces& places) {
  std::string chosen = file;
  for (const std::string& folder : places.folders) {
    if (!chosen.empty()) break;
    const std::string candidate = folder + "/" + config_name;
    if (exists(candidate)) chosen = candidate;
  }
  if (chosen.empty())
    return failed(config_name, fmt::format("is neither in {}; name a configuration with -c",
                                           fmt::join(places.folders, " nor in ")));
  bool others_can_read = false;
  Result<std::string> text = read_text(chosen, others_can_read);
  if (!text) return failed(chosen, text.error().message);
  const std::string folder = folder_of(chosen);
  ParsedConfig parsed = parse_config(*text, chosen, folder);
  if (others_can_read && has_secrets(parsed.config))
    parsed.diagnostics.push_back({Diagnostic::Severity::warning, chosen, 0,
                                  "holds secrets and can be read by everybody; run chmod o-r on it"});
  std::vector<std::string> folders{folder};
  folders.insert(folders.end(), places.folders.begin(), places.folders.end());
  refuse_access_lists(std::move(folders), parsed.diagnostics);
  return parsed;
}

}  // namespace holdfast::target
