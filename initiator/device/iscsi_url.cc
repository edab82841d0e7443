#include "initiator/device/iscsi_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace holdfast::initiator {
namespace {

constexpr std::string_view scheme = "iscsi://";
constexpr std::string_view lun_form = "iscsi://[user[%password]@]host[:port]/iqn/lun";
constexpr std::string_view portal_form = "iscsi://[user[%password]@]host[:port]";

constexpr std::size_t name_bytes_max = 223;    // RFC 7143 section 4.2.7.1
constexpr std::size_t secret_bytes_max = 255;  // what libiscsi can hold
constexpr unsigned lun_max = 16383;            // flat space addressing, SAM-5 section 4.7.4

Error wrong(std::string what, std::string_view form) {
  return Error{ErrorKind::invalid_input, EINVAL, fmt::format("{}; the form is {}", what, form)};
}

std::optional<unsigned> number(std::string_view text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Turns %3A into ':'. A percent sign without two digits after it stays.
std::string decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
                        hex_digit(text[i + 2]) >= 0;
    if (escape) {
      decoded += static_cast<char>(16 * hex_digit(text[i + 1]) + hex_digit(text[i + 2]));
      i += 2;
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

Status read_user(std::string_view text, IscsiUrl& url, std::string_view form) {
  const std::size_t percent = text.find('%');
  url.user = text.substr(0, percent);
  if (url.user.empty()) return wrong("the user before '@' is empty", form);
  if (percent == std::string_view::npos) return {};
  url.password = text.substr(percent + 1);
  if (url.password.empty()) return wrong("the password after '%' is empty", form);
  return {};
}

Status read_host(std::string_view text, IscsiUrl& url, std::string_view form) {
  std::string_view port;
  bool has_port = false;
  if (!text.empty() && text.front() == '[') {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return wrong("the host's '[' has no ']'", form);
    url.host = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
    if (!text.empty() && text.front() != ':')
      return wrong(fmt::format("'{}' after the host's ']' is no port", text), form);
    has_port = !text.empty();
    if (has_port) port = text.substr(1);
  } else {
    const std::size_t colon = text.find(':');
    if (text.find(':', colon == std::string_view::npos ? colon : colon + 1) != std::string_view::npos)
      return wrong(fmt::format("the host '{}' has several colons: an IPv6 address stands in brackets", text),
                   form);
    url.host = text.substr(0, colon);
    has_port = colon != std::string_view::npos;
    if (has_port) port = text.substr(colon + 1);
  }
  if (url.host.empty()) return wrong("the host is missing", form);
  if (url.host.find_first_of(" \t\r\n,") != std::string::npos)
    return wrong(fmt::format("'{}' is no host", url.host), form);
  if (!has_port) return {};
  const std::optional<unsigned> value = number(port);
  if (!value || *value == 0 || *value > 65535)
    return wrong(fmt::format("the port '{}' is not a number from 1 to 65535", port), form);
  url.port = static_cast<std::uint16_t>(*value);
  return {};
}

Status read_target(std::string_view text, IscsiUrl& url) {
  const std::size_t slash = text.rfind('/');
  url.target = decode(text.substr(0, slash));
  if (url.target.empty()) return wrong("the target's name is missing", lun_form);
  if (url.target.size() > name_bytes_max)
    return wrong(fmt::format("the target's name has {} bytes; {} are the most", url.target.size(), name_bytes_max),
                 lun_form);
  const bool printable =
      std::all_of(url.target.begin(), url.target.end(), [](char c) { return c > ' ' && c != '/' && c != 0x7f; });
  if (!printable) return wrong("the target's name has a slash, a space or a control character in it", lun_form);
  if (slash == std::string_view::npos || slash + 1 == text.size())
    return wrong(fmt::format("the LUN after '{}' is missing", url.target), lun_form);
  const std::string_view lun = text.substr(slash + 1);
  const std::optional<unsigned> value = number(lun);
  if (!value || *value > lun_max)
    return wrong(fmt::format("the LUN '{}' is not a number from 0 to {}", lun, lun_max), lun_form);
  url.lun = static_cast<std::uint16_t>(*value);
  return {};
}

/// Reads what stands before the path, and cuts it off `text`.
Result<IscsiUrl> read_authority(std::string_view& text, std::string_view form) {
  if (!text.starts_with(scheme)) return wrong("an iSCSI URL begins with iscsi://", form);
  text.remove_prefix(scheme.size());
  const std::size_t path = text.find('/');
  std::string_view authority = text.substr(0, path);
  text.remove_prefix(path == std::string_view::npos ? text.size() : path + 1);

  IscsiUrl url;
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    if (Status user = read_user(authority.substr(0, at), url, form); !user) return user.error();
    authority.remove_prefix(at + 1);
  }
  if (Status host = read_host(authority, url, form); !host) return host.error();
  return url;
}

}  // namespace

Result<IscsiUrl> IscsiUrl::parse(std::string_view text) {
  Result<IscsiUrl> url = read_authority(text, lun_form);
  if (!url) return url;
  if (Status target = read_target(text, *url); !target) return target.error();
  return url;
}

Result<IscsiUrl> IscsiUrl::parse_portal(std::string_view text) {
  Result<IscsiUrl> url = read_authority(text, portal_form);
  if (url && !text.empty()) return wrong(fmt::format("'{}' after the portal is too much", text), portal_form);
  return url;
}

Status IscsiUrl::complete_password(const char* secret) {
  if (user.empty()) return {};
  if (password.empty() && secret != nullptr) password = secret;
  if (password.empty())
    return Error{ErrorKind::invalid_input, EINVAL,
                 fmt::format("user {} has no password: put it into HOLDFAST_PASSWORD, or after the user as "
                             "user%password",
                             user)};
  if (user.size() > secret_bytes_max || password.size() > secret_bytes_max)
    return Error{ErrorKind::invalid_input, EINVAL,
                 fmt::format("the user or the password is longer than {} bytes", secret_bytes_max)};
  return {};
}

std::string IscsiUrl::portal() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return fmt::format(fmt::runtime(ipv6 ? "[{}]:{}" : "{}:{}"), host, port);
}

std::string IscsiUrl::to_string() const {
  std::string text(scheme);
  if (!user.empty()) text += user + "@";
  text += portal();
  if (!target.empty()) text += fmt::format("/{}/{}", target, lun);
  return text;
}

}  // namespace holdfast::initiator
