#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace holdfast::initiator {

/// What somebody tried who was not let in.
struct LoginAttempt {
  std::string portal;     // "host:port"
  std::string target;     // empty for discovery
  std::string user;       // empty: without CHAP
  std::string initiator;  // our own name
};

/// Why, and what to do about it, from the bytes that came back (of which the last Login Response
/// counts, RFC 7143 section 11.13.5): "it has no target iqn.x:y; `holdfast discover …` lists those
/// that it has". `otherwise` is the reason when they hold none. Somebody who speaks another
/// protocol is quoted.
std::string login_refusal(const LoginAttempt& attempt, std::span<const std::byte> bytes,
                          const std::string& otherwise);

}  // namespace holdfast::initiator
