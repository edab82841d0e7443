#pragma once

#include <string>
#include <vector>

#include "target/config/parser.h"

namespace holdfast::target {

/// Where IET keeps its files, the better place first. Tests look elsewhere.
struct ConfigPlaces {
  std::vector<std::string> folders = {"/etc/iet", "/etc"};
};

/// Reads the configuration `file`, or, when that is empty, the first ietd.conf of `places`, and
/// parses it, and with it the access lists that lie beside it or in `places`. Opens none of the LUNs'
/// paths.
ParsedConfig load_config(const std::string& file, const ConfigPlaces& places = {},
                         Rigour rigour = Rigour::strict);

}  // namespace holdfast::target
