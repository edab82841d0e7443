#include "initiator/device/nbd_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "initiator/device/url_parts.h"

namespace holdfast::initiator {
namespace {

constexpr std::size_t export_bytes_max = 4096;  // the NBD protocol's limit for strings
constexpr std::string_view connections_name = "connections";
constexpr unsigned connections_limit = 16;

struct Scheme {
  std::string_view text;
  bool tls;
  bool local;
  std::string_view form;
};

constexpr std::array<Scheme, 4> schemes = {{
    {"nbd://", false, false, "nbd://host[:port][/export]"},
    {"nbds://", true, false, "nbds://[user@]host[:port][/export][?tls-certificates=DIR|?tls-psk-file=FILE]"},
    {"nbd+unix://", false, true, "nbd+unix:///[export]?socket=PATH"},
    {"nbds+unix://", true, true, "nbds+unix://[user@]/[export]?socket=PATH[&tls-certificates=DIR]"},
}};

struct Parameter {
  std::string_view name;
  std::string NbdUrl::*value;
  bool with_tls_only;
  bool local_only;
};

constexpr std::array<Parameter, 3> parameters = {{
    {"socket", &NbdUrl::socket, false, true},
    {"tls-certificates", &NbdUrl::tls_certificates, true, false},
    {"tls-psk-file", &NbdUrl::tls_psk_file, true, false},
}};

Status read_connections(std::string_view value, const Scheme& scheme, NbdUrl& url) {
  const std::optional<unsigned> number = read_number(value);
  if (!number || *number == 0 || *number > connections_limit)
    return wrong_url(fmt::format("connections={} is not a number from 1 to {}", value, connections_limit), scheme.form);
  url.connections = *number;
  return {};
}

Status read_parameter(std::string_view text, const Scheme& scheme, NbdUrl& url) {
  const std::size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  if (name == connections_name)
    return read_connections(equals == std::string_view::npos ? "" : text.substr(equals + 1), scheme, url);
  for (const Parameter& parameter : parameters) {
    if (parameter.name != name) continue;
    if (parameter.with_tls_only && !scheme.tls)
      return wrong_url(fmt::format("{} is for TLS, whose scheme is nbds", name), scheme.form);
    if (parameter.local_only && !scheme.local)
      return wrong_url(fmt::format("{} is for a Unix domain socket, whose scheme is nbd+unix", name), scheme.form);
    if (equals == std::string_view::npos || equals + 1 == text.size())
      return wrong_url(fmt::format("{} has no value", name), scheme.form);
    url.*parameter.value = percent_decode(text.substr(equals + 1));
    return {};
  }
  return wrong_url(fmt::format("'{}' is no parameter of an NBD URL", name), scheme.form);
}

Status read_query(std::string_view text, const Scheme& scheme, NbdUrl& url) {
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    if (Status read = read_parameter(text.substr(0, end), scheme, url); !read) return read;
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return {};
}

Status read_authority(std::string_view text, const Scheme& scheme, NbdUrl& url) {
  const std::size_t at = text.rfind('@');
  if (at != std::string_view::npos) {
    url.user = percent_decode(text.substr(0, at));
    if (url.user.empty()) return wrong_url("the user before '@' is empty", scheme.form);
    if (!scheme.tls) return wrong_url("a user is for TLS, whose scheme is nbds", scheme.form);
    text.remove_prefix(at + 1);
  }
  if (scheme.local) {
    if (!text.empty()) return wrong_url(fmt::format("a Unix domain socket has no host such as '{}'", text), scheme.form);
    return {};
  }
  Result<HostAndPort> place = read_host_and_port(text, url.port, scheme.form);
  if (!place) return place.error();
  url.host = std::move(place->host);
  url.port = place->port;
  return {};
}

const Scheme& scheme_of(const NbdUrl& url) {
  return schemes[(url.socket.empty() ? 0U : 2U) + (url.tls ? 1U : 0U)];
}

}  // namespace

Result<NbdUrl> NbdUrl::parse(std::string_view text) {
  const Scheme* scheme = nullptr;
  for (const Scheme& one : schemes)
    if (text.starts_with(one.text)) scheme = &one;
  if (scheme == nullptr)
    return wrong_url("an NBD URL begins with nbd://, nbds://, nbd+unix:// or nbds+unix://", schemes[0].form);
  text.remove_prefix(scheme->text.size());

  NbdUrl url;
  url.tls = scheme->tls;
  const std::size_t question = text.find('?');
  if (question != std::string_view::npos) {
    if (Status read = read_query(text.substr(question + 1), *scheme, url); !read) return read.error();
    text = text.substr(0, question);
  }
  const std::size_t slash = text.find('/');
  if (slash != std::string_view::npos) url.export_name = percent_decode(text.substr(slash + 1));
  if (Status read = read_authority(text.substr(0, slash), *scheme, url); !read) return read.error();
  if (scheme->local && url.socket.empty()) return wrong_url("the socket's path is missing", scheme->form);
  if (url.export_name.size() > export_bytes_max)
    return wrong_url(fmt::format("the export's name has {} bytes; {} are the most", url.export_name.size(),
                                 export_bytes_max),
                     scheme->form);
  if (url.export_name.find('\0') != std::string::npos)
    return wrong_url("the export's name has a zero byte in it", scheme->form);
  return url;
}

std::string NbdUrl::portal() const { return socket.empty() ? host_and_port_text(host, port) : socket; }

std::string NbdUrl::to_server() const {
  std::string text(scheme_of(*this).text);
  if (!user.empty()) text += percent_encode(user) + "@";
  if (socket.empty()) text += host_and_port_text(host, port);
  text += "/";
  char separator = '?';
  for (const Parameter& parameter : parameters) {
    const std::string& value = this->*parameter.value;
    if (value.empty()) continue;
    text += fmt::format("{}{}={}", std::exchange(separator, '&'), parameter.name, percent_encode(value));
  }
  return text;
}

std::string NbdUrl::to_string() const {
  std::string text = to_server();
  const std::size_t question = std::min(text.find('?'), text.size());
  if (connections != 0)
    text += fmt::format("{}{}={}", question == text.size() ? '?' : '&', connections_name, connections);
  return text.insert(question, percent_encode(export_name));
}

}  // namespace holdfast::initiator
