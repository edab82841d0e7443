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
  Parser(std::string_view text, const std::string& file, const std::string& directory, Rigour rigour)
      : directory_(directory), diagnostics_(file, rigour), lexer_(text, diagnostics_) {
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
    diagnostics_.fault(line,
                       meant.empty() ? fmt::format("{} is no directive", shown(name))
                                     : fmt::format("{} is no directive; did you mean {}?", shown(name), meant),
                       "the line is passed over");
  }

  void read_before_targets(const Directive& directive, const Line& line) {
    const IsnsRule* isns = std::get_if<IsnsRule>(&directive.rule);
    const AccountRule* account = std::get_if<AccountRule>(&directive.rule);
    if (account != nullptr)
      read_account(account->kind, line, parsed_.config.discovery_accounts, diagnostics_);
    else if (std::holds_alternative<PortalGroupRule>(directive.rule))
      read_portal_group(line, parsed_.config.portal_groups, diagnostics_);
    else if (isns != nullptr)
      read_isns(*isns, directive, line, diagnostics_);
    else
      diagnostics_.fault(line.number,
                         fmt::format("{} belongs to a target; put it after a Target line", directive.name),
                         "the line is passed over");
  }

  void close_stanza() {
    if (!stanza_) return;
    stanza_->check_portal_groups(parsed_.config.portal_groups);
    stanza_->close();
    const TargetConfig& target = stanza_->target();
    if (!stanza_->has_good_name()) {
      if (diagnostics_.is_compat()) add_users(target, parsed_.config.discovery_accounts);
    } else {
      const auto [first, is_new] = target_lines_.emplace(target.name, target.line);
      if (is_new)
        parsed_.config.targets.push_back(target);
      else if (diagnostics_.fault(target.line,
                                  fmt::format("Target {} is given twice; the first is in line {}", target.name,
                                              first->second),
                                  "all of it is passed over but its users, who are the first one's"))
        add_users(target, std::find_if(parsed_.config.targets.begin(), parsed_.config.targets.end(),
                                       [&](const TargetConfig& one) { return one.name == target.name; })
                              ->accounts);
    }
    stanza_.reset();
  }

  /// Of a stanza that counts for nothing else.
  static void add_users(const TargetConfig& target, Accounts& accounts) {
    const Accounts& more = target.accounts;
    accounts.incoming.insert(accounts.incoming.end(), more.incoming.begin(), more.incoming.end());
    if (more.outgoing) accounts.outgoing = more.outgoing;
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
                          const std::string& directory, Rigour rigour) {
  return Parser(text, file, directory, rigour).parse();
}

}  // namespace holdfast::target
