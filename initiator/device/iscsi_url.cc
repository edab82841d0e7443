#include "initiator/device/iscsi_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "initiator/device/url_parts.h"

namespace holdfast::initiator {
namespace {

constexpr std::string_view scheme = "iscsi://";
constexpr std::string_view lun_form = "iscsi://[user[%password]@]host[:port]/iqn/lun[?…]";
constexpr std::string_view portal_form = "iscsi://[user[%password]@]host[:port][?…]";

constexpr std::size_t name_bytes_max = 223;    // RFC 7143 section 4.2.7.1
constexpr std::size_t secret_bytes_max = 255;  // what libiscsi can hold
constexpr unsigned lun_max = 16383;            // flat space addressing, SAM-5 section 4.7.4

Status read_user(std::string_view text, IscsiUrl& url, std::string_view form) {
  const std::size_t percent = text.find('%');
  url.user = text.substr(0, percent);
  if (url.user.empty()) return wrong_url("the user before '@' is empty", form);
  if (percent == std::string_view::npos) return {};
  url.password = text.substr(percent + 1);
  if (url.password.empty()) return wrong_url("the password after '%' is empty", form);
  return {};
}

/// What stands after the '?'.
Status read_options(std::string_view text, IscsiUrl& url, std::string_view form) {
  while (!text.empty()) {
    const std::string_view option = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), option.size() + 1));
    const std::size_t equals = option.find('=');
    const std::string_view name = option.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? "" : option.substr(equals + 1);
    if (name == "target_user" && !value.empty())
      url.target_user = value;
    else if (name == "target_password" && !value.empty())
      url.target_password = value;
    else if (const std::optional<unsigned> port = read_number(value);
             name == "echo" && port && *port > 0 && *port <= 65'535)
      url.echo_port = static_cast<std::uint16_t>(*port);
    else if (name == "header_digest" && (value == "crc32c" || value == "none"))
      url.header_digest = value == "crc32c";
    else if (name == "data_digest" && (value == "crc32c" || value == "none"))
      url.data_digest = value == "crc32c";
    else
      return wrong_url(fmt::format("'{}' after the '?' is none of target_user=NAME, target_password=SECRET, "
                                   "header_digest=crc32c|none, data_digest=crc32c|none and echo=PORT",
                                   name),
                       form);
  }
  if (url.target_user.empty() && !url.target_password.empty())
    return wrong_url("target_password without a target_user", form);
  if (!url.target_user.empty() && url.user.empty())
    return wrong_url("target_user without a user before the host: a target proves itself only to an initiator that does",
                     form);
  return {};
}

Status read_target(std::string_view text, IscsiUrl& url) {
  const std::size_t slash = text.rfind('/');
  url.target = percent_decode(text.substr(0, slash));
  if (url.target.empty()) return wrong_url("the target's name is missing", lun_form);
  if (url.target.size() > name_bytes_max)
    return wrong_url(fmt::format("the target's name has {} bytes; {} are the most", url.target.size(), name_bytes_max),
                 lun_form);
  const bool printable =
      std::all_of(url.target.begin(), url.target.end(), [](char c) { return c > ' ' && c != '/' && c != 0x7f; });
  if (!printable) return wrong_url("the target's name has a slash, a space or a control character in it", lun_form);
  if (slash == std::string_view::npos || slash + 1 == text.size())
    return wrong_url(fmt::format("the LUN after '{}' is missing", url.target), lun_form);
  const std::string_view lun = text.substr(slash + 1);
  const std::optional<unsigned> value = read_number(lun);
  if (!value || *value > lun_max)
    return wrong_url(fmt::format("the LUN '{}' is not a number from 0 to {}", lun, lun_max), lun_form);
  url.lun = static_cast<std::uint16_t>(*value);
  return {};
}

/// Reads what stands before the path, and cuts it off `text`.
Result<IscsiUrl> read_authority(std::string_view& text, std::string_view form) {
  if (!text.starts_with(scheme)) return wrong_url("an iSCSI URL begins with iscsi://", form);
  text.remove_prefix(scheme.size());
  // A password before the '@' may have any character in it.
  const std::size_t user_end = text.rfind('@', text.find('/'));
  const std::size_t question = text.find('?', user_end == std::string_view::npos ? 0 : user_end);
  const std::string_view options = question == std::string_view::npos ? "" : text.substr(question + 1);
  text = text.substr(0, question);
  const std::size_t path = text.find('/');
  std::string_view authority = text.substr(0, path);
  text.remove_prefix(path == std::string_view::npos ? text.size() : path + 1);

  IscsiUrl url;
  const std::size_t at = authority.rfind('@');
  if (at != std::string_view::npos) {
    if (Status user = read_user(authority.substr(0, at), url, form); !user) return user.error();
    authority.remove_prefix(at + 1);
  }
  Result<HostAndPort> place = read_host_and_port(authority, url.port, form);
  if (!place) return place.error();
  url.host = std::move(place->host);
  url.port = place->port;
  if (Status read = read_options(options, url, form); !read) return read.error();
  return url;
}

/// A user's password from `secret`, if it has none of its own.
Status complete(const std::string& user, std::string& password, const char* secret, std::string_view what) {
  if (user.empty()) return {};
  if (password.empty() && secret != nullptr) password = secret;
  if (password.empty())
    return Error{ErrorKind::invalid_input, EINVAL, fmt::format("user {} has no password: put it into {}", user, what)};
  if (user.size() > secret_bytes_max || password.size() > secret_bytes_max)
    return Error{ErrorKind::invalid_input, EINVAL,
                 fmt::format("the user or the password is longer than {} bytes", secret_bytes_max)};
  return {};
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
  if (url && !text.empty()) return wrong_url(fmt::format("'{}' after the portal is too much", text), portal_form);
  return url;
}

Status IscsiUrl::complete_password(const char* secret, const char* target_secret) {
  Status ours = complete(user, password, secret, "HOLDFAST_PASSWORD, or after the user as user%password");
  if (!ours) return ours;
  return complete(target_user, target_password, target_secret,
                  "HOLDFAST_TARGET_PASSWORD, or into the URL as target_password=SECRET");
}

std::string IscsiUrl::portal() const { return host_and_port_text(host, port); }

std::string IscsiUrl::to_string() const {
  std::string text(scheme);
  if (!user.empty()) text += user + "@";
  text += portal();
  if (!target.empty()) text += fmt::format("/{}/{}", target, lun);
  char before = '?';
  const auto add = [&text, &before](const std::string& option) { text += std::exchange(before, '&') + option; };
  if (!target_user.empty()) add("target_user=" + target_user);
  if (header_digest) add("header_digest=crc32c");
  if (data_digest) add("data_digest=crc32c");
  if (echo_port != 0) add(fmt::format("echo={}", echo_port));
  return text;
}

}  // namespace holdfast::initiator
