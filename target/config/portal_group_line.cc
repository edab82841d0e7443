#include "target/config/portal_group_line.h"

#include <algorithm>
#include <fmt/format.h>

#include "target/config/values.h"

namespace holdfast::target {
namespace {

constexpr std::size_t portals_max = 64;

}  // namespace

std::optional<std::uint16_t> parse_portal_group_tag(std::string_view text) {
  const std::optional<std::int64_t> number = parse_number(std::string(text));
  if (!number || *number < 1 || *number > 65'535) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

std::string portal_group_tag_complaint(std::string_view text) {
  return fmt::format("{} is no tag of a portal group; 1 to 65535 is accepted", shown(std::string(text)));
}

void read_portal_group(const Line& line, std::vector<PortalGroup>& groups, Diagnostics& diagnostics) {
  const auto error = [&](std::string message) { diagnostics.error(line.number, std::move(message)); };
  if (line.words.size() < 3)
    return error("PortalGroup needs a tag and addresses, as in: PortalGroup 1 192.0.2.1 [2001:db8::1]:3260");
  const std::optional<std::uint16_t> tag = parse_portal_group_tag(line.words[1].text);
  if (!tag) return error(portal_group_tag_complaint(line.words[1].text));
  std::size_t portals = 0;
  for (const PortalGroup& group : groups) portals += group.portals.size();
  if (portals + line.words.size() - 2 > portals_max)
    return error(fmt::format("there are more than {} portals", portals_max));

  auto group = std::find_if(groups.begin(), groups.end(), [&](const PortalGroup& one) { return one.tag == *tag; });
  if (group == groups.end()) group = groups.insert(groups.end(), {.tag = *tag, .portals = {}, .line = line.number});
  for (std::size_t i = 2; i < line.words.size(); ++i) {
    const std::string& text = line.words[i].text;
    const std::optional<PortalAddress> address = parse_portal_address(text);
    if (!address) return error(fmt::format("{} is no address; ADDRESS, ADDRESS:PORT or [IPv6]:PORT is accepted", shown(text)));
    for (const PortalGroup& one : groups)
      if (std::find(one.portals.begin(), one.portals.end(), *address) != one.portals.end())
        return error(fmt::format("{} is given twice; the first is in PortalGroup {}", shown(text), one.tag));
    group->portals.push_back(*address);
  }
}

}  // namespace holdfast::target
