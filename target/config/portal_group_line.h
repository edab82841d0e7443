#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "target/config/config.h"
#include "target/config/diagnostics.h"
#include "target/config/lexer.h"

namespace holdfast::target {

/// 1 to 65535 (RFC 7143 section 13.9 has 0 too, which makes people wonder).
std::optional<std::uint16_t> parse_portal_group_tag(std::string_view text);
std::string portal_group_tag_complaint(std::string_view text);

/// Reads `PortalGroup TAG ADDRESS[:PORT] …`, the line that makes a group, into `groups`. Lines with the
/// same tag make one group.
void read_portal_group(const Line& line, std::vector<PortalGroup>& groups, Diagnostics& diagnostics);

}  // namespace holdfast::target
