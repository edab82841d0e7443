#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "target/admin/administrator.h"
#include "target/session/session.h"

namespace holdfast::target {

/// What can be looked at: as ietadm's lines, and as JSON.
struct Shown {
  std::string text;
  nlohmann::json data;
};

/// Five lines: the target's own keys.
Shown show_target(const Administrator& administrator, const ServedTarget& target);
/// Nineteen lines: what logins are offered, or what a session came to.
Shown show_offer(const TargetConfig& target);
Shown show_session(const Session& session);
Shown show_lun(const ServedTarget& target, const LunConfig& lun);
Shown show_connection(const Connection& connection);
/// Names; with a name, that user and its secret.
Shown show_users(const Accounts& accounts, const Administrator::NamedUser* one);
/// Everything.
Shown show_all(const Administrator& administrator);

}  // namespace holdfast::target
