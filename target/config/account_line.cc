#include "target/config/account_line.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "target/config/values.h"

namespace holdfast::target {
namespace {

constexpr std::size_t name_bytes_max = 255;

/// A peer's CHAP_N is compared byte by byte: what cannot be sent cannot be meant.
bool can_be_sent(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\0'; });
}

}  // namespace

void read_account(AccountKind kind, const Line& line, Accounts& accounts, Diagnostics& diagnostics) {
  const std::string& directive = line.words.front().text;
  const auto error = [&](std::string message) { diagnostics.error(line.number, std::move(message)); };
  if (line.words.size() != 3)
    return error(fmt::format("{} needs a name and a secret, as in: {} alice \"a secret of 16 b\"", directive,
                             directive));
  Account account{.name = line.words[1].text, .secret = line.words[2].text, .line = line.number};
  if (account.name.empty() || account.name.size() > name_bytes_max || !can_be_sent(account.name))
    return error(fmt::format("{}: the name is {}; 1 to {} bytes are accepted", directive, shown(account.name),
                             name_bytes_max));
  const std::size_t bytes = account.secret.size();
  const bool is_short = bytes > 0 && bytes < chap_secret_bytes_min;
  if (is_short && diagnostics.is_compat())
    diagnostics.warning(line.number, fmt::format("{} {}: a secret of {} bytes can be guessed; {} are the least that is "
                                                 "safe; as with IET, it is taken",
                                                 directive, shown(account.name), bytes, chap_secret_bytes_min));
  else if (bytes < chap_secret_bytes_min || bytes > chap_secret_bytes_max || !can_be_sent(account.secret))
    return error(fmt::format("{} {}: the secret has {} bytes; {} to {} are accepted", directive,
                             shown(account.name), bytes, chap_secret_bytes_min, chap_secret_bytes_max));
  if (kind == AccountKind::outgoing) {
    if (accounts.outgoing &&
        !diagnostics.fault(line.number,
                           fmt::format("{} is given twice; the first is in line {}", directive, accounts.outgoing->line),
                           "the last one counts"))
      return;
    accounts.outgoing = std::move(account);
    return;
  }
  const auto same = std::find_if(accounts.incoming.begin(), accounts.incoming.end(),
                                 [&](const Account& one) { return one.name == account.name; });
  if (same != accounts.incoming.end()) {
    diagnostics.fault(line.number,
                      fmt::format("{} {} is given twice; the first is in line {}", directive, shown(account.name),
                                  same->line),
                      "the first one counts");
    return;
  }
  accounts.incoming.push_back(std::move(account));
}

void settle_accounts(const Accounts& accounts, Diagnostics& diagnostics) {
  if (!accounts.outgoing) return;
  const Account& outgoing = *accounts.outgoing;
  for (const Account& incoming : accounts.incoming)
    if (incoming.secret == outgoing.secret)
      diagnostics.fault(outgoing.line,
                        fmt::format("OutgoingUser {} has the secret of IncomingUser {} (line {}); each end needs "
                                    "its own",
                                    shown(outgoing.name), shown(incoming.name), incoming.line),
                        "both count, and whoever knows one end can answer for the other");
  if (accounts.incoming.empty())
    diagnostics.warning(outgoing.line,
                        "OutgoingUser has no effect without an IncomingUser: CHAP begins with the initiator's side");
}

}  // namespace holdfast::target
