#pragma once

#include <optional>
#include <string>

#include "target/config/config.h"
#include "target/config/diagnostics.h"
#include "target/config/lexer.h"

namespace holdfast::target {

/// Reads `Lun NUMBER OPTION=VALUE,…`. A Path that is not absolute is taken from `directory`, where
/// the configuration lies. Absent when something is wrong, which `diagnostics` then knows.
std::optional<LunConfig> parse_lun_line(const Line& line, const std::string& directory,
                                        Diagnostics& diagnostics);

}  // namespace holdfast::target
