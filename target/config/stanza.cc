#include "target/config/stanza.h"

#include <algorithm>
#include <fmt/core.h>
#include <optional>
#include <utility>

#include "common/base/check.h"
#include "target/config/lun_line.h"
#include "target/config/portal_group_line.h"
#include "target/config/target_name.h"
#include "target/config/values.h"

namespace holdfast::target {
namespace {

constexpr std::size_t alias_bytes_max = 255;  // RFC 7143 6.1: the longest text value

std::string range_complaint(std::string_view name, std::string_view text, std::uint32_t min,
                            std::uint32_t max) {
  if (min == max) return fmt::format("{} is {}; only {} is accepted", name, shown(text), min);
  return fmt::format("{} is {}; {} to {} is accepted", name, shown(text), min, max);
}

/// "Yes" and "No", in IET's spelling.
std::optional<bool> parse_yes_no(std::string_view text) {
  if (text == "Yes") return true;
  if (text == "No") return false;
  return std::nullopt;
}

}  // namespace

Stanza::Stanza(const Line& line, Diagnostics& diagnostics) : diagnostics_(diagnostics) {
  target_.line = line.number;
  if (line.broken) return;
  if (line.words.size() != 2) {
    const bool has_name = line.words.size() > 2;
    const bool goes_on = diagnostics_.fault(
        line.number, "Target needs one name, as in: Target iqn.2026-11.example:disk",
        has_name ? "the first word is its name" : "all of it is passed over but its users, who are discovery's");
    if (!goes_on || !has_name) return;
  }
  TargetName checked = check_target_name(line.words[1].text);
  for (const std::string& warning : checked.warnings)
    diagnostics_.warning(line.number,
                         fmt::format("Target {}: {}", shown(line.words[1].text), warning));
  if (!checked.error.empty() &&
      !diagnostics_.fault(line.number,
                          fmt::format("Target {} is no iSCSI name: {}", shown(line.words[1].text), checked.error),
                          "it is served by that name"))
    return;
  target_.name = std::move(checked.name);
  has_good_name_ = true;
}

const std::string* Stanza::only_value(const Directive& directive, const Line& line) {
  if (line.words.size() == 2) return &line.words[1].text;
  if (line.words.size() < 2) {
    diagnostics_.fault(line.number, fmt::format("{} needs a value", directive.name), "the line is passed over");
    return nullptr;
  }
  const bool takes_first = diagnostics_.fault(
      line.words[2].line,
      fmt::format("{} takes one value; {} is too much", directive.name, shown(line.words[2].text)),
      "the rest of the line is passed over");
  return takes_first ? &line.words[1].text : nullptr;
}

bool Stanza::is_new(const Directive& directive, const Line& line) {
  const auto [at, inserted] = given_.emplace(directive.name, line.number);
  if (inserted) return true;
  return diagnostics_.fault(line.number,
                            fmt::format("{} is given twice; the first is in line {}", directive.name, at->second),
                            "the last one counts");
}

int Stanza::line_of(std::string_view directive) const {
  const auto found = given_.find(directive);
  return found == given_.end() ? 0 : found->second;
}

struct Stanza::Reader {
  Stanza& stanza;
  const Directive& directive;
  const Line& line;
  const std::string& directory;

  void error(std::string message) { stanza.diagnostics_.error(line.number, std::move(message)); }
  /// Returns whether IET's way with it is followed.
  bool fault(std::string message, std::string_view instead) {
    return stanza.diagnostics_.fault(line.number, std::move(message), instead);
  }
  void note(std::string message) { stanza.diagnostics_.note(line.number, std::move(message)); }

  /// The one value, on its first mention in the stanza.
  const std::string* value() {
    const std::string* text = stanza.only_value(directive, line);
    return text != nullptr && stanza.is_new(directive, line) ? text : nullptr;
  }

