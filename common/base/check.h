#pragma once

namespace holdfast {

/// Prints the failed expression with its place and aborts. Called by CHECK only.
[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace holdfast

/// A statement about our own code that must hold, in release builds too. Never used on bytes that
/// came from outside: a peer, a file and a user can be wrong without our being wrong.
#define CHECK(expression) \
  (static_cast<bool>(expression) ? static_cast<void>(0) \
                                 : ::holdfast::check_failed(#expression, __FILE__, __LINE__))
