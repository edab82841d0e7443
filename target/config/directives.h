#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "target/config/account_line.h"
#include "target/config/config.h"
#include "target/config/diagnostics.h"
#include "target/config/lexer.h"

namespace holdfast::target {

// The directives of ietd.conf as a table: what each takes, and what becomes of it.

struct Directive;

/// A number of a target's stanza. Values above `served_max` are IET's, and not served.
struct NumberRule {
  std::uint32_t min;
  std::uint32_t max;
  std::uint32_t (*get)(const TargetConfig& target);
  void (*set)(TargetConfig& target, std::uint32_t value);
  std::uint32_t served_max = 0xffff'ffff;
};

/// `Yes` or `No`, in this spelling.
struct YesNoRule {
  bool (*get)(const TargetConfig& target);
  void (*set)(TargetConfig& target, bool value);
};

/// `Yes` or `No`, of which only `served` can be had; `why` says why.
struct FixedYesNoRule {
  bool served;
  std::string_view why;
};

/// A number that IET had a use for and we have none: read, found in range, and noted.
struct IgnoredNumberRule {
  std::uint32_t min;
  std::uint32_t max;
  std::string_view why;
};

/// HeaderDigest and DataDigest: a list out of `None` and `CRC32C`.
struct DigestRule {
  DigestChoice TargetConfig::*choice;
};

/// iSNSServer and iSNSAccessControl, before the first Target. There is no iSNS here.
struct IsnsRule {
  bool is_access_control = false;
};
void read_isns(const IsnsRule& rule, const Directive& directive, const Line& line, Diagnostics& diagnostics);

/// IncomingUser and OutgoingUser: of a target, or, before the first one, of discovery.
struct AccountRule {
  AccountKind kind;
};

/// PortalGroup: before the first Target a group's addresses, in a stanza the groups of the target.
struct PortalGroupRule {};

struct RedirectRule {};
struct AliasRule {};
struct LunRule {};
struct TargetRule {};

using Rule = std::variant<NumberRule, YesNoRule, FixedYesNoRule, IgnoredNumberRule, DigestRule,
                          IsnsRule, AccountRule, PortalGroupRule, RedirectRule, AliasRule, LunRule,
                          TargetRule>;

struct Directive {
  std::string_view name;
  Rule rule;
};

/// All of them, in the order in which a configuration is written.
std::span<const Directive> all_directives();
/// The directive of that name, in any case; nullptr for what is none.
const Directive* find_directive(std::string_view name);
/// The names of all of them.
std::vector<std::string_view> directive_names();
/// The directive that `misspelt` is most likely meant to be; empty when none is near.
std::string_view nearest_directive(std::string_view misspelt);

}  // namespace holdfast::target
