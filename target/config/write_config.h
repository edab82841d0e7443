#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "target/config/config.h"

namespace holdfast::target {

/// The configuration as the text of an ietd.conf that reads back as the same. What has its default
/// value is left out. It holds the secrets.
std::string write_config(const Config& config);

/// The stanza of one target, without its Lun lines and its users. Two targets are set up alike if and
/// only if these are equal.
std::string write_settings(const TargetConfig& target);

/// One line, without its end: `Lun 0 Path=…`.
std::string write_lun(const LunConfig& lun);

/// The lines of users. Equal if and only if the same may log in, as the same we.
std::string write_accounts(const Accounts& accounts, const char* indent);

/// The PortalGroup lines before the first Target.
std::string write_portal_groups(const std::vector<PortalGroup>& groups);

/// As a Lun line spells them: "fileio", "wb".
std::string_view name_of(LunType type);
std::string_view name_of(IoMode mode);

/// A word of a line, in quotes where it needs them.
std::string quoted(const std::string& word);

}  // namespace holdfast::target
