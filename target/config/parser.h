#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "target/config/config.h"
#include "target/config/diagnostics.h"

namespace holdfast::target {

/// An ietd.conf read, with everything that there is to say about it. With an error among that,
/// `config` holds what could be made out and is not to be served.
struct ParsedConfig {
  Config config;
  std::vector<Diagnostic> diagnostics;

  bool good() const;
};

/// Reads the text of an ietd.conf strictly: what is out of range, misspelt, given twice,
/// contradictory or not served yet is an error, or, with `Rigour::compat`, a warning that says what is done
/// about it as IET did. `file` is its name for messages; a Lun's Path that
/// is not absolute is taken from `directory`. Opens nothing.
ParsedConfig parse_config(std::string_view text, const std::string& file,
                          const std::string& directory, Rigour rigour = Rigour::strict);

}  // namespace holdfast::target
