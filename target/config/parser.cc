#include "target/config/parser.h"

#include <algorithm>
#include <fmt/core.h>
#include <map>
#include <memory>
#include <utility>

#include "target/config/directives.h"
#include "target/config/lexer.h"
#include "target/config/portal_group_line.h"
#include "target/config/stanza.h"
#include "target/config/values.h"

namespace holdfast::target {
namespace {

class Parser {
 public:
  Parser(std::string_view text, const std::string& file, const std::string& directory)
      : directory_(directory), diagnostics_(file), lexer_(text, diagnostics_) {
    parsed_.config.file = file;
  }

  ParsedConfig parse() {
    Line line;
    while (lexer_.next(line)) read(line);
    close_stanza();
    settle_accounts(parsed_.config.discovery_accounts, diagnostics_);
    if (parsed_.config.targets.empty() && !diagnostics_.has_errors())
      diagnostics_.warning(0, "there is no Target, so nothing is served");
    parsed_.diagnostics = diagnostics_.take();
    return std::move(parsed_);
  }

 private:
  void read(const Line& line) {
    if (line.words.empty()) return;  // It broke before its first word.
    const std::string& name = line.words.front().text;
    const Directive* directive = find_directive(name);
    if (directive == nullptr) {
      if (!line.broken) complain_of_unknown(line.number, name);
    } else if (std::holds_alternative<TargetRule>(directive->rule)) {
      close_stanza();
      stanza_ = std::make_unique<Stanza>(line, diagnostics_);
    } else if (line.broken) {
      return;
    } else if (stanza_) {
      stanza_->read(*directive, line, directory_);
    } else {
      read_before_targets(*directive, line);
    }
  }

  void complain_of_unknown(int line, const std::string& name) {
    const std::string_view meant = nearest_directive(name);
    diagnostics_.error(line, meant.empty() ? fmt::format("{} is no directive", shown(name))
                                           : fmt::format("{} is no directive; did you mean {}?",
                                                         shown(name), meant));
  }

  void read_before_targets(const Directive& directive, const Line& line) {
    const NotYetRule* not_yet = std::get_if<NotYetRule>(&directive.rule);
    const AccountRule* account = std::get_if<AccountRule>(&directive.rule);
    if (account != nullptr)
      read_account(account->kind, line, parsed_.config.discovery_accounts, diagnostics_);
    else if (std::holds_alternative<PortalGroupRule>(directive.rule))
      read_portal_group(line, parsed_.config.portal_groups, diagnostics_);
    else if (not_yet != nullptr)
      diagnostics_.error(
          line.number, fmt::format("{} is not yet supported ({})", directive.name, not_yet->what));
    else
      diagnostics_.error(
          line.number,
          fmt::format("{} belongs to a target; put it after a Target line", directive.name));
  }

  void close_stanza() {
    if (!stanza_) return;
    stanza_->check_portal_groups(parsed_.config.portal_groups);
    stanza_->close();
    if (stanza_->has_good_name()) {
      const TargetConfig& target = stanza_->target();
      const auto [first, is_new] = target_lines_.emplace(target.name, target.line);
      if (is_new)
        parsed_.config.targets.push_back(target);
      else
        diagnostics_.error(target.line,
                           fmt::format("Target {} is given twice; the first is in line {}",
                                       target.name, first->second));
    }
    stanza_.reset();
  }

  const std::string& directory_;
  Diagnostics diagnostics_;
  Lexer lexer_;
  ParsedConfig parsed_;
  std::unique_ptr<Stanza> stanza_;
  std::map<std::string, int> target_lines_;
};

}  // namespace

bool ParsedConfig::good() const {
  return std::none_of(diagnostics.begin(), diagnostics.end(), [](const Diagnostic& said) {
    return said.severity == Diagnostic::Severity::error;
  });
}

ParsedConfig parse_config(std::string_view text, const std::string& file,
                          const std::string& directory) {
  return Parser(text, file, directory).parse();
}

}  // namespace holdfast::target
