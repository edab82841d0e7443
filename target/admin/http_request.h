#pragma once

#include <cstddef>
#include <string_view>

namespace holdfast::target {

/// The head of an HTTP/1.1 request is no longer than that.
inline constexpr std::size_t http_head_bytes_max = 8 * 1024;

/// What a request comes to.
struct HttpVerdict {
  int status = 200;
  std::string_view reason = "OK";
  bool has_body = true;  // HEAD asks for the head of the answer alone
};

/// Whether all of the head is here: up to an empty line.
bool head_is_complete(std::string_view text);

/// Judges the head of a request, complete or not: GET and HEAD of /metrics are answered, with or
/// without a query, by whatever name the host is called. Pure; `head` may be anything.
HttpVerdict judge_request(std::string_view head);

}  // namespace holdfast::target
