// `ietadm --op update`: the keys of a target, read by the very rules of ietd.conf.

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fmt/format.h>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/log.h"
#include "target/admin/administrator.h"
#include "target/config/directives.h"
#include "target/config/write_config.h"

namespace holdfast::target {
namespace {

using Pair = std::pair<std::string, std::string>;

Error invalid(std::string message) { return Error{ErrorKind::invalid_input, EINVAL, std::move(message)}; }

/// `A=1,B=None,CRC32C` is A and B: what has no `=` goes on with the value before it.
Result<std::vector<Pair>> read_pairs(std::string_view params) {
  std::vector<Pair> pairs;
  while (!params.empty()) {
    const std::string_view piece = params.substr(0, params.find(','));
    params.remove_prefix(std::min(params.size(), piece.size() + 1));
    const std::size_t equals = piece.find('=');
    if (equals != std::string_view::npos)
      pairs.emplace_back(piece.substr(0, equals), piece.substr(equals + 1));
    else if (!pairs.empty())
      pairs.back().second += "," + std::string(piece);
    else
      return invalid(fmt::format("--params is Key=value,Key=value; \"{}\" is none", piece));
  }
  if (pairs.empty()) return invalid("--params with Key=value,Key=value is needed");
  return pairs;
}

template <typename Number>
std::optional<Number> read_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_setting(const Rule& rule) {
  return !std::holds_alternative<AccountRule>(rule) && !std::holds_alternative<LunRule>(rule) &&
         !std::holds_alternative<TargetRule>(rule);
}

bool names(const std::string& line, std::string_view directive) {
  const std::size_t begin = line.find_first_not_of(' ');
  return begin != std::string::npos && line.compare(begin, directive.size(), directive) == 0 &&
         line.size() > begin + directive.size() && line[begin + directive.size()] == ' ';
}

/// The stanza's text without the line of that directive.
std::string without(const std::string& stanza, std::string_view directive) {
  std::string kept;
  for (std::size_t at = 0; at < stanza.size();) {
    const std::size_t end = stanza.find('\n', at);
    const std::string line = stanza.substr(at, end - at);
    if (!names(line, directive)) kept += line + "\n";
    at = end + 1;
  }
  return kept;
}

/// What each of both becomes when the other one is given without it.
bool gives_way(std::string_view directive, const std::vector<Pair>& given, std::string_view other) {
  const auto has = [&given](std::string_view name) {
    return std::any_of(given.begin(), given.end(), [name](const Pair& pair) { return pair.first == name; });
  };
  return has(other) && !has(directive);
}

}  // namespace

Status Administrator::set_target(std::uint32_t tid, const std::string& params) {
  Result<ServedTarget*> target = find(tid);
  if (!target) return target.error();
  const TargetRef before = (*target)->config;
  const TargetConfig& now = *before;
  Result<std::vector<Pair>> pairs = read_pairs(params);
  if (!pairs) return pairs.error();
  std::string stanza = write_settings(now);
  // As when IET is told so: an interval of NOPs without a timeout has one that is as long.
  if (gives_way("NOPTimeout", *pairs, "NOPInterval")) stanza = without(stanza, "NOPTimeout");
  for (const auto& [key, value] : *pairs) {
    const Directive* directive = find_directive(key);
    if (directive == nullptr || !is_setting(directive->rule)) {
      const std::string_view meant = nearest_directive(key);
      return invalid(meant.empty() || directive != nullptr
                         ? fmt::format("{} is no key of a target", quoted(key))
                         : fmt::format("{} is no key of a target; did you mean {}?", quoted(key), meant));
    }
    // Lists are words for the reader, too, so they are not to be quoted.
    const bool is_list = std::holds_alternative<DigestRule>(directive->rule) ||
                         std::holds_alternative<PortalGroupRule>(directive->rule) ||
                         std::holds_alternative<RedirectRule>(directive->rule);
    stanza = without(stanza, directive->name);
    if (value.empty() && std::holds_alternative<RedirectRule>(directive->rule)) continue;  // Nowhere any more.
    stanza += fmt::format("{} {}\n", directive->name, is_list ? value : quoted(value));
  }
  Result<Config> read_back = read(stanza);
  if (!read_back) return read_back.error();
  if (read_back->targets.size() != 1) return invalid("--params is one line");
  TargetConfig changed = std::move(read_back->targets.front());
  changed.accounts = now.accounts;
  changed.luns = now.luns;
  set_config(**target, std::move(changed));
  log(LogLevel::info, "{} is set by order: {}", now.name, params);
  return {};
}

Task<Status> Administrator::update_target(std::uint32_t tid, std::string params) {
  if (params.find_first_of(std::string_view("\n\r\0", 3)) != std::string::npos)
    co_return invalid("--params is one line");
  Status begun = co_await begin_change();
  if (!begun) co_return begun;
  Status result = set_target(tid, params);
  end_change();
  co_return result;
}

Status Administrator::update_lun(std::uint32_t tid, std::uint32_t number, std::string_view params) {
  constexpr std::pair<std::string_view, scsi::AccessState> names[] = {
      {"active/optimized", scsi::AccessState::active_optimized},
      {"active/non-optimized", scsi::AccessState::active_non_optimized},
      {"standby", scsi::AccessState::standby},
      {"unavailable", scsi::AccessState::unavailable},
  };
  Result<ServedTarget*> target = find(tid);
  if (!target) return target.error();
  LogicalUnit* const unit = (*target)->device->find(number);
  if (unit == nullptr) return Error{ErrorKind::invalid_input, ENOENT, fmt::format("target {} has no Lun {}", tid, number)};
  Result<std::vector<Pair>> pairs = read_pairs(params);
  if (!pairs) return pairs.error();
  std::optional<scsi::AccessState> state;
  std::optional<std::uint16_t> group;
  for (const auto& [key, value] : *pairs) {
    if (key == "AccessState")
      for (const auto& [name, meant] : names)
        if (name == value) state = meant;
    if (key == "PortalGroup") group = read_number<std::uint16_t>(value);
    const bool read = (key == "AccessState" && state) || (key == "PortalGroup" && group);
    if (!read) return invalid(fmt::format("{}={} changes nothing of a Lun", key, value));
  }
  if (!state)
    return invalid("AccessState=active/optimized, active/non-optimized, standby or unavailable is needed");
  if (!unit->change_access(group, *state))
    return Error{ErrorKind::invalid_input, ENOENT, fmt::format("no portal group {} leads to it", *group)};
  log(LogLevel::info, "Lun {} of {} is set by order: {}", number, (*target)->config->name, params);
  return {};
}

Task<Status> Administrator::redirect_target(std::uint32_t tid, std::string address) {
  std::string params = "Redirect=" + address;
  Status redirected = co_await update_target(tid, std::move(params));
  co_return redirected;
}

}  // namespace holdfast::target
