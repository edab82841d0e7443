#include "initiator/tree/nfs_url.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <charconv>

namespace holdfast::initiator {
namespace {

constexpr std::string_view scheme = "nfs://";
constexpr std::string_view form = "nfs://host/export[/path][?version=3|4&nfsport=N&…]";
constexpr std::size_t path_bytes_max = 1024;  // MNTPATHLEN, RFC 1813 section 5.1.1

Error wrong(std::string what) {
  return Error{ErrorKind::invalid_input, EINVAL, fmt::format("{}; the form is {}", what, form)};
}

/// A key of the query with the values that it takes and where they go.
struct Key {
  std::string_view name;
  std::uint64_t least;
  std::uint64_t most;
  void (*put)(NfsUrl& url, std::uint64_t value);
};

constexpr std::uint64_t id_most = 0xFFFF'FFFE;

constexpr std::array<Key, 7> keys = {{
    {"version", 3, 4, [](NfsUrl& url, std::uint64_t value) { url.version = static_cast<unsigned>(value); }},
    {"nfsport", 1, 65535, [](NfsUrl& url, std::uint64_t value) { url.nfs_port = static_cast<std::uint16_t>(value); }},
    {"mountport", 1, 65535,
     [](NfsUrl& url, std::uint64_t value) { url.mount_port = static_cast<std::uint16_t>(value); }},
    {"uid", 0, id_most, [](NfsUrl& url, std::uint64_t value) { url.uid = static_cast<std::uint32_t>(value); }},
    {"gid", 0, id_most, [](NfsUrl& url, std::uint64_t value) { url.gid = static_cast<std::uint32_t>(value); }},
    {"requests", 1, 1024,
     [](NfsUrl& url, std::uint64_t value) { url.requests = static_cast<std::uint32_t>(value); }},
    {"transfer", 4096, 1 * MiB,
     [](NfsUrl& url, std::uint64_t value) { url.transfer_bytes = static_cast<std::uint32_t>(value); }},
}};

Result<std::uint64_t> number(std::string_view name, std::string_view text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    return wrong(fmt::format("{} '{}' is not a number from {} to {}", name, text, least, most));
  return value;
}

Status read_pair(std::string_view pair, NfsUrl& url) {
  const std::size_t equals = pair.find('=');
  const std::string_view name = pair.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
  std::string known;
  for (const Key& key : keys) {
    known += fmt::format("{}{}", known.empty() ? "" : ", ", key.name);
    if (key.name != name) continue;
    const Result<std::uint64_t> taken = number(name, value, key.least, key.most);
    if (!taken) return taken.error();
    key.put(url, *taken);
    return {};
  }
  return wrong(fmt::format("'{}' after the '?' is none of {}", name, known));
}

Status read_query(std::string_view query, NfsUrl& url) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    if (Status read = read_pair(query.substr(0, end), url); !read) return read;
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
  }
  return {};
}

Status read_host(std::string_view text, NfsUrl& url) {
  std::string_view port;
  bool has_port = false;
  if (!text.empty() && text.front() == '[') {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return wrong("the host's '[' has no ']'");
    url.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (!text.empty() && text.front() != ':') return wrong(fmt::format("'{}' after the host's ']' is no port", text));
    has_port = !text.empty();
    if (has_port) port = text.substr(1);
  } else {
    const std::size_t colon = text.find(':');
    url.host = text.substr(0, colon);
    has_port = colon != std::string_view::npos;
    if (has_port) port = text.substr(colon + 1);
  }
  if (url.host.empty()) return wrong("the host is missing");
  if (url.host.find_first_of(" \t\r\n,@") != std::string::npos) return wrong(fmt::format("'{}' is no host", url.host));
  if (!has_port) return {};
  const Result<std::uint64_t> value = number("the port", port, 1, 65535);
  if (!value) return value.error();
  url.nfs_port = static_cast<std::uint16_t>(*value);
  return {};
}

}  // namespace

Result<NfsUrl> NfsUrl::parse(std::string_view text) {
  if (!text.starts_with(scheme)) return wrong("an NFS URL begins with nfs://");
  std::string_view rest = text.substr(scheme.size());
  NfsUrl url;
  const std::size_t question = rest.find('?');
  const std::string_view query = question == std::string_view::npos ? std::string_view() : rest.substr(question + 1);
  rest = rest.substr(0, question);
  const std::size_t slash = rest.find('/');
  if (Status read = read_host(rest.substr(0, slash), url); !read) return read.error();
  if (slash == std::string_view::npos) return wrong("the export after the host is missing");
  url.path = rest.substr(slash);
  while (url.path.size() > 1 && url.path.back() == '/') url.path.pop_back();
  if (url.path.size() > path_bytes_max) return wrong(fmt::format("the path is longer than {} bytes", path_bytes_max));
  for (const std::string& component : url.components())
    if (component == "." || component == "..") return wrong("the path has '.' or '..' in it");
  if (Status read = read_query(query, url); !read) return read.error();
  return url;
}

std::string NfsUrl::to_string() const {
  const NfsUrl usual;
  std::string text(scheme);
  text += host.find(':') == std::string::npos ? host : "[" + host + "]";
  text += path;
  text += fmt::format("?version={}", version);
  if (nfs_port != 0) text += fmt::format("&nfsport={}", nfs_port);
  if (mount_port != 0) text += fmt::format("&mountport={}", mount_port);
  if (uid) text += fmt::format("&uid={}", *uid);
  if (gid) text += fmt::format("&gid={}", *gid);
  if (requests != usual.requests) text += fmt::format("&requests={}", requests);
  if (transfer_bytes != usual.transfer_bytes) text += fmt::format("&transfer={}", transfer_bytes);
  return text;
}

std::vector<std::string> NfsUrl::components() const {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    if (end > at) parts.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

}  // namespace holdfast::initiator