  std::optional<std::uint32_t> number(std::uint32_t min, std::uint32_t max) {
    const std::string* text = value();
    if (text == nullptr) return std::nullopt;
    const std::optional<std::int64_t> number = parse_number(*text);
    if (!number || *number < min || *number > max) return out_of_range(*text, min, max);
    if (is_octal(*text)) note(fmt::format("{} means {}: a leading 0 is octal", *text, *number));
    return static_cast<std::uint32_t>(*number);
  }

  /// IET took what begins as a number for that number, and its table's least for whatever is out of
  /// range; for DefaultTime2Wait the greatest.
  std::optional<std::uint32_t> out_of_range(const std::string& text, std::uint32_t min, std::uint32_t max) {
    const std::int64_t begins = parse_number_prefix(text);
    const bool in_range = begins >= min && begins <= max;
    const std::uint32_t instead = directive.name == "DefaultTime2Wait" ? max : min;
    const std::uint32_t taken = in_range ? static_cast<std::uint32_t>(begins) : instead;
    if (!fault(range_complaint(directive.name, text, min, max), fmt::format("{} is taken", taken)))
      return std::nullopt;
    return taken;
  }

  std::optional<bool> yes_no() {
    const std::string* text = value();
    if (text == nullptr) return std::nullopt;
    const std::optional<bool> answer = parse_yes_no(*text);
    if (!answer)
      fault(fmt::format("{} is {}; Yes or No is accepted", directive.name, shown(*text)), "the line is passed over");
    return answer;
  }

  void operator()(const NumberRule& rule) {
    const std::optional<std::uint32_t> found = number(rule.min, rule.max);
    if (!found) return;
    if (*found <= rule.served_max)
      rule.set(stanza.target_, *found);
    else if (fault(fmt::format("{} {} cannot be had; {} {} is accepted", directive.name, *found,
                               rule.served_max == rule.min ? "only" : "up to", rule.served_max),
                   fmt::format("{} is taken", rule.served_max)))
      rule.set(stanza.target_, rule.served_max);
  }

  void operator()(const YesNoRule& rule) {
    const std::optional<bool> answer = yes_no();
    if (answer) rule.set(stanza.target_, *answer);
  }

  void operator()(const FixedYesNoRule& rule) {
    const std::optional<bool> answer = yes_no();
    if (answer && *answer != rule.served)
      fault(fmt::format("{} {} cannot be had: {}", directive.name, *answer ? "Yes" : "No", rule.why),
            fmt::format("{} is taken", rule.served ? "Yes" : "No"));
  }

  void operator()(const IgnoredNumberRule& rule) {
    const std::optional<std::uint32_t> found = number(rule.min, rule.max);
    if (found) note(fmt::format("{} has no effect: {}", directive.name, rule.why));
  }

  void operator()(const DigestRule& rule) {
    const std::string* text = value();
    if (text == nullptr) return;
    DigestChoice choice{.none = false, .crc32c = false};
    for (const Word& item : line.words[1].split(',')) {
      if (item.text != "None" && item.text != "CRC32C") {
        fault(fmt::format("{} is {}; None, CRC32C or a list of both is accepted", directive.name, shown(*text)),
              "the line is passed over");
        return;
      }
      (item.text == "None" ? choice.none : choice.crc32c) = true;
    }
    stanza.target_.*rule.choice = choice;
  }

  void operator()(const IsnsRule& rule) { read_isns(rule, directive, line, stanza.diagnostics_); }

  void operator()(const AccountRule& rule) {
    read_account(rule.kind, line, stanza.target_.accounts, stanza.diagnostics_);
  }

  void operator()(const PortalGroupRule&) {
    if (!stanza.is_new(directive, line)) return;
    if (line.words.size() < 2) return error("PortalGroup needs the tag of a group, or several");
    for (std::size_t i = 1; i < line.words.size(); ++i) {
      const std::optional<std::uint16_t> tag = parse_portal_group_tag(line.words[i].text);
      if (!tag) return error(portal_group_tag_complaint(line.words[i].text));
      stanza.target_.portal_groups.push_back(*tag);
    }
  }

