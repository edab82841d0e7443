#include "target/admin/http_request.h"

namespace holdfast::target {
namespace {

constexpr HttpVerdict bad_request{400, "Bad Request"};

/// Up to a space or the end, and takes both off `line`.
std::string_view take_word(std::string_view& line) {
  const std::size_t end = line.find(' ');
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return word;
}

}  // namespace

bool head_is_complete(std::string_view text) {
  return text.find("\r\n\r\n") != std::string_view::npos || text.find("\n\n") != std::string_view::npos;
}

HttpVerdict judge_request(std::string_view head) {
  if (!head_is_complete(head))
    return head.size() > http_head_bytes_max ? HttpVerdict{431, "Request Header Fields Too Large"} : bad_request;
  std::string_view line = head.substr(0, head.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  const std::string_view method = take_word(line);
  const std::string_view target = take_word(line);
  const std::string_view version = line;
  if (method.empty() || !target.starts_with('/') || !version.starts_with("HTTP/")) return bad_request;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return {505, "HTTP Version Not Supported"};
  if (target.substr(0, target.find('?')) != "/metrics") return {404, "Not Found"};
  if (method != "GET" && method != "HEAD") return {405, "Method Not Allowed"};
  return {.has_body = method == "GET"};
}

}  // namespace holdfast::target
