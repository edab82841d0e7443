#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "target/config/parser.h"

namespace holdfast::target {

/// A configuration larger than this is refused unread.
inline constexpr std::size_t config_bytes_max = 4 * 1024 * 1024;

/// Where IET keeps its files, the better place first. Tests look elsewhere.
struct ConfigPlaces {
  std::vector<std::string> folders = {"/etc/iet", "/etc"};
};

/// Reads the configuration `file`, or, when that is empty, the first ietd.conf of `places`, and
/// parses it. Access lists that lie beside it or in `places` are errors, since they are not obeyed
/// yet and must not be passed over. Opens none of the LUNs' paths.
ParsedConfig load_config(const std::string& file, const ConfigPlaces& places = {});

}  // namespace holdfast::target