  void operator()(const RedirectRule&) {
    if (!stanza.is_new(directive, line)) return;
    if (line.words.size() < 2 || line.words.size() > 3)
      return error("Redirect needs an address, as in: Redirect 192.0.2.7:3260 Permanent");
    const std::optional<PortalAddress> to = parse_portal_address(line.words[1].text);
    if (!to)
      return error(fmt::format("Redirect is {}; ADDRESS, ADDRESS:PORT or [IPv6]:PORT is accepted",
                               shown(line.words[1].text)));
    Redirection redirection{.to = *to, .permanent = false};
    if (line.words.size() == 3) {
      const std::string& how = line.words[2].text;
      if (how != "Temporary" && how != "Permanent")
        return error(fmt::format("Redirect says {}; Temporary or Permanent is accepted", shown(how)));
      redirection.permanent = how == "Permanent";
    }
    stanza.target_.redirection = std::move(redirection);
  }

  void operator()(const AliasRule&) {
    const std::string* text = value();
    if (text == nullptr) return;
    if (text->empty() || text->size() > alias_bytes_max || !is_utf8(*text))
      fault(fmt::format("Alias is {}; 1 to {} bytes of UTF-8 are accepted", shown(*text), alias_bytes_max),
            "the line is passed over");
    else
      stanza.target_.alias = *text;
  }

  void operator()(const LunRule&) {
    std::optional<LunConfig> lun = parse_lun_line(line, directory, stanza.diagnostics_);
    if (!lun) return;
    const auto [first, is_new] = stanza.lun_lines_.emplace(lun->number, lun->line);
    if (is_new)
      stanza.target_.luns.push_back(std::move(*lun));
    else
      fault(fmt::format("Lun {} is given twice; the first is in line {}", lun->number, first->second),
            "the first one counts");
  }

  void operator()(const TargetRule&) { CHECK(!"a Target line begins a stanza of its own"); }
};

void Stanza::read(const Directive& directive, const Line& line, const std::string& directory) {
  std::visit(Reader{*this, directive, line, directory}, directive.rule);
}

/// FirstBurstLength may not exceed MaxBurstLength (RFC 7143 13.14). Where only one is given, our
/// default for the other gives way.
void Stanza::settle_bursts() {
  std::uint32_t& first = target_.offered.first_burst_length;
  std::uint32_t& max = target_.offered.max_burst_length;
  if (first <= max) return;
  const int first_line = line_of("FirstBurstLength");
  if (first_line == 0)
    first = max;
  else if (line_of("MaxBurstLength") == 0)
    max = first;
  else
    if (diagnostics_.fault(first_line, fmt::format("FirstBurstLength {} exceeds MaxBurstLength {}", first, max),
                           "it is served all the same, with a first burst as long as any"))
      first = max;
}

/// The time to wait for the answer to a ping is at most the time between pings; by default, as
/// long.
void Stanza::settle_nops() {
  const int line = line_of("NOPTimeout");
  if (target_.nop_timeout > target_.nop_interval) {
    if (target_.nop_interval == 0)
      diagnostics_.note(line, "NOPTimeout has no effect without NOPInterval");
    else
      diagnostics_.fault(
          line, fmt::format("NOPTimeout {} exceeds NOPInterval {}", target_.nop_timeout, target_.nop_interval),
          "it is as long as the interval");
    target_.nop_timeout = 0;
  }
  if (target_.nop_timeout == 0) target_.nop_timeout = target_.nop_interval;
}

void Stanza::check_portal_groups(const std::vector<PortalGroup>& groups) {
  for (const std::uint16_t tag : target_.portal_groups) {
    const bool known = std::any_of(groups.begin(), groups.end(),
                                   [tag](const PortalGroup& group) { return group.tag == tag; });
    if (!known)
      diagnostics_.error(line_of("PortalGroup"),
                         fmt::format("there is no PortalGroup {}; it is made before the first Target", tag));
  }
}

void Stanza::close() {
  settle_bursts();
  settle_nops();
  settle_accounts(target_.accounts, diagnostics_);
  if (target_.luns.empty() && has_good_name_)
    diagnostics_.warning(target_.line, fmt::format("Target {} has no Lun", target_.name));
}

}  // namespace holdfast::target
