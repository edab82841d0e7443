#include "target/config/write_config.h"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>

#include "target/config/directives.h"

namespace holdfast::target {
namespace {

constexpr const char* indent = "    ";

bool needs_quotes(char c) {
  return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '\\' || c == '#' || c == ',' || c == 0x7f;
}

std::string write_address(const PortalAddress& address) {
  if (address.port) return address.to_string();
  const bool is_ipv6 = address.host.find(':') != std::string::npos;
  return is_ipv6 ? "[" + address.host + "]" : address.host;
}

/// What a rule's line says of a target; empty where that is the default. Rules that set nothing, and
/// those with lines of their own, say nothing.
struct Value {
  const TargetConfig& target;

  std::string operator()(const NumberRule& rule) const {
    const std::uint32_t value = rule.get(target);
    return value == rule.get(TargetConfig{}) ? "" : std::to_string(value);
  }
  std::string operator()(const YesNoRule& rule) const {
    const bool value = rule.get(target);
    return value == rule.get(TargetConfig{}) ? "" : (value ? "Yes" : "No");
  }
  std::string operator()(const DigestRule& rule) const {
    const DigestChoice& choice = target.*rule.choice;
    return choice.none && choice.crc32c ? "" : choice.list();
  }
  std::string operator()(const PortalGroupRule&) const {
    return fmt::format("{}", fmt::join(target.portal_groups, " "));
  }
  std::string operator()(const RedirectRule&) const {
    if (!target.redirection) return "";
    return write_address(target.redirection->to) + (target.redirection->permanent ? " Permanent" : "");
  }
  std::string operator()(const AliasRule&) const { return target.alias.empty() ? "" : quoted(target.alias); }
  template <typename Other>
  std::string operator()(const Other&) const {
    return "";
  }
};

}  // namespace

std::string_view name_of(LunType type) {
  switch (type) {
    case LunType::fileio: return "fileio";
    case LunType::blockio: return "blockio";
    case LunType::nullio: return "nullio";
    case LunType::memory: return "memory";
  }
  return "";
}

std::string_view name_of(IoMode mode) {
  switch (mode) {
    case IoMode::write_through: return "wt";
    case IoMode::write_back: return "wb";
    case IoMode::read_only: return "ro";
    case IoMode::direct: return "direct";
  }
  return "";
}

std::string quoted(const std::string& word) {
  if (!word.empty() && std::none_of(word.begin(), word.end(), needs_quotes)) return word;
  std::string out = "\"";
  for (char c : word) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string write_lun(const LunConfig& lun) {
  std::string line = fmt::format("Lun {} Type={}", lun.number, name_of(lun.type));
  if (lun.type == LunType::fileio || lun.type == LunType::blockio)
    line += fmt::format(",Path={},IOMode={}", quoted(lun.path), name_of(lun.mode));
  if (lun.type == LunType::memory) line += fmt::format(",Size={}", lun.size);
  if (lun.blocks) line += fmt::format(",Blocks={}", *lun.blocks);
  if (lun.block_bytes) line += fmt::format(",BlockSize={}", *lun.block_bytes);
  if (!lun.scsi_id.empty()) line += ",ScsiId=" + quoted(lun.scsi_id);
  if (!lun.scsi_sn.empty()) line += ",ScsiSN=" + quoted(lun.scsi_sn);
  if (lun.thin) line += ",Thin=yes";
  if (lun.removable) line += ",Removable=yes";
  if (lun.write_protect) line += ",WriteProtect=yes";
  if (lun.physical_block_bytes > 0)
    line += fmt::format(",PhysicalBlockSize={}", lun.physical_block_bytes);
  if (lun.rotation_rate == 0) line += ",Rotational=yes";
  if (lun.rotation_rate > 1) line += fmt::format(",Rotational={}", lun.rotation_rate);
  if (lun.max_transfer) line += fmt::format(",MaxTransfer={}", *lun.max_transfer);
  if (!lun.vendor.empty()) line += ",Vendor=" + quoted(lun.vendor);
  if (!lun.product.empty()) line += ",Product=" + quoted(lun.product);
  if (!lun.revision.empty()) line += ",Revision=" + quoted(lun.revision);
  if (lun.wwn) {
    line += ",Wwn=";
    for (std::uint8_t byte : *lun.wwn) line += fmt::format("{:02x}", byte);
  }
  return line;
}

std::string write_accounts(const Accounts& accounts, const char* before) {
  std::string lines;
  for (const Account& account : accounts.incoming)
    lines += fmt::format("{}IncomingUser {} {}\n", before, quoted(account.name), quoted(account.secret));
  if (accounts.outgoing)
    lines += fmt::format("{}OutgoingUser {} {}\n", before, quoted(accounts.outgoing->name),
                         quoted(accounts.outgoing->secret));
  return lines;
}

std::string write_settings(const TargetConfig& target) {
  std::string lines = "Target " + quoted(target.name) + "\n";
  for (const Directive& directive : all_directives()) {
    const std::string value = std::visit(Value{target}, directive.rule);
    if (!value.empty()) lines += fmt::format("{}{} {}\n", indent, directive.name, value);
  }
  return lines;
}

std::string write_portal_groups(const std::vector<PortalGroup>& groups) {
  std::string lines;
  for (const PortalGroup& group : groups) {
    lines += fmt::format("PortalGroup {}", group.tag);
    for (const PortalAddress& portal : group.portals) lines += " " + write_address(portal);
    lines += "\n";
  }
  return lines;
}

std::string write_config(const Config& config) {
  std::string text = write_portal_groups(config.portal_groups) + write_accounts(config.discovery_accounts, "");
  for (const TargetConfig& target : config.targets) {
    if (!text.empty()) text += '\n';
    text += write_settings(target) + write_accounts(target.accounts, indent);
    for (const LunConfig& lun : target.luns) text += indent + write_lun(lun) + "\n";
  }
  return text;
}

}  // namespace holdfast::target
