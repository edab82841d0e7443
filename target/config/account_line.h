#pragma once

#include <string_view>

#include "target/config/config.h"
#include "target/config/diagnostics.h"
#include "target/config/lexer.h"

namespace holdfast::target {

/// RFC 7143 section 9.2.1 asks for 96 bits at least; section 6.1 ends a text value at 255 bytes.
inline constexpr std::size_t chap_secret_bytes_min = 12;
inline constexpr std::size_t chap_secret_bytes_max = 255;

enum class AccountKind : std::uint8_t { incoming, outgoing };

/// Reads an `IncomingUser` or `OutgoingUser` line into `accounts`. What is wrong with it is said,
/// never the secret.
void read_account(AccountKind kind, const Line& line, Accounts& accounts, Diagnostics& diagnostics);

/// Looks for what the lines together must not be: an outgoing secret that is an incoming one too
/// would let whoever knows one end answer for the other.
void settle_accounts(const Accounts& accounts, Diagnostics& diagnostics);

}  // namespace holdfast::target
