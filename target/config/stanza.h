#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "target/config/config.h"
#include "target/config/diagnostics.h"
#include "target/config/directives.h"
#include "target/config/lexer.h"

namespace holdfast::target {

/// A `Target` line and all that follows it up to the next one.
class Stanza {
 public:
  /// Begins with a `Target` line; a bad name is said, and the rest is read all the same, so that
  /// its mistakes are found in the same go.
  Stanza(const Line& line, Diagnostics& diagnostics);

  /// Reads one directive of the stanza. `directory` is where relative paths begin.
  void read(const Directive& directive, const Line& line, const std::string& directory);
  /// Says which of the target's portal groups there are not.
  void check_portal_groups(const std::vector<PortalGroup>& groups);
  /// Settles what the stanza left open and looks for contradictions. Called once, at its end.
  void close();

  const TargetConfig& target() const { return target_; }
  bool has_good_name() const { return has_good_name_; }

 private:
  struct Reader;  // One overload for each kind of rule.

  /// The one value of a directive; nullptr after complaining.
  const std::string* only_value(const Directive& directive, const Line& line);
  bool is_new(const Directive& directive, const Line& line);
  void settle_bursts();
  void settle_nops();
  /// The line on which a directive stands, or 0.
  int line_of(std::string_view directive) const;

  Diagnostics& diagnostics_;
  TargetConfig target_;
  std::map<std::string_view, int> given_;   // directives that may stand once, and their lines
  std::map<std::uint32_t, int> lun_lines_;  // Lun numbers, and where they stand
  bool has_good_name_ = false;
};

}  // namespace holdfast::target
