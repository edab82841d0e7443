// `ietadm --user`: who may log in to a target or discover, and as whom we prove ourselves.

#include <algorithm>
#include <cerrno>
#include <fmt/format.h>
#include <utility>

#include "common/base/log.h"
#include "target/admin/administrator.h"
#include "target/config/values.h"
#include "target/config/write_config.h"

namespace holdfast::target {
namespace {

Error refused(int code, std::string message) { return Error{ErrorKind::invalid_input, code, std::move(message)}; }

}  // namespace

Result<Administrator::NamedUser> Administrator::read_user(std::string_view params) {
  constexpr std::string_view password_key = "Password=";
  NamedUser user;
  const std::size_t equals = params.find('=');
  const std::string_view key = params.substr(0, equals);
  if (equal_ignoring_case(key, "OutgoingUser"))
    user.kind = AccountKind::outgoing;
  else if (!equal_ignoring_case(key, "IncomingUser") || equals == std::string_view::npos)
    return refused(EINVAL, "--params IncomingUser=NAME or OutgoingUser=NAME, with ,Password=SECRET for a new one, is needed");
  // The secret comes last and may hold commas.
  const std::string_view rest = params.substr(equals + 1);
  const std::size_t comma = rest.find(',');
  user.name = rest.substr(0, comma);
  if (comma != std::string_view::npos) {
    const std::string_view second = rest.substr(comma + 1);
    if (!equal_ignoring_case(second.substr(0, password_key.size()), password_key))
      return refused(EINVAL, "after the name, Password= is expected");
    user.secret = second.substr(password_key.size());
  }
  if (user.name.empty()) return refused(EINVAL, "a user has a name");
  for (char c : std::string(params))
    if (c == '\n' || c == '\r' || c == '\0') return refused(EINVAL, "a name and a secret are one line");
  return user;
}

Result<Accounts> Administrator::accounts_of(std::uint32_t tid) const {
  if (tid == 0) return *targets_.discovery_accounts();
  Result<ServedTarget*> target = find(tid);
  if (!target) return target.error();
  return (*target)->config->accounts;
}

/// The lines of ietd.conf judge whether they may stand together.
Status Administrator::set_accounts(std::uint32_t tid, const Accounts& accounts) {
  const std::string text = (tid == 0 ? "" : "Target iqn.2026-11.example:any\n") + write_accounts(accounts, "");
  Result<Config> config = read(text);
  if (!config) return config.error();
  if (tid == 0) {
    targets_.set_discovery_accounts(accounts);
    return {};
  }
  Result<ServedTarget*> target = find(tid);
  if (!target) return target.error();
  TargetConfig changed = *(*target)->config;
  changed.accounts = accounts;
  set_config(**target, std::move(changed));
  return {};
}

Task<Status> Administrator::new_user(std::uint32_t tid, NamedUser user) {
  if (!user.secret) co_return refused(EINVAL, "a new user needs ,Password=SECRET");
  Status begun = co_await begin_change();
  if (!begun) co_return begun;
  Result<Accounts> accounts = accounts_of(tid);
  Status result;
  if (!accounts) {
    result = accounts.error();
  } else {
    std::vector<Account>& incoming = accounts->incoming;
    const bool is_there = user.kind == AccountKind::outgoing
                              ? accounts->outgoing.has_value()
                              : std::any_of(incoming.begin(), incoming.end(),
                                            [&](const Account& one) { return one.name == user.name; });
    Account account{.name = user.name, .secret = *user.secret};
    if (user.kind == AccountKind::outgoing)
      accounts->outgoing = std::move(account);
    else
      incoming.push_back(std::move(account));
    if (is_there)
      result = refused(EEXIST, user.kind == AccountKind::outgoing ? "there is an OutgoingUser already"
                                                                   : "there is a user of that name already");
    else
      result = set_accounts(tid, *accounts);
  }
  if (result) log(LogLevel::info, "user {} was added by order, tid {}", quoted(user.name), tid);
  end_change();
  co_return result;
}

Task<Status> Administrator::delete_user(std::uint32_t tid, NamedUser user) {
  Status begun = co_await begin_change();
  if (!begun) co_return begun;
  Result<Accounts> accounts = accounts_of(tid);
  Status result;
  if (!accounts) {
    result = accounts.error();
  } else {
    bool was_there = false;
    if (user.kind == AccountKind::outgoing) {
      was_there = accounts->outgoing && accounts->outgoing->name == user.name;
      if (was_there) accounts->outgoing.reset();
    } else {
      was_there = std::erase_if(accounts->incoming, [&](const Account& one) { return one.name == user.name; }) > 0;
    }
    result = was_there ? set_accounts(tid, *accounts)
                       : Status(refused(ENOENT, fmt::format("there is no such user {}", quoted(user.name))));
    if (result) log(LogLevel::info, "user {} was removed by order, tid {}", quoted(user.name), tid);
  }
  end_change();
  co_return result;
}

}  // namespace holdfast::target
